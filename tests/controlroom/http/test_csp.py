from __future__ import annotations

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("path", ["/login", "/healthz", "/nothing-here", "/admin/login/"])
def test_pages_run_no_scripts_but_our_own(client: Client, path: str) -> None:
    policy = client.get(path).headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "script-src" not in policy


def test_the_documentation_of_the_api_may_run_its_own_script(client: Client) -> None:
    assert "script-src 'self' 'unsafe-inline'" in client.get("/api/docs").headers["Content-Security-Policy"]


def test_pages_may_not_be_framed(client: Client) -> None:
    assert "frame-ancestors 'none'" in client.get("/login").headers["Content-Security-Policy"]
