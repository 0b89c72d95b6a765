"""Which moment of a run a page or a piece of it shows: now, or as of the event that `?at=SEQ` asks for."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any
from uuid import UUID

from django.http import Http404
from django.shortcuts import get_object_or_404

from controlroom.web.pages.access import PageRequest
from controlroom.web.presenters.run_page import draws_waterfall
from controlroom.web.templatetags.times import as_of
from pulser.language.limits import NUMBER_MAX
from pulser.language.numbers import whole_number
from runs.models import Artifact, Run
from runs.queries.replay.past_run import PastRun, read_past_run
from runs.queries.replay.slider_marks import slider_marks
from runs.queries.run_snapshot import RunSnapshot, read_run_snapshot


def find_run(request: PageRequest, run_id: UUID) -> Run:
    """With all that a page of it names. Raises Http404."""
    runs = Run.objects.visible_to(request.actor).with_context().select_related("parent__plan_version__plan")
    return get_object_or_404(runs, pk=run_id)


def requested_past(request: PageRequest, run_id: UUID, *, keys: Collection[str] = ()) -> PastRun | None:
    """The moment that is asked for; None for the present. `keys`: steps that are read as a whole.

    Raises Http404 for an event that the run does not have.
    """
    text = request.GET.get("at", "")
    if not text:
        return None
    return past_at(request, find_run(request, run_id), seq=seq_of(text), keys=keys)


def seq_of(text: str) -> int:
    """The number of an event; 0, which no event has, for what is none."""
    return whole_number(text, at_most=NUMBER_MAX) or 0


def past_at(request: PageRequest, run: Run, *, seq: int, keys: Collection[str] = ()) -> PastRun:
    """Raises Http404 when event not found."""
    is_long = not keys and draws_waterfall(request.GET, run)
    past = read_past_run(run, seq, keys=keys, is_long=is_long) if 0 < seq <= run.seq else None
    if past is None:
        raise Http404("event not found")
    return past


def moment_now(request: PageRequest, run: Run) -> RunSnapshot:
    """The present, with as many attempts as are shown."""
    return read_run_snapshot(run, is_brief=not draws_waterfall(request.GET, run))


def times_as_of(past: PastRun | None) -> AbstractContextManager[None]:
    """Templates that are rendered within tell times as they were then."""
    return as_of(past.event.at) if past else nullcontext()


def files_of(run: Run, past: PastRun | None = None) -> Sequence[Artifact]:
    """What its steps have left, or had left by then, oldest first."""
    return past.files if past else list(run.artifacts.select_related("step").defer("step__outputs"))


def slider_context(run: Run, *, last: int | None = None) -> dict[str, Any]:
    """For `_slider.html`: how many events there are, and where something stands out.

    `last`: the number of the run's last event by now, when the run is as of an earlier one.
    """
    last = run.seq if last is None else last
    return {"last_seq": last, "ticks": slider_marks(run.pk, last)}
