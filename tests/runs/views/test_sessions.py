from __future__ import annotations

import pytest
from django.test import Client

from runs.models import Session
from tests.factories import make_session

pytestmark = pytest.mark.django_db


def test_a_new_session_opens_its_own_board(operator: Client) -> None:
    answer = operator.post("/sessions", {"name": " incident 42 "})
    session = Session.objects.get(name="incident 42")
    assert (answer.status_code, answer.headers["Location"]) == (302, f"/?session={session.pk}")


def test_a_name_that_is_taken_opens_that_session(operator: Client) -> None:
    session = make_session("incident 42")
    assert operator.post("/sessions", {"name": "incident 42"}).headers["Location"] == f"/?session={session.pk}"


@pytest.mark.parametrize("name", ["", "   ", "\0"])
def test_a_session_needs_a_name(operator: Client, name: str) -> None:
    before = Session.objects.count()
    assert operator.post("/sessions", {"name": name}).status_code == 302
    assert Session.objects.count() == before


def test_a_viewer_makes_no_sessions(viewer: Client) -> None:
    assert viewer.post("/sessions", {"name": "mine"}).status_code == 403
    assert not Session.objects.filter(name="mine").exists()
