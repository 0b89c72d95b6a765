"""A schedule that cannot be kept."""

from __future__ import annotations

from celery import beat


class Scheduler(beat.Scheduler):  # type: ignore[misc]  # Celery has no types
    """Says when to tick next, and cannot."""

    def tick(self, *_args: object, **_given: object) -> float:
        raise RuntimeError("the clock is broken")
