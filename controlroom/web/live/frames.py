"""Frames: what is sent about one run, read from the log and rendered from the pages' own partials.

All functions here are synchronous and read the database; the feed calls them in its own thread, once for all viewers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Value
from django.template.loader import render_to_string

from controlroom.web.presenters.cards import board_cards
from controlroom.web.presenters.run_page import cause_context, head_context, node_contexts, step_rows, tally_context
from runs.accounts.actors import Actor
from runs.models import Event, Run
from runs.queries.lists.board import TABLE_RUNS, board_runs
from runs.queries.lists.filters import RunFilters, matching
from runs.queries.lists.newest import newest
from runs.queries.logs.new_output import NewOutput, new_log_output
from runs.queries.run_snapshot import RunSnapshot, read_run_snapshot
from runs.stream.batches import events_after
from runs.stream.event_json import dumps

# What a view shows of a run; nothing where it draws itself anew.
PARTIALS = {"lanes": "runs/_card.html", "table": "runs/_row.html", "timeline": ""}

Fragment = dict[str, str]


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
class FilterMatch:
    """Whether a run passed the filters when it had the events up to `seq`."""

    seq: int
    passes: bool


GONE = FilterMatch(seq=2**31, passes=False)  # deleted: nothing newer can be said


def match_filters(run_ids: Iterable[str], *, filters: RunFilters) -> dict[str, FilterMatch]:
    """Where each of these runs stands, those that were deleted left out. One statement, so that it is one moment."""
    runs = Run.objects.filter(pk__in=list(run_ids))
    there = runs.order_by().values_list("pk", "seq", Value(False))
    rows = there.union(matching(runs, filters).order_by().values_list("pk", "seq", Value(True)), all=True)
    found: dict[str, FilterMatch] = {}
    for pk, seq, passes in rows:
        if passes or str(pk) not in found:
            found[str(pk)] = FilterMatch(seq, passes)
    return found


def card_frames(run_ids: Iterable[str], *, view: str) -> dict[str, Frame]:
    """The frame of each of these runs that is there, as this view shows a run."""
    runs = Run.objects.filter(pk__in=list(run_ids))
    if not PARTIALS[view]:
        return {str(pk): _frame(str(pk), seq) for pk, seq in runs.order_by().values_list("pk", "seq")}
    return {str(card["run"].pk): _card(card, PARTIALS[view]) for card in board_cards(runs.with_context())}


def _card(context: dict[str, Any], partial: str) -> Frame:
    run = context["run"]
    return _frame(str(run.pk), run.seq, [_fragment(f"#run-{run.pk}", partial, context)])


def removal_frame(run_id: str, seq: int) -> Frame:
    """The run leaves a board where it does not belong any more."""
    return _frame(run_id, seq, [{"target": f"#run-{run_id}", "swap": "delete", "html": ""}])


def _frame(run_id: str, seq: int, fragments: Iterable[Fragment] = ()) -> Frame:
    text = dumps({"run": run_id, "seq": seq, "fragments": list(fragments)})
    return Frame(run=run_id, seq=seq, text=text)


def run_page_frame(run_id: str, *, after: int, log: int) -> Frame:
    """What the page of a run lacks that has the events up to `after` and the log chunks up to id `log`.

    Events are read before the run: what is shown may be newer than `seq` says, and never older.
    """
    events, more_events = events_after(run_id, after)
    spoken, more_log, held = new_log_output(run_id, after=log)
    run = Run.objects.with_context().filter(pk=run_id).first()
    if run is None or not (events or spoken):
        return Frame(run=run_id, seq=after, log=log, held=held)
    seq = events[-1].seq if events else after
    fragments = [*_page_fragments(run, events), *_log_fragments(spoken)]
    last_chunk = spoken[-1].pk if spoken else log
    more = more_events or more_log
    return Frame(run=run_id, seq=seq, text=_text(run, seq, fragments), log=last_chunk, more=more, held=held)


def _page_fragments(run: Run, events: list[Event]) -> list[Fragment]:
    """The head, what failed first, each step that the events speak of with its node, and the events themselves.

    A browser passes over what its page does not show.
    """
    if not events:
        return []
    keys = _steps_named(events)
    moment = read_run_snapshot(run, keys=keys)
    lines = "".join(render_to_string("runs/_event.html", {"run": run, "event": event}) for event in events)
    return [
        _fragment("#run-head", "runs/_run_head.html", head_context(moment)),
        *_cause_fragments(moment, events),
        *(_fragment(f"#step-{row['step'].key}", "runs/_step.html", row) for row in step_rows(moment, keys)),
        *(_fragment(f"#{name}", "runs/_node.html", node) for name, node in node_contexts(moment, keys)),
        *(_fragment("#steps-tally", "runs/_steps_tally.html", tally) for tally in tally_context(moment)),
        {"target": "#events", "swap": "beforeend", "html": lines},
    ]


def _cause_fragments(moment: RunSnapshot, events: list[Event]) -> list[Fragment]:
    """What failed first, if something did; a retry may have taken it back."""
    told = cause_context(moment)
    changed = told["cause"] or any(event.kind == "run.retried" for event in events)
    return [_fragment("#first-cause", "runs/_first_cause.html", told)] if changed else []


def _steps_named(events: list[Event]) -> set[str]:
    """A retry names the steps that it resets in its data, without an event of their own."""
    reset = [key for event in events if event.kind == "run.retried" for key in event.data.get("steps", [])]
    return {event.step for event in events if event.step}.union(reset)


def _log_fragments(spoken: list[NewOutput]) -> list[Fragment]:
    """Only that there is more: each page shows other lines of it, and fetches them."""
    html = "".join(render_to_string("runs/_log_news.html", {"spoke": spoke}) for spoke in spoken)
    return [{"target": "#log-news", "swap": "beforeend", "html": html}] if spoken else []


def _fragment(target: str, template: str, context: dict[str, Any]) -> Fragment:
    return {"target": target, "swap": "outerHTML", "html": render_to_string(template, context)}


def _text(run: Run, seq: int, fragments: list[Fragment]) -> str:
    return dumps({"run": str(run.pk), "seq": seq, "fragments": fragments})


def board_snapshot(actor: Actor, *, filters: RunFilters, view: str) -> dict[str, int]:
    """What the board opens with: the seq of each run by its id. A timeline draws itself anew, and is told no ids."""
    if view == "timeline":
        return {}
    if view == "table":
        rows = newest(actor, filters, "pk", "seq", limit=TABLE_RUNS)
    else:
        rows = list(board_runs(actor, filters).select_related(None).values_list("pk", "seq"))
    return {str(pk): seq for pk, seq in rows}
