"""Output of steps, written as workers write it, some seconds ago: nothing precedes it any more."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone

from runs.models import Attempt, LogChunk, Run


def attempt_of(run: Run, key: str = "greet", *, number: int = 1, **fields: object) -> Attempt:
    found, _ = Attempt.objects.get_or_create(
        step=run.steps.get(key=key),
        number=number,
        defaults={"started_at": timezone.now(), "finished_at": timezone.now(), **fields},
    )
    return found


def write(attempt: Attempt, *pieces: bytes, stream: str = "stdout", at: datetime | None = None) -> None:
    """A chunk for each piece."""
    last = attempt.log.order_by("offset").last()
    offset = last.offset + len(last.data) if last else 0
    at = at or timezone.now() - timedelta(seconds=10)
    for piece in pieces:
        lines, is_open = LogChunk.count(piece)
        LogChunk.objects.create(
            attempt=attempt, offset=offset, stream=stream, data=piece, at=at, lines=lines, is_open=is_open
        )
        offset += len(piece)
