"""Each process loads what it needs: what idles in memory, idles in several processes at once."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec

import pytest
from django.core.management import call_command

from controlroom.hidden_packages import hide_package

# As a worker does at its start: the command, the app, Django, the tasks.
WORKER = """
import os, sys
from controlroom import celery_worker
os.environ["CELERY_SKIP_CHECKS"] = "true"
celery_worker.app.loader.init_worker()
print(*{name.partition(".")[0] for name in sys.modules})
"""
WEB_ONLY = {"daphne", "twisted", "autobahn", "ninja", "prometheus_client"}
SELDOM = {"httpx", "httpcore", "prompt_toolkit", "click_repl", "pygments"}
WEB = """
import sys
from controlroom import daphne_server
print(*{name.partition(".")[0] for name in sys.modules})
"""


@pytest.fixture(scope="module")
def loaded() -> set[str]:
    return load(WORKER)


def load(program: str) -> set[str]:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=os.environ)
    return set(done.stdout.split())


def test_a_worker_knows_the_tasks(loaded: set[str]) -> None:
    assert {"runs", "pulser", "celery", "django"} <= loaded


def test_a_worker_loads_nothing_of_the_web_process(loaded: set[str]) -> None:
    assert not loaded & WEB_ONLY


def test_a_worker_loads_nothing_that_is_seldom_used(loaded: set[str]) -> None:
    assert not loaded & SELDOM


def test_the_web_process_loads_no_tls() -> None:
    loaded = load(WEB)

    assert "daphne" in loaded
    assert "OpenSSL" not in loaded


def test_what_was_left_out_can_be_imported_afterwards() -> None:
    with hide_package("this"), pytest.raises(ImportError):
        import_module("this")

    assert "this" not in sys.modules
    assert find_spec("this")


def test_djangos_checks_find_nothing() -> None:
    """Nobody runs those of code at a start: they would load the whole web process into each other one."""
    call_command("check", fail_level="WARNING")
