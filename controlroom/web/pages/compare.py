"""Two runs of one plan, side by side."""

from __future__ import annotations

from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404

from controlroom.web.pages.access import PageRequest, for_viewers
from controlroom.web.pages.responses import render_page
from runs.models import Run
from runs.queries.comparison import compare_runs
from runs.queries.related import newest_of_plan, success_before

OFFERED = 30


@for_viewers
def compare(request: PageRequest) -> HttpResponse:
    """`?a=RUN&b=RUN`; of one run, the last success before it is the other. The older one stands at the left."""
    named = [_find_run(request, request.GET[name]) for name in ("a", "b") if request.GET.get(name)]
    if not named:
        return render_page(request, "runs/compare.html")
    run = named[0]
    kin = list(newest_of_plan(request.actor, run.plan_version.plan_id, most=OFFERED))
    other = named[1] if len(named) > 1 else _reference(request, run, kin)
    runs = sorted([run, other], key=lambda each: (each.created_at, each.pk)) if other else []
    is_same_plan = other is not None and other.plan_version.plan_id == run.plan_version.plan_id
    comparison = compare_runs(*runs) if is_same_plan and other != run else None
    context = {"run": run, "other": other, "runs": runs, "kin": [each for each in kin if each.pk != run.pk]}
    status = 200 if comparison or other is None or other == run else 422
    return render_page(
        request, "runs/compare.html", status=status, comparison=comparison, is_same_plan=is_same_plan, **context
    )


def _find_run(request: PageRequest, text: str) -> Run:
    """Raises Http404, also for what is no id."""
    try:
        run_id = UUID(text)
    except ValueError:
        raise Http404("run not found") from None
    return get_object_or_404(Run.objects.visible_to(request.actor).with_context(), pk=run_id)


def _reference(request: PageRequest, run: Run, kin: list[Run]) -> Run | None:
    """What a run is held against when nothing is said: the last success before it, else the run before it."""
    before = success_before(request.actor, run)
    return before or next((each for each in kin if each.pk != run.pk and each.created_at <= run.created_at), None)
