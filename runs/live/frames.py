"""Frames: what is sent about one run, read from the log and rendered from the pages' own partials.

All functions here are synchronous and read the database; the feed calls them in its own thread, once for all viewers.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import BigIntegerField, Func, RowRange, Sum, TextField, Window
from django.db.models.functions import Cast, Coalesce, Lead
from django.template.loader import render_to_string

from pulser.language import limits
from runs.actors import Actor
from runs.live.shown import board_cards, board_runs, last_log_ids, read_log, run_context, step_contexts
from runs.live.wire import dumps, event_json
from runs.models import Event, LogChunk, Run

EVENTS_PER_FRAME = 200
EVENT_BYTES = 1 * limits.MIB  # of data in the events of one frame, unless a single one has more
NEWEST_LOOKED_AT = 400  # runs that a poll compares beside those that boards are known to show

SEQ_MAX = 2**31 - 2 - EVENTS_PER_FRAME
SIZE = Func(Cast("data", TextField()), function="octet_length", output_field=BigIntegerField())
BYTES_BEFORE = Coalesce(Window(Sum(SIZE), order_by="seq", frame=RowRange(end=-1)), 0, output_field=BigIntegerField())
NEXT = Window(Lead("seq"), order_by="seq")

Fragment = dict[str, str]
Version = tuple[int, int]  # of a run: its last event's seq, its last log chunk's id


@dataclass(frozen=True, slots=True)
class Frame:
    """News of a run: JSON text, empty when there is none, and the place in log and output that it leads to.

    `more`: what lies beyond can be read at once. `held`: a log chunk can be read soon.
    """

    run: str
    seq: int
    text: str = ""
    log: int = 0
    session: int = 0
    more: bool = False
    held: bool = False

    @property
    def size(self) -> int:
        """About so many bytes in memory."""
        return len(self.text)


@dataclass(frozen=True, slots=True)
class Batch:
    """Events of a run in order, at most `EVENTS_PER_FRAME`, and about `size` bytes of data in them.

    `is_last`: the run has ended, nothing comes after them.
    """

    run: str
    seq: int
    events: tuple[dict[str, Any], ...]
    session: int
    more: bool
    is_last: bool
    size: int = 0

    @property
    def text(self) -> str:
        return dumps({"run": self.run, "seq": self.seq, "events": self.events}) if self.events else ""


def cards(run_ids: Iterable[str]) -> dict[str, Frame]:
    """The board's frame of each of these runs that is there."""
    runs = Run.objects.filter(pk__in=list(run_ids)).with_context()
    return {frame.run: frame for frame in map(_card, board_cards(runs))}


def _card(context: dict[str, Any]) -> Frame:
    run = context["run"]
    card = _fragment(f"#run-{run.pk}", "runs/_card.html", context)
    return Frame(run=str(run.pk), seq=run.seq, text=_text(run, run.seq, [card]), session=run.session_id)


def page(run_id: str, *, after: int, log: int) -> Frame:
    """What the page of a run lacks that has the events up to `after` and the log chunks up to id `log`.

    Events are read before the run: what is shown may be newer than `seq` says, and never older.
    """
    events, more_events = _events_after(run_id, after)
    chunks, more_log, held = read_log(run_id, after=log)
    run = Run.objects.with_context().filter(pk=run_id).first()
    if run is None or not (events or chunks):
        return Frame(run=run_id, seq=after, log=log, held=held)
    seq = events[-1].seq if events else after
    fragments = [*_page_fragments(run, events), *_log_fragments(run, chunks)]
    last_chunk = chunks[-1].pk if chunks else log
    more = more_events or more_log
    return Frame(run=run_id, seq=seq, text=_text(run, seq, fragments), log=last_chunk, more=more, held=held)


def _events_after(run_id: str, after: int) -> tuple[list[Any], bool]:
    """The next events with their `size`, so many that a frame stays small, one at least; and whether there are more.

    A step's outputs may have a megabyte: PostgreSQL adds up, so that no more than these are ever read into memory.
    """
    near = Event.objects.filter(run_id=run_id).after(after).up_to(min(after, SEQ_MAX) + EVENTS_PER_FRAME + 1)
    sized = near.annotate(size=SIZE, before=BYTES_BEFORE, next=NEXT).filter(before__lt=EVENT_BYTES).in_order()
    events: list[Any] = list(sized[:EVENTS_PER_FRAME])
    return events, bool(events) and events[-1].next is not None


def _page_fragments(run: Run, events: list[Event]) -> list[Fragment]:
    """The head, each step that the events speak of, and the events themselves."""
    if not events:
        return []
    steps = [
        _fragment(f"#step-{context['step'].key}", "runs/_step.html", context)
        for context in step_contexts(run, _steps_named(events))
    ]
    lines = "".join(render_to_string("runs/_event.html", {"run": run, "event": event}) for event in events)
    head = _fragment("#run-head", "runs/_run_head.html", run_context(run))
    return [head, *steps, {"target": "#events", "swap": "beforeend", "html": lines}]


def _steps_named(events: list[Event]) -> set[str]:
    """A retry names the steps that it resets in its data, without an event of their own."""
    reset = [key for event in events if event.kind == "run.retried" for key in event.data.get("steps", [])]
    return {event.step for event in events if event.step}.union(reset)


def _log_fragments(run: Run, chunks: list[LogChunk]) -> list[Fragment]:
    if not chunks:
        return []
    html = "".join(
        render_to_string(
            "runs/_log_chunk.html",
            {"run": run, "chunk": chunk, "attempt": chunk.attempt, "step": chunk.attempt.step},
        )
        for chunk in chunks
    )
    return [{"target": "#log", "swap": "beforeend", "html": html}]


def _fragment(target: str, template: str, context: dict[str, Any]) -> Fragment:
    return {"target": target, "swap": "outerHTML", "html": render_to_string(template, context)}


def _text(run: Run, seq: int, fragments: list[Fragment]) -> str:
    return dumps({"run": str(run.pk), "seq": seq, "fragments": fragments})


def batch(run_id: str, *, after: int) -> Batch | None:
    """The events of a run after `after`, None when there is no such run.

    The run is read before its events: when it had ended by then, the events that follow are all there are.
    """
    run = Run.objects.filter(pk=run_id).only("status", "session_id").first()
    if run is None:
        return None
    events, more = _events_after(run_id, after)
    size = sum(event.size for event in events)
    seq = events[-1].seq if events else after
    said = tuple(event_json(event) for event in events)
    is_last = run.is_finished and not more
    return Batch(run=run_id, seq=seq, events=said, session=run.session_id, more=more, is_last=is_last, size=size)


def snapshot(actor: Actor, *, session: int | None, archived: bool) -> dict[str, int]:
    """What the board shows: the seq of each run by its id."""
    runs = board_runs(actor, session, archived=archived).select_related(None)
    return {str(pk): seq for pk, seq in runs.values_list("pk", "seq")}


def seqs(run_ids: Collection[str]) -> dict[str, int]:
    """The last seq of each of these runs that is there."""
    return {str(pk): seq for pk, seq in Run.objects.filter(pk__in=run_ids).values_list("pk", "seq")}


def look(pages: Collection[str], *, shown: Collection[str] | None) -> dict[str, Version]:
    """The versions of all that is watched, in one query, and a second one where pages of runs are open.

    `pages`: runs whose pages or events are watched. `shown`: runs on boards, None when no board is open; with boards,
    the newest runs are looked at too.
    """
    watched = Run.objects.filter(pk__in={*pages, *(shown or ())}).order_by().values("pk")
    if shown is not None:  # a union: with OR, PostgreSQL reads all runs that there are
        watched = watched.union(Run.objects.newest_first().values("pk")[:NEWEST_LOOKED_AT])
    found = dict(Run.objects.filter(pk__in=watched).order_by().values_list("pk", "seq"))
    logs = last_log_ids(uuid.UUID(page) for page in pages) if pages else {}
    return {str(pk): (seq, logs.get(pk, 0)) for pk, seq in found.items()}
