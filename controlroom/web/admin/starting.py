"""Plans, with the button that runs them: the catalogue itself knows nothing of runs."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import F
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse

from controlroom.web.admin.plans import PlanAdmin
from pulser.catalogue import compiled_plan
from pulser.language.params import check_params
from pulser.models import Plan, PlanVersion
from runs.accounts.actors import actor_of_user
from runs.commands.start import start_run
from runs.errors import Forbidden, RunError

admin.site.unregister(Plan)


@admin.register(Plan)
class StartablePlanAdmin(PlanAdmin):
    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.run_now)
        return [path("<int:plan_id>/run/", view, name="pulser_plan_run"), *super().get_urls()]

    def run_now(self, request: HttpRequest, plan_id: int) -> HttpResponse:
        """Start the latest version with its default params, and show the run."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        versions = PlanVersion.objects.select_related("plan").filter(plan__archived_at=None)
        version = get_object_or_404(versions, pk=F("plan__latest"), plan=plan_id)
        try:
            run = start_run(version, params={}, actor=actor_of_user(request.user), trigger="admin").run
        except Forbidden as error:
            raise PermissionDenied(error.message) from error
        except RunError as error:
            self.message_user(request, error.message, messages.ERROR)
            return HttpResponseRedirect(reverse("admin:pulser_plan_change", args=[plan_id]))
        return HttpResponseRedirect(reverse("run", args=[run.pk]))

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        plan = kwargs.get("obj")
        if plan and plan.latest_id and not plan.archived_at and actor_of_user(request.user).can_operate:
            context = context | start_links(plan)
        return super().render_change_form(request, context, *args, **kwargs)


def start_links(plan: Plan) -> dict[str, Any]:
    """Where the plan is started, and whether somebody must say its params first."""
    assert plan.latest_id is not None
    _, problems = check_params(compiled_plan(plan.latest_id).plan.params, {})
    return {
        "run_url": reverse("admin:pulser_plan_run", args=[plan.pk]),
        "start_url": reverse("plan", args=[plan.slug]),
        "needs_params": bool(problems),
    }
