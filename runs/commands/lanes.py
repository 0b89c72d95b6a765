"""Pause and resume lanes, and change their limits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models.functions import Now

from pulser.engine.states import RunStatus
from pulser.tools.values import clean_text
from runs.accounts.actors import Actor
from runs.commands.rights import require_operator
from runs.errors import NotFound
from runs.models import Lane, Run
from runs.models.lane import REASON_CHARS
from runs.signals import work_ready


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

    Returns the lane with its load. Raises Forbidden, NotFound.
    """
    require_operator(actor)
    lanes = Lane.objects.filter(name=name)
    if not lanes.exists():
        raise NotFound(f"lane {name[:50]} not found")
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
        work_ready.send(Lane, run_id=str(first.pk), count=min(room, lane.queued))  # type: ignore[attr-defined]
