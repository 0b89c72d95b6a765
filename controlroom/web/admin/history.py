"""What happened: runs, steps, attempts, workers. The run's own page shows more, and acts."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from controlroom.web.admin.readonly import ReadOnlyAdmin
from runs.models import Attempt, Duty, Run, Step, Worker


@admin.register(Run)
class RunAdmin(ReadOnlyAdmin):
    list_display = ["title", "short_id", "plan_version", "status", "lane", "actor", "created_at"]
    list_filter = ["status", "lane", "session", "environment", "trigger", ("archived_at", admin.EmptyFieldListFilter)]
    list_select_related = ["lane", "session", "plan_version__plan"]
    search_fields = ["title", "actor"]
    search_help_text = "Title, who started it, or a full id"
    list_per_page = 50

    def get_queryset(self, request: HttpRequest) -> QuerySet[Run]:
        heavy = ["plan_version__source", "plan_version__document", "plan_version__plan__description"]
        return Run.objects.newest_first().defer(*heavy)

    def get_fields(self, request: HttpRequest, obj: Run | None = None) -> list[Any]:
        return ["links", *(field.name for field in Run._meta.fields if field.name != "request_digest")]

    def get_readonly_fields(self, request: HttpRequest, obj: Run | None = None) -> list[str]:
        return self.get_fields(request, obj)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Run], search_term: str
    ) -> tuple[QuerySet[Run], bool]:
        try:
            return queryset.filter(pk=uuid.UUID(search_term.strip())), False
        except ValueError:
            return super().get_search_results(request, queryset, search_term)

    @admin.display(description="look at")
    def links(self, run: Run) -> str:
        page, steps = reverse("run", args=[run.pk]), reverse("admin:runs_step_changelist")
        return format_html(
            '<a href="{}">its page</a>, <a href="{}?run__id__exact={}">its steps</a>', page, steps, run.pk
        )


@admin.register(Step)
class StepAdmin(ReadOnlyAdmin):
    list_display = ["key", "run", "status", "attempt", "reason", "next_attempt_at", "deadline_at"]
    list_filter = ["status", "is_finally", "wait_kind"]
    list_select_related = ["run"]
    search_fields = ["key", "run__title"]
    list_per_page = 50
    ordering = ["-pk"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Step]:
        return super().get_queryset(request).defer("outputs", "run__params", "run__result")

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """A run's admin page leads to its steps."""
        return lookup == "run__id__exact" or super().lookup_allowed(lookup, value, request)


@admin.register(Attempt)
class AttemptAdmin(ReadOnlyAdmin):
    list_display = ["step", "run", "number", "cause", "worker", "outcome", "started_at", "finished_at", "exit_code"]
    list_filter = ["outcome", "error_class", "cause"]
    list_select_related = ["step__run"]
    search_fields = ["step__key", "step__run__title", "worker"]
    list_per_page = 50
    ordering = ["-pk"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Attempt]:
        return super().get_queryset(request).defer("step__outputs", "step__run__params", "step__run__result")

    @admin.display(description="run")
    def run(self, attempt: Attempt) -> Any:
        return attempt.step.run


@admin.register(Worker)
class WorkerAdmin(ReadOnlyAdmin):
    list_display = ["name", "host", "pid", "slots", "started_at", "seen_at", "answered_at"]


@admin.register(Duty)
class DutyAdmin(ReadOnlyAdmin):
    list_display = ["name", "holder", "lease_expires", "finished_at"]
