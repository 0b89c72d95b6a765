"""Events of runs in batches: at most so many, and so many bytes, read once for all who watch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import BigIntegerField, Func, Q, RowRange, Sum, TextField, Window
from django.db.models.functions import Cast, Coalesce, Lead

from pulser.engine.states import RUN_ENDED
from pulser.language import limits
from runs.models import Event, Run
from runs.stream.event_json import dumps, event_json

EVENTS_PER_BATCH = 200
EVENT_BYTES = 1 * limits.MIB  # of data in the events of one frame, unless a single one has more

SEQ_MAX = 2**31 - 2 - EVENTS_PER_BATCH
SIZE = Func(Cast("data", TextField()), function="octet_length", output_field=BigIntegerField())
SUM_BEFORE = Window(Sum(SIZE), order_by=("run_id", "seq"), frame=RowRange(end=-1))
BYTES_BEFORE = Coalesce(SUM_BEFORE, 0, output_field=BigIntegerField())
NEXT = Window(Lead("seq"), partition_by="run_id", order_by="seq")


@dataclass(frozen=True, slots=True)
class Batch:
    """Events of a run in order, at most `EVENTS_PER_BATCH`, and about `size` bytes of data in them.

    `is_last`: the run has ended, nothing comes after them.
    """

    run: str
    seq: int
    events: tuple[dict[str, Any], ...]
    more: bool
    is_last: bool
    size: int = 0

    @property
    def text(self) -> str:
        return dumps({"run": self.run, "seq": self.seq, "events": self.events}) if self.events else ""


def batch(run_id: str, *, after: int) -> Batch | None:
    """The events of a run after `after`, None when there is no such run."""
    return batches({run_id: after}).get(run_id)


def batches(afters: Mapping[str, int]) -> dict[str, Batch]:
    """The events of each of these runs after a seq. A run that is not there is left out, and so are the last ones when
    the events before them are large.

    The runs are read before their events: when one had ended by then, the events that follow are all there are.
    """
    runs = Run.objects.filter(pk__in=afters).order_by().values_list("pk", "seq", "status")
    there = {str(pk): (seq, status in RUN_ENDED) for pk, seq, status in runs}
    found = _events_of({run: afters[run] for run in there}) if there else {}
    return {
        run: _batch(run, found.get(run, []), after=afters[run], has_ended=has_ended)
        for run, (seq, has_ended) in there.items()
        if run in found or seq <= afters[run]
    }


def _batch(run: str, events: list[Any], *, after: int, has_ended: bool) -> Batch:
    more = bool(events) and events[-1].next is not None
    seq = events[-1].seq if events else after
    said = tuple(event_json(event) for event in events)
    size = sum(event.size for event in events)
    return Batch(run=run, seq=seq, events=said, more=more, is_last=has_ended and not more, size=size)


def events_after(run_id: str, after: int) -> tuple[list[Any], bool]:
    """The next events of a run, one at least if there is one; and whether there are more."""
    events = _events_of({run_id: after}).get(run_id, [])
    return events, bool(events) and events[-1].next is not None


def _events_of(afters: Mapping[str, int]) -> dict[str, list[Any]]:
    """The next events of these runs with their `size`, at most `EVENTS_PER_BATCH` of each, and together so many that
    they stay small: the runs at the end may get none.

    A step's outputs may have a megabyte: PostgreSQL adds up, so that no more than these are ever read into memory.
    """
    last = EVENTS_PER_BATCH + 1
    near = (Q(run_id=run, seq__gt=seq, seq__lte=min(seq, SEQ_MAX) + last) for run, seq in afters.items())
    asked = Event.objects.filter(reduce(or_, near))
    sized = asked.annotate(size=SIZE, before=BYTES_BEFORE, next=NEXT).filter(before__lt=EVENT_BYTES).in_order()
    found: dict[str, list[Any]] = {}
    for event in sized:
        events = found.setdefault(str(event.run_id), [])
        if len(events) < EVENTS_PER_BATCH:
            events.append(event)
    return found
