"""The retry dialog: what would run again, from where, with which params and version; and the button that does it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods
from django_htmx.http import HttpResponseClientRedirect

from controlroom.http.problems import status_of
from controlroom.http.toasts import with_toast
from controlroom.web.forms import ParamsForm, checked, compared, filled_form, read_form, with_problems
from controlroom.web.forms.start import schema_of
from controlroom.web.pages import run_commands
from controlroom.web.pages.access import PageRequest, signed_in
from controlroom.web.pages.responses import render_page, short_title
from pulser.catalogue import IncompatiblePlan, compiled_plan
from pulser.engine.graph import Graph
from pulser.engine.states import StepStatus
from pulser.language.limits import NUMBER_MAX
from pulser.language.numbers import whole_number
from pulser.models import PlanVersion
from runs import commands
from runs.commands.start import restart
from runs.errors import RunError, StartRefused
from runs.models import Run
from runs.queries.retry_preview import RetryFrom, can_retry_in_place, differences, first_to_retry, preview_retry

VERSIONS_OFFERED = 100
FORM_IS_SENT = ("was:p", "how:p")


@dataclass(frozen=True, slots=True)
class RetryChoice:
    """What is chosen in the dialog. `form` is there for the way from the beginning alone."""

    run: Run
    way: RetryFrom
    version: PlanVersion
    start: str | None = None
    form: ParamsForm | None = None
    error: str = ""


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def retry(request: PageRequest, run_id: UUID) -> HttpResponseBase:
    """The dialog by GET; by POST what was chosen in it, or, without a choice, at once from the failed steps."""
    if request.method != "POST":
        return _rendered_dialog(request, _read_choice(request, run_id, request.GET))
    if "way" not in request.POST:
        return run_commands.retry(request, run_id=run_id)
    wish = _read_choice(request, run_id, request.POST)
    command = request.POST.get("do", "")
    if wish.form and command and command != "dialog" and request.htmx:
        return render(request, "plans/_params.html", {"form": wish.form})
    return _rendered_dialog(request, wish) if command else _pressed(request, wish)


def _read_choice(request: PageRequest, run_id: UUID, data: QueryDict) -> RetryChoice:
    """What the request asks for. Raises Http404, PermissionDenied."""
    run = get_object_or_404(Run.objects.visible_to(request.actor).with_context(), pk=run_id)
    if not request.actor.can_operate:
        raise PermissionDenied
    # A button keeps its word though the run has moved on meanwhile: then it is refused, and nothing else happens.
    is_pressed = request.method == "POST" and "do" not in data
    ways = list(RetryFrom) if is_pressed else _offered(run)
    way = next((way for way in ways if way == data.get("way")), _offered(run)[0])
    version = _version(run, data.get("version", "")) if way is RetryFrom.AGAIN else run.plan_version
    form = _form(run, version, data) if way is RetryFrom.AGAIN else None
    start = data.get("start") or (_proposed(run) if way is RetryFrom.STEP and not is_pressed else None)
    return RetryChoice(run, way, version, start=start, form=form)


def _proposed(run: Run) -> str | None:
    """Where one would begin who looks for nothing else."""
    graph = _graph(run.plan_version)
    return first_to_retry(graph, _statuses(run)) if graph else None


def _offered(run: Run) -> list[RetryFrom]:
    return list(RetryFrom) if can_retry_in_place(run) and _graph(run.plan_version) else [RetryFrom.AGAIN]


def _version(run: Run, number: str) -> PlanVersion:
    """Another version of the run's plan, its own without a number. Raises Http404."""
    wanted = whole_number(number, at_most=NUMBER_MAX)
    versions = run.plan_version.plan.versions.select_related("plan")
    return get_object_or_404(versions, number=run.plan_version.number if wanted is None else wanted)


def _form(run: Run, version: PlanVersion, data: QueryDict) -> ParamsForm:
    """The params as they were sent, else those of the run; with what they were beside them."""
    command, drawn = data.get("do", ""), data.get("drawn", "")
    if not any(name in data for name in FORM_IS_SENT):
        form = filled_form(schema_of(version), run.params)
    elif drawn and drawn != str(version.number):  # typed into the form of another version
        typed = read_form(schema_of(_version(run, drawn)), data)
        form = filled_form(schema_of(version), typed.params)
    else:
        form = read_form(schema_of(version), data, command="" if command == "dialog" else command)
    return compared(form, run.params)


def _pressed(request: PageRequest, wish: RetryChoice) -> HttpResponseBase:
    try:
        return _started_anew(request, wish) if wish.form else _gone_on(request, wish)
    except RunError as error:
        problems = error.problems if isinstance(error, StartRefused) else []
        form = with_problems(wish.form, problems) if wish.form else None
        message = "" if form and form.wrong else error.message
        if wish.way not in _offered(wish.run):
            wish = _read_choice(request, wish.run.pk, QueryDict("do=dialog"))
            form = wish.form
        return _rendered_dialog(request, replace(wish, form=form, error=message), status=status_of(error))


def _gone_on(request: PageRequest, wish: RetryChoice) -> HttpResponseBase:
    start = wish.start if wish.way is RetryFrom.STEP else None
    if wish.way is RetryFrom.STEP and start is None:
        return _rendered_dialog(request, replace(wish, error="Choose a step to start from."), status=422)
    commands.retry(str(wish.run.pk), actor=request.actor, start=start)
    # An empty answer closes the dialog; the page learns the rest by its socket.
    return (
        with_toast(HttpResponse(), f"{short_title(wish.run)} retried") if request.htmx else redirect("run", wish.run.pk)
    )


def _started_anew(request: PageRequest, wish: RetryChoice) -> HttpResponseBase:
    assert wish.form is not None
    form = checked(wish.form)
    if not form.is_sound:
        return _rendered_dialog(request, replace(wish, form=form), status=422)
    other = wish.version.number if wish.version.pk != wish.run.plan_version_id else None
    new = restart(wish.run, actor=request.actor, params=form.params, version=other)
    address = reverse("run", args=[new.pk])
    return HttpResponseClientRedirect(address) if request.htmx else redirect(address)


def _rendered_dialog(request: PageRequest, wish: RetryChoice, *, status: int = 200) -> HttpResponse:
    run, graph, own = wish.run, _graph(wish.version), _graph(wish.run.plan_version)
    steps = preview_retry(graph, _statuses(run), way=wish.way, start=_known_step(wish.start, graph)) if graph else []
    is_other = wish.version.pk != run.plan_version_id
    context = {
        "run": run,
        "wish": wish,
        "ways": _offered(run),
        "steps": steps,
        "again": [step for step in steps if step.runs],
        "kept": [step for step in steps if not step.runs],
        "warnings": [step for step in steps if step.warning],
        "versions": run.plan_version.plan.versions.only("number", "plan_id")[:VERSIONS_OFFERED],
        "latest_id": run.plan_version.plan.latest_id,
        "is_first": request.method != "POST",
        "is_refused": status != 200,
        "is_other": is_other,
        "difference": differences(own, graph) if is_other and own and graph else None,
    }
    if request.htmx:
        response = render(request, "runs/_retry_dialog.html", context, status=status)
        response["X-Said"] = "dialog"  # so that no toast says it again
        return response
    return render_page(request, "runs/retry.html", status=status, **context)


def _graph(version: PlanVersion) -> Graph | None:
    try:
        return compiled_plan(version.pk)
    except IncompatiblePlan:
        return None


def _known_step(start: str | None, graph: Graph) -> str | None:
    return start if start in graph.nodes else None


def _statuses(run: Run) -> dict[str, StepStatus]:
    return {key: StepStatus(status) for key, status in run.steps.values_list("key", "status")}
