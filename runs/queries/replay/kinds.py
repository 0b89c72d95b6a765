"""Kinds of events for people: the groups that a list is filtered by, and how each one stands out."""

from __future__ import annotations

from collections.abc import Mapping

GROUPS: Mapping[str, tuple[str, ...]] = {
    "run": ("run.",),
    "step": ("step.", "attempt.", "log."),
    "approval": ("approval.",),
    "artifact": ("artifact.",),
    "proof": ("proof.",),
}

# In the order of their weight: of several events in one place, the first that occurs is the one that is seen.
STANDS_OUT: Mapping[str, tuple[str, ...]] = {
    "error": ("step.failed", "run.failed", "step.lost", "attempt.rejected", "approval.rejected", "approval.expired"),
    "cancelled": ("run.cancel_requested", "run.cancelled", "step.cancelled"),
    "waiting": ("step.backed_off", "step.parked", "step.suspended", "approval.requested", "run.waiting", "run.retried"),
    "success": ("run.succeeded", "step.succeeded", "approval.given"),
    "running": ("run.started", "run.resumed", "step.claimed"),
}
STATUSES = {kind: status for status, kinds in STANDS_OUT.items() for kind in kinds}
QUIET = "pending"


def group_of(kind: str) -> str:
    """The group that a filter knows it by."""
    return next((name for name, begins in GROUPS.items() if kind.startswith(begins)), "step")


def status_of(kind: str) -> str:
    """The status whose colour and shape it has."""
    return STATUSES.get(kind, QUIET)
