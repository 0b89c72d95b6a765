"""The plans that may be started, and the form that starts one."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from pulser.language.positions import read
from pulser.models import Plan
from runs.errors import NotThere, RunError, StartRefused
from runs.execution.start import start_run
from runs.models import Lane, Run, Session
from runs.models.choices import ENVIRONMENTS
from runs.models.session import DEFAULT_SESSION
from runs.views.access import PageRequest, for_viewers
from runs.views.answers import page, status_of
from runs.views.params_form import StartForm, Typed, blank_form, read_form, with_problems


@for_viewers
def plan_list(request: PageRequest) -> HttpResponse:
    plans = Plan.objects.active().with_latest().exclude(latest=None)
    return page(request, "plans/list.html", here="plans", plans=plans)


@for_viewers
def plan_page(request: PageRequest, slug: str) -> HttpResponse:
    plan = _find(slug)
    default = Session.objects.active().filter(name=DEFAULT_SESSION).first()
    return _shown(request, plan, blank_form(_schema(plan), session=str(default.pk) if default else ""))


@require_POST
@for_viewers
def start_plan(request: PageRequest, slug: str) -> HttpResponseBase:
    """Starts a run and shows it; what does not fit stands beside its field."""
    plan = _find(slug)
    typed = read_form(_schema(plan), request.POST)
    if not typed.form.is_sound:
        return _shown(request, plan, typed.form, status=422)
    try:
        return redirect("run", _start(request, plan, typed).pk)
    except RunError as error:
        problems = error.problems if isinstance(error, StartRefused) else []
        form = with_problems(typed.form, problems or [{"path": "", "message": error.message}])
        return _shown(request, plan, form, status=status_of(error))


def _find(slug: str) -> Plan:
    return get_object_or_404(Plan.objects.active().with_latest().exclude(latest=None), slug=slug)


def _schema(plan: Plan) -> dict[str, Any]:
    """Read from the source: it keeps the order in which the author wrote the params, stored JSON does not."""
    document = read(plan.latest.source).document if plan.latest else None
    return dict((document or {}).get("params") or {})


def _start(request: PageRequest, plan: Plan, typed: Typed) -> Run:
    assert plan.latest is not None
    started = start_run(
        plan.latest,
        params=typed.params,
        actor=request.actor,
        trigger="board",
        lane=_lane(typed.form.lane),
        session=_session(typed.form.session),
        title=typed.form.title,
        environment=typed.form.environment,
    )
    return started.run


def _lane(name: str) -> Lane | None:
    if not name:
        return None
    if (lane := Lane.objects.filter(name=name).first()) is None:
        raise NotThere(f"there is no lane {name}")
    return lane


def _session(pk: str) -> Session | None:
    if not pk:
        return None
    found = Session.objects.filter(pk=int(pk)).first() if pk.isascii() and pk.isdigit() and len(pk) <= 18 else None
    if found is None:
        raise NotThere("there is no such session")
    return found


def _shown(request: PageRequest, plan: Plan, form: StartForm, *, status: int = 200) -> HttpResponse:
    return page(
        request,
        "plans/start.html",
        status=status,
        here="plans",
        plan=plan,
        form=form,
        lanes=Lane.objects.visible_to(request.actor),
        sessions=Session.objects.visible_to(request.actor).active(),
        environments=[name for name, _ in ENVIRONMENTS],
    )
