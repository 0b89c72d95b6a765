"""The plans that may be started, the page of each, and the form that starts it."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from controlroom.http.problems import status_of
from controlroom.web.drawing.plan_graph import graph_drawing
from controlroom.web.forms import checked, query_of
from controlroom.web.forms.start import StartForm, environments_of, initial_start_form, submitted_start_form
from controlroom.web.pages.access import PageRequest, for_viewers
from controlroom.web.pages.responses import render_page
from pulser.catalogue import IncompatiblePlan, compiled_plan
from pulser.engine.graph import Graph, Node
from pulser.language.catalogue import Effect
from pulser.language.limits import ID_MAX, NUMBER_MAX
from pulser.language.numbers import whole_number
from pulser.models import Plan, PlanVersion
from pulser.tools.effects import effect_of, tries_of
from runs.bulk.plan import BY_BOARD
from runs.commands.start import start_run
from runs.errors import NotFound, RunError, StartRefused
from runs.models import Lane, Run, Session
from runs.models.session import DEFAULT_SESSION
from runs.queries.related import newest_of_plan

RUNS_SHOWN = 10
VERSIONS_OFFERED = 100


@dataclass(frozen=True, slots=True)
class ShownStep:
    """A step as the plan has it. `tries`: at most, without a person who says so."""

    node: Node
    effect: Effect
    tries: int
    verifiers: tuple[str, ...]


@for_viewers
def plan_list(request: PageRequest) -> HttpResponse:
    """Those that people start first; `session` names the one that a run is wanted in."""
    plans = list(Plan.objects.active().with_latest().exclude(latest=None))
    own = [plan for plan in plans if plan.slug not in BY_BOARD]
    plans = [*own, *(plan for plan in plans if plan.slug in BY_BOARD)]
    session = _found_session(Session.objects.visible_to(request.actor).active(), request.GET.get("session", ""))
    return render_page(
        request, "plans/list.html", here="plans", own=own, plans=plans, by_board=BY_BOARD, session=session
    )


@for_viewers
def plan_page(request: PageRequest, slug: str) -> HttpResponse:
    version = _version(slug, request.GET.get("version", ""))
    default = Session.objects.active().filter(name=DEFAULT_SESSION).first()
    return _rendered_page(
        request, version, initial_start_form(version, request.GET, session=str(default.pk) if default else "")
    )


@require_POST
@for_viewers
def start_plan(request: PageRequest, slug: str) -> HttpResponseBase:
    """Starts a run and shows it; what does not fit stands beside its field. With `do`, only the form changes."""
    version, command = _version(slug, request.POST.get("version", "")), request.POST.get("do", "")
    form = submitted_start_form(version, request.POST, command=command)
    if command:
        return _redrawn(request, version, form, link=_link(request, version, form) if command == "link" else "")
    form = StartForm(checked(form.params), form.wishes)
    if not form.params.is_sound:
        return _rendered_page(request, version, form, status=422)
    try:
        return redirect("run", _start(request, version, form).pk)
    except RunError as error:
        problems = error.problems if isinstance(error, StartRefused) else []
        form = form.refused(problems or [{"path": "", "message": error.message}])
        return _rendered_page(request, version, form, status=status_of(error))


def _version(slug: str, number: str) -> PlanVersion:
    """The version of this number, the latest without one. Raises Http404."""
    plan = get_object_or_404(Plan.objects.active().with_latest().exclude(latest=None), slug=slug)
    assert plan.latest is not None
    if not number or number == str(plan.latest.number):
        plan.latest.plan = plan
        return plan.latest
    wanted = whole_number(number, at_most=NUMBER_MAX) or 0
    return get_object_or_404(PlanVersion.objects.select_related("plan__latest"), plan=plan, number=wanted)


def _start(request: PageRequest, version: PlanVersion, form: StartForm) -> Run:
    started = start_run(
        version,
        params=form.params.params,
        actor=request.actor,
        trigger="board",
        lane=_lane(form.wishes.get("lane", "")),
        session=_session(form.wishes.get("session", "")),
        title=form.wishes.get("title", ""),
        environment=form.wishes.get("environment", ""),
    )
    return started.run


def _lane(name: str) -> Lane | None:
    if not name:
        return None
    if (lane := Lane.objects.filter(name=name).first()) is None:
        raise NotFound(f"lane {name} not found")
    return lane


def _session(pk: str) -> Session | None:
    if not pk:
        return None
    found = _found_session(Session.objects.all(), pk)
    if found is None:
        raise NotFound("session not found")
    return found


def _found_session(sessions: QuerySet[Session], pk: str) -> Session | None:
    number = whole_number(pk, at_most=ID_MAX)
    return sessions.filter(pk=number).first() if number is not None else None


def _redrawn(request: PageRequest, version: PlanVersion, form: StartForm, *, link: str) -> HttpResponse:
    """The params alone for the script that asked; the page for a browser without it."""
    if request.htmx:
        context = {"form": form.params, "with_link": True, "link": link}
        return render(request, "plans/_params.html", context)
    return _rendered_page(request, version, form, link=link)


def _link(request: PageRequest, version: PlanVersion, form: StartForm) -> str:
    """The page's address with what the form holds."""
    plan = version.plan
    wishes = {name: text for name, text in form.wishes.items() if text}
    number = {"version": version.number} if plan.latest_id != version.pk else {}
    query = "&".join(filter(None, [query_of(form.params.schema, form.params.params), urlencode(number | wishes)]))
    return request.build_absolute_uri(f"{reverse('plan', args=[plan.slug])}?{query}")


def _rendered_page(
    request: PageRequest, version: PlanVersion, form: StartForm, *, status: int = 200, link: str = ""
) -> HttpResponse:
    plan = version.plan
    graph, unreadable = _graph(version)
    steps = [_shown_step(graph, node) for node in graph.nodes.values()] if graph else []
    return render_page(
        request,
        "plans/plan.html",
        status=status,
        here="plans",
        plan=plan,
        by_board=BY_BOARD,
        version=version,
        versions=plan.versions.only("number", "created_at", "plan_id")[:VERSIONS_OFFERED],
        is_latest=plan.latest_id == version.pk,
        description=version.document.get("description") or "",
        nodes=graph.nodes if graph else {},
        picture=graph_drawing(version.pk) if graph else None,
        unreadable=unreadable,
        steps=steps,
        has_irreversible=any(step.effect is Effect.IRREVERSIBLE for step in steps),
        form=form,
        link=link,
        lanes=Lane.objects.visible_to(request.actor),
        sessions=Session.objects.visible_to(request.actor).active(),
        environments=environments_of(version),
        runs=newest_of_plan(request.actor, plan.pk, most=RUNS_SHOWN),
    )


def _graph(version: PlanVersion) -> tuple[Graph | None, str]:
    """The compiled plan, or why there is none."""
    try:
        return compiled_plan(version.pk), ""
    except IncompatiblePlan as error:
        return None, str(error)


def _shown_step(graph: Graph, node: Node) -> ShownStep:
    verifiers = tuple(name for entry in node.step.verify for name in entry if name != "required")
    return ShownStep(node, effect_of(node.step), tries_of(node.step, graph.retry_of(node.step.id)), verifiers)
