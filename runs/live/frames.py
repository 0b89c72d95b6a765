"""Frames: what is sent about one run, read from the log and rendered from the pages' own partials.

All functions here are synchronous and read the database; the feed calls them in its own thread, once for all viewers.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import BigIntegerField, Func, Q, RowRange, Sum, TextField, Value, Window
from django.db.models.functions import Cast, Coalesce, Lead
from django.template.loader import render_to_string

from pulser.engine.states import RUN_ENDED
from pulser.language import limits
from runs.actors import Actor
from runs.lists.filters import RunFilters, matching
from runs.lists.newest import newest
from runs.live.body import cause_context, head_context, node_contexts, step_rows, tally_context
from runs.live.moment import Moment, read_moment
from runs.live.shown import TABLE_RUNS, board_cards, board_runs, last_log_ids
from runs.live.wire import dumps, event_json
from runs.logs.news import Spoke, log_news
from runs.models import Event, Run

EVENTS_PER_FRAME = 200
EVENT_BYTES = 1 * limits.MIB  # of data in the events of one frame, unless a single one has more
NEWEST_LOOKED_AT = 400  # runs that a poll compares beside those that boards are known to show

SEQ_MAX = 2**31 - 2 - EVENTS_PER_FRAME
SIZE = Func(Cast("data", TextField()), function="octet_length", output_field=BigIntegerField())
SUM_BEFORE = Window(Sum(SIZE), order_by=("run_id", "seq"), frame=RowRange(end=-1))
BYTES_BEFORE = Coalesce(SUM_BEFORE, 0, output_field=BigIntegerField())
NEXT = Window(Lead("seq"), partition_by="run_id", order_by="seq")

# What a view shows of a run; nothing where it draws itself anew.
PARTIALS = {"lanes": "runs/_card.html", "table": "runs/_row.html", "timeline": ""}

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
    more: bool = False
    held: bool = False

    @property
    def size(self) -> int:
        """About so many bytes in memory."""
        return len(self.text)


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether a run passed the filters when it had the events up to `seq`."""

    seq: int
    passes: bool


GONE = Standing(seq=2**31, passes=False)  # deleted: nothing newer can be said


@dataclass(frozen=True, slots=True)
class Batch:
    """Events of a run in order, at most `EVENTS_PER_FRAME`, and about `size` bytes of data in them.

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


def standings(run_ids: Iterable[str], *, filters: RunFilters) -> dict[str, Standing]:
    """Where each of these runs stands, those that were deleted left out. One statement, so that it is one moment."""
    runs = Run.objects.filter(pk__in=list(run_ids))
    there = runs.order_by().values_list("pk", "seq", Value(False))
    rows = there.union(matching(runs, filters).order_by().values_list("pk", "seq", Value(True)), all=True)
    found: dict[str, Standing] = {}
    for pk, seq, passes in rows:
        if passes or str(pk) not in found:
            found[str(pk)] = Standing(seq, passes)
    return found


def cards(run_ids: Iterable[str], *, view: str) -> dict[str, Frame]:
    """The frame of each of these runs that is there, as this view shows a run."""
    runs = Run.objects.filter(pk__in=list(run_ids))
    if not PARTIALS[view]:
        return {str(pk): _frame(str(pk), seq) for pk, seq in runs.order_by().values_list("pk", "seq")}
    return {str(card["run"].pk): _card(card, PARTIALS[view]) for card in board_cards(runs.with_context())}


def _card(context: dict[str, Any], partial: str) -> Frame:
    run = context["run"]
    return _frame(str(run.pk), run.seq, [_fragment(f"#run-{run.pk}", partial, context)])


def removal(run_id: str, seq: int) -> Frame:
    """The run leaves a board where it does not belong any more."""
    return _frame(run_id, seq, [{"target": f"#run-{run_id}", "swap": "delete", "html": ""}])


def _frame(run_id: str, seq: int, fragments: Iterable[Fragment] = ()) -> Frame:
    text = dumps({"run": run_id, "seq": seq, "fragments": list(fragments)})
    return Frame(run=run_id, seq=seq, text=text)


def page(run_id: str, *, after: int, log: int) -> Frame:
    """What the page of a run lacks that has the events up to `after` and the log chunks up to id `log`.

    Events are read before the run: what is shown may be newer than `seq` says, and never older.
    """
    events, more_events = _events_after(run_id, after)
    spoken, more_log, held = log_news(run_id, after=log)
    run = Run.objects.with_context().filter(pk=run_id).first()
    if run is None or not (events or spoken):
        return Frame(run=run_id, seq=after, log=log, held=held)
    seq = events[-1].seq if events else after
    fragments = [*_page_fragments(run, events), *_log_fragments(spoken)]
    last_chunk = spoken[-1].pk if spoken else log
    more = more_events or more_log
    return Frame(run=run_id, seq=seq, text=_text(run, seq, fragments), log=last_chunk, more=more, held=held)


def _events_after(run_id: str, after: int) -> tuple[list[Any], bool]:
    """The next events of a run, one at least if there is one; and whether there are more."""
    events = _events_of({run_id: after}).get(run_id, [])
    return events, bool(events) and events[-1].next is not None


def _events_of(afters: Mapping[str, int]) -> dict[str, list[Any]]:
    """The next events of these runs with their `size`, at most `EVENTS_PER_FRAME` of each, and together so many that
    they stay small: the runs at the end may get none.

    A step's outputs may have a megabyte: PostgreSQL adds up, so that no more than these are ever read into memory.
    """
    last = EVENTS_PER_FRAME + 1
    near = (Q(run_id=run, seq__gt=seq, seq__lte=min(seq, SEQ_MAX) + last) for run, seq in afters.items())
    asked = Event.objects.filter(reduce(or_, near))
    sized = asked.annotate(size=SIZE, before=BYTES_BEFORE, next=NEXT).filter(before__lt=EVENT_BYTES).in_order()
    found: dict[str, list[Any]] = {}
    for event in sized:
        events = found.setdefault(str(event.run_id), [])
        if len(events) < EVENTS_PER_FRAME:
            events.append(event)
    return found


def _page_fragments(run: Run, events: list[Event]) -> list[Fragment]:
    """The head, what failed first, each step that the events speak of with its node, and the events themselves.

    A browser passes over what its page does not show.
    """
    if not events:
        return []
    keys = _steps_named(events)
    moment = read_moment(run, keys=keys)
    lines = "".join(render_to_string("runs/_event.html", {"run": run, "event": event}) for event in events)
    return [
        _fragment("#run-head", "runs/_run_head.html", head_context(moment)),
        *_cause_fragments(moment, events),
        *(_fragment(f"#step-{row['step'].key}", "runs/_step.html", row) for row in step_rows(moment, keys)),
        *(_fragment(f"#{name}", "runs/_node.html", node) for name, node in node_contexts(moment, keys)),
        *(_fragment("#steps-tally", "runs/_steps_tally.html", tally) for tally in tally_context(moment)),
        {"target": "#events", "swap": "beforeend", "html": lines},
    ]


def _cause_fragments(moment: Moment, events: list[Event]) -> list[Fragment]:
    """What failed first, if something did; a retry may have taken it back."""
    told = cause_context(moment)
    changed = told["cause"] or any(event.kind == "run.retried" for event in events)
    return [_fragment("#first-cause", "runs/_first_cause.html", told)] if changed else []


def _steps_named(events: list[Event]) -> set[str]:
    """A retry names the steps that it resets in its data, without an event of their own."""
    reset = [key for event in events if event.kind == "run.retried" for key in event.data.get("steps", [])]
    return {event.step for event in events if event.step}.union(reset)


def _log_fragments(spoken: list[Spoke]) -> list[Fragment]:
    """Only that there is more: each page shows other lines of it, and fetches them."""
    html = "".join(render_to_string("runs/_log_news.html", {"spoke": spoke}) for spoke in spoken)
    return [{"target": "#log-news", "swap": "beforeend", "html": html}] if spoken else []


def _fragment(target: str, template: str, context: dict[str, Any]) -> Fragment:
    return {"target": target, "swap": "outerHTML", "html": render_to_string(template, context)}


def _text(run: Run, seq: int, fragments: list[Fragment]) -> str:
    return dumps({"run": str(run.pk), "seq": seq, "fragments": fragments})


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


def snapshot(actor: Actor, *, filters: RunFilters, view: str) -> dict[str, int]:
    """What the board opens with: the seq of each run by its id. A time line draws itself anew, and is told no ids."""
    if view == "timeline":
        return {}
    if view == "table":
        rows = newest(actor, filters, "pk", "seq", limit=TABLE_RUNS)
    else:
        rows = list(board_runs(actor, filters).select_related(None).values_list("pk", "seq"))
    return {str(pk): seq for pk, seq in rows}


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
