"""Plain functions that make what a test needs, with defaults."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.contrib.auth.models import Group, User
from django.utils import timezone

from pulser.catalogue import save_plan
from pulser.models import PlanVersion
from runs.accounts.actors import Actor
from runs.accounts.models import ApiToken
from runs.commands.start import start_run
from runs.models import Event, Lane, Run, Session, Step, Worker

numbers = itertools.count(1)

HELLO = """
pulser: 1
slug: {slug}
title: Hello
steps:
  - {{id: greet, uses: shell, with: {{run: "echo hello"}}}}
"""
ASKS = """
pulser: 1
slug: asks
title: Asks
steps:
  - {id: sign-off, uses: approval, with: {role: operator, message: "Release it?"}}
"""


def make_actor(role: str = "operator", *, name: str = "olivia") -> Actor:
    return Actor(name, frozenset({role}) if role else frozenset())


def make_user(role: str = "operator", *, name: str = "") -> User:
    """A person who may sign in with the password `secret-enough`.

    Role: admin, operator, viewer, or "" for a stranger.
    """
    name = name or f"{role or 'stranger'}-{next(numbers)}"
    # One iteration: the hash is as valid as any, and made in no time.
    password = PBKDF2PasswordHasher().encode("secret-enough", "salt", iterations=1)
    user = get_user_model().objects.create(username=name, password=password)
    if role == "admin":
        user.is_staff = user.is_superuser = True
        user.save()
    if role:
        user.groups.add(Group.objects.get_or_create(name=role)[0])
    return user


def make_token(role: str = "operator", *, name: str = "") -> str:
    """The secret of a new API token."""
    _, secret = ApiToken.issue(name or f"test {next(numbers)}", role=role)
    return secret


def make_plan(source: str = "", *, slug: str = "") -> PlanVersion:
    """A stored plan version; without a source, one step that says hello."""
    source = source or HELLO.format(slug=slug or f"hello-{next(numbers)}")
    saved = save_plan(source)
    assert saved.version is not None, [str(problem) for problem in saved.problems]
    return saved.version


def make_lane(name: str = "A", *, limit: int = 10, **fields: Any) -> Lane:
    lane, _ = Lane.objects.update_or_create(name=name, defaults={"limit": limit, **fields})
    return lane


def make_session(name: str = "default") -> Session:
    return Session.objects.get_or_create(name=name)[0]


def make_worker(name: str = "w1", *, seen_ago_s: float = 1) -> Worker:
    """A worker that was heard of so long ago."""
    now = timezone.now()
    seen = now - timedelta(seconds=seen_ago_s)
    return Worker.objects.create(name=name, host="here", pid=7, slots=2, started_at=now, seen_at=seen)


def start(source: str = "", *, params: Mapping[str, Any] | None = None, **wanted: Any) -> Run:
    """A run that was started the way everybody starts one, and has not been worked on."""
    version = wanted.pop("version", None) or make_plan(source)
    lane, session = wanted.pop("lane", None), wanted.pop("session", None)
    wanted = {"actor": make_actor(), "trigger": "test"} | wanted
    return start_run(
        version,
        params=params or {},
        lane=make_lane(lane) if isinstance(lane, str) else lane or make_lane(),
        session=make_session(session) if isinstance(session, str) else session or make_session(),
        **wanted,
    ).run


def make_run(*, status: str = "queued", steps: Mapping[str, str] | None = None, source: str = "", **fields: Any) -> Run:
    """A run in any status, put there without its history: for pages and lists, not for moves."""
    run = start(source, **{key: fields.pop(key) for key in ("lane", "session", "title", "version") if key in fields})
    now = timezone.now()
    columns = {"status": status, **fields}
    if status in ("success", "error", "cancelled"):
        columns.setdefault("finished_at", now)
    if status not in ("queued", "cancelled"):
        columns.setdefault("started_at", now)
    Run.objects.filter(pk=run.pk).update(**columns)
    for key, step_status in (steps or {}).items():
        put_step(run, key, step_status)
    run.refresh_from_db()
    return run


def put_step(run: Run, key: str, status: str, **fields: Any) -> None:
    now = timezone.now()
    needed: dict[str, Any] = {
        "running": {"attempt": 1},
        "queued": {"queued_at": now},
        "backoff": {"next_attempt_at": now},
        "waiting": {"deadline_at": now, "wait_role": "operator", "wait_kind": "approval", "on_timeout": "reject"},
    }.get(status, {})
    Step.objects.filter(run=run, key=key).update(status=status, **{**needed, **fields})


def say(run: Run, kind: str, **data: Any) -> Event:
    """Append an event to a run's log as it is, for feeds and lists."""
    run.refresh_from_db()
    event = Event.objects.create(run=run, seq=run.seq + 1, kind=kind, data=data, at=timezone.now())
    Run.objects.filter(pk=run.pk).update(seq=event.seq)
    return event
