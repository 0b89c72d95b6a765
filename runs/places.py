"""What people do to the places of runs, lanes and sessions. Pages and API ask the same verbs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from pulser.engine.states import RunStatus
from pulser.tools.values import clean_text
from runs.actors import Actor
from runs.errors import DoesNotFit, Forbidden, MoveRefused, NotThere
from runs.execution.dispatch import wake
from runs.models import Lane, Run, Session
from runs.models.lane import REASON_CHARS
from runs.models.session import DEFAULT_SESSION, NAME_CHARS


def open_session(name: str, *, actor: Actor) -> tuple[Session, bool]:
    """The session of that name, and whether it is new. Raises Forbidden, DoesNotFit, MoveRefused (it is archived)."""
    _require_operator(actor)
    session, is_new = Session.objects.get_or_create(name=_session_name(name))
    if session.archived_at is not None:
        raise MoveRefused(f"the session {session.name} is archived: restore it on the page of sessions")
    return session, is_new


def rename_session(session: Session, *, name: str, actor: Actor) -> None:
    """Raises Forbidden, DoesNotFit for a name that cannot be, MoveRefused for a taken one and for `default`.

    Whatever names no session goes to the one called `default`: under another name it would be made a second time.
    """
    _require_operator(actor)
    name = _session_name(name)
    if session.name == DEFAULT_SESSION and name != DEFAULT_SESSION:
        raise MoveRefused(f"runs that name no session go to {DEFAULT_SESSION}: it keeps its name")
    try:
        with transaction.atomic():
            Session.objects.filter(pk=session.pk).update(name=name)
    except IntegrityError:
        raise MoveRefused(f"there is a session {name} already") from None
    session.name = name


def archive_session(session: Session, *, actor: Actor) -> None:
    """Put a session away: no run starts in it, its runs stay. Raises Forbidden, MoveRefused (`default`, or done)."""
    _require_operator(actor)
    if session.name == DEFAULT_SESSION:
        raise MoveRefused(f"the session {DEFAULT_SESSION} is always in use")
    if not Session.objects.active().filter(pk=session.pk).update(archived_at=Now()):
        raise MoveRefused("the session is archived already")


def unarchive_session(session: Session, *, actor: Actor) -> None:
    """Take a session into use again. Raises Forbidden, MoveRefused."""
    _require_operator(actor)
    if not Session.objects.archived().filter(pk=session.pk).update(archived_at=None):
        raise MoveRefused("the session is not archived")


def _session_name(text: str) -> str:
    name = clean_text(text.replace("\0", "")).strip()
    if not name:
        raise DoesNotFit("a session needs a name")
    if len(name) > NAME_CHARS:
        raise DoesNotFit(f"a session's name has at most {NAME_CHARS} characters")
    return name


def pause_lane(lane: Lane, *, reason: str, actor: Actor) -> None:
    """The lane starts nothing new; what runs goes on. A second pause changes the reason. Raises Forbidden."""
    change_lane(
        lane.name,
        {"paused": True, "paused_reason": clean_text(reason.replace("\0", "")).strip()[:REASON_CHARS]},
        actor=actor,
    )


def resume_lane(lane: Lane, *, actor: Actor) -> None:
    """The lane takes runs again, at once. Raises Forbidden."""
    change_lane(lane.name, {"paused": False}, actor=actor)


def change_lane(name: str, wanted: Mapping[str, Any], *, actor: Actor) -> Lane:
    """Set `limit`, `paused`, `paused_reason` where they are given; what may start now, starts at once.

    Returns the lane with its load. Raises Forbidden, NotThere.
    """
    _require_operator(actor)
    lanes = Lane.objects.filter(name=name)
    if not lanes.exists():
        raise NotThere(f"there is no lane {name[:50]}")
    if wanted:
        lanes.update(**{**wanted, **_pausing(wanted, actor)})
    lane = lanes.with_load().get()
    _wake_for(lane)
    return lane


def _pausing(wanted: Mapping[str, Any], actor: Actor) -> dict[str, Any]:
    """Who paused it and when, for those who wonder later."""
    if "paused" not in wanted:
        return {}
    if wanted["paused"]:
        return {"paused_by": actor.name[:200], "paused_at": Now()}
    return {"paused_by": "", "paused_at": None, "paused_reason": ""}


def _wake_for(lane: Lane) -> None:
    """Workers find a lane by any of its runs, and take from it in the order of the lane."""
    room = 0 if lane.paused else lane.limit - lane.used  # type: ignore[attr-defined]
    first = Run.objects.filter(lane=lane).in_status(RunStatus.QUEUED).first()
    if room > 0 and first is not None:
        wake(str(first.pk), count=min(room, lane.queued))  # type: ignore[attr-defined]


def _require_operator(actor: Actor) -> None:
    if not actor.can_operate:
        raise Forbidden("this asks for the role operator")
