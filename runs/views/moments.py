"""Which moment of a run a page or a piece of it shows: now, or as of the event that `?at=SEQ` asks for."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any
from uuid import UUID

from django.http import Http404
from django.shortcuts import get_object_or_404

from runs.models import Artifact, Run
from runs.replay.past import Past, artifacts_then, past_of
from runs.replay.ticks import ticks
from runs.templatetags.times import as_of
from runs.views.access import PageRequest

SEQ_DIGITS = 9


def find_run(request: PageRequest, run_id: UUID) -> Run:
    """With all that a page of it names. Raises Http404."""
    runs = Run.objects.visible_to(request.actor).with_context().select_related("parent__plan_version__plan")
    return get_object_or_404(runs, pk=run_id)


def past_asked(request: PageRequest, run_id: UUID) -> Past | None:
    """The moment that is asked for; None for the present. Raises Http404 for an event that the run does not have."""
    text = request.GET.get("at", "")
    if not text:
        return None
    seq = int(text) if text.isascii() and text.isdigit() and len(text) <= SEQ_DIGITS else 0
    return past_at(find_run(request, run_id), seq)


def past_at(run: Run, seq: int) -> Past:
    """Raises Http404 when the run has no such event."""
    past = past_of(run, seq) if 0 < seq <= run.seq else None
    if past is None:
        raise Http404("the run has no such event")
    return past


def told_as_of(past: Past | None) -> AbstractContextManager[None]:
    """Templates that are rendered within tell times as they were then."""
    return as_of(past.event.at) if past else nullcontext()


def files_of(run: Run, past: Past | None = None) -> list[Artifact]:
    """What its steps have left, or had left by then, oldest first."""
    return artifacts_then(past) if past else list(run.artifacts.select_related("step"))


def slider_context(run: Run, *, last: int | None = None) -> dict[str, Any]:
    """For `_slider.html`: how many events there are, and where something stands out.

    `last`: the number of the run's last event by now, when the run is as of an earlier one.
    """
    last = run.seq if last is None else last
    return {"last_seq": last, "ticks": ticks(run.pk, last)}
