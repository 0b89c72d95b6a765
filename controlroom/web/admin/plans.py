"""Plans in the admin: the document is written here, checked as it is saved, and kept as a version."""

# Django's admin and form classes take no type arguments when the program runs.
# mypy: disable-error-code="type-arg"

from __future__ import annotations

import re
from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import reverse
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

from pulser.catalogue import SaveResult, check, save_plan
from pulser.language import Problem
from pulser.models import Plan, PlanVersion

VERSIONS_SHOWN = 20
EXAMPLE = """\
pulser: 1
slug: my-plan
title: My plan
params:
  type: object
  properties:
    name: {type: string, title: Name, default: world}
steps:
  - id: greet
    uses: shell
    with:
      env: {NAME: "{{ params.name }}"}
      run: |
        echo "Hello, $NAME"
        echo "length=${#NAME}" >> "$PULSER_OUTPUT"
    outputs:
      length: {type: integer}
    verify:
      - regex: {in: stdout, pattern: '^Hello'}
  - id: judge
    needs: [greet]
    if: "{{ steps.greet.outputs.length > 3 }}"
    uses: shell
    with: {run: "echo 'That is a long name.'"}
"""


class SourceArea(forms.Textarea):
    """A wide monospaced field in which Tab indents; the place of a problem can be clicked."""

    class Media:
        css = {"all": ["css/plan-source.css"]}
        js = ["js/plan-source.js"]

    def __init__(self) -> None:
        super().__init__({"rows": 32, "spellcheck": "false", "autocomplete": "off", "wrap": "off", "data-source": ""})


class PlanForm(forms.ModelForm):
    """The document of a plan, and the number of the version that its author began with."""

    source = forms.CharField(label="Document", widget=SourceArea, strip=False)
    base = forms.IntegerField(required=False, widget=forms.HiddenInput)

    class Meta:
        model = Plan
        fields: list[str] = []

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        latest = self.instance.latest if self.instance.pk else None
        self.fields["source"].initial = latest.source if latest else EXAMPLE
        self.fields["base"].initial = latest.number if latest else 0

    def clean_source(self) -> str:
        """Raises ValidationError with one entry per problem, its place first."""
        source: str = self.cleaned_data["source"].replace("\r\n", "\n")
        checked = check(source)
        problems = checked.problems or self._misplaced(source, slug=checked.plan.slug if checked.plan else "")
        if problems:
            raise forms.ValidationError([forms.ValidationError(as_link(problem)) for problem in problems])
        return source

    def _misplaced(self, source: str, *, slug: str) -> tuple[Problem, ...]:
        line = next((at for at, text in enumerate(source.split("\n"), start=1) if re.match(r"slug\s*:", text)), 1)
        if not self.instance.pk and Plan.objects.filter(slug=slug).exists():
            return (Problem(line, 1, "slug", f"plan {slug} already exists: edit it, or use another slug"),)
        if self.instance.pk and slug != self.instance.slug:
            return (
                Problem(
                    line,
                    1,
                    "slug",
                    f"expected {self.instance.slug}: the slug cannot be changed, add a new plan instead",
                ),
            )
        return ()

    def clean(self) -> dict[str, Any]:
        """Refuses to hide what somebody else saved while this document was being written."""
        cleaned: dict[str, Any] = super().clean() or {}
        latest = self.instance.latest if self.instance.pk else None
        if latest and cleaned.get("base") not in (None, latest.number):
            again = cast(QueryDict, self.data).copy()
            again["base"] = str(latest.number)
            self.data = again
            self.add_error(
                None,
                f"Version {latest.number} was saved meanwhile. Review it below; save again to store yours on top.",
            )
        return cleaned


def as_link(problem: Problem) -> SafeString:
    """A problem whose place leads to its line in the field; what it quotes stands out."""
    message = re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(problem.message))
    return format_html(
        '<a href="#id_source" data-line="{}" data-column="{}">{}:{}</a> {}{}',
        *(problem.line, problem.column, problem.line, problem.column),
        *(format_html("<code>{}</code>: ", problem.path) if problem.path else "", mark_safe(message)),  # noqa: S308
    )


@admin.register(Plan)
class PlanAdmin(admin.ModelAdmin):
    """Every save of a changed document is a new version; plans are archived, never deleted."""

    form = PlanForm
    change_form_template = "admin/pulser/plan/change_form.html"
    list_display = ["slug", "title", "version", "changed", "is_active"]
    list_filter = [("archived_at", admin.EmptyFieldListFilter)]
    list_select_related = ["latest"]
    search_fields = ["slug", "title"]
    actions = ["archive", "unarchive"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Plan]:
        return super().get_queryset(request).defer("latest__document")

    def get_fields(self, request: HttpRequest, obj: Plan | None = None) -> list[Any]:
        may_write = self.has_change_permission(request, obj) if obj else self.has_add_permission(request)
        return ["source", "base"] if may_write else ["source"]

    def has_delete_permission(self, request: HttpRequest, obj: Plan | None = None) -> bool:
        return False

    @admin.display(description="document")
    def source(self, plan: Plan) -> SafeString:
        """For people who may look and not write."""
        return as_text(plan.latest.source if plan.latest else "")

    @admin.display(ordering="latest__number")
    def version(self, plan: Plan) -> int | None:
        return plan.latest.number if plan.latest else None

    @admin.display(ordering="latest__created_at")
    def changed(self, plan: Plan) -> Any:
        return plan.latest.created_at if plan.latest else None

    @admin.display(boolean=True, description="active")
    def is_active(self, plan: Plan) -> bool:
        return plan.archived_at is None

    @admin.action(description="Archive: can no longer be started", permissions=["change"])
    def archive(self, request: HttpRequest, plans: QuerySet[Plan]) -> None:
        self.message_user(request, f"Archived: {plans.filter(archived_at=None).update(archived_at=Now())}")

    @admin.action(description="Unarchive", permissions=["change"])
    def unarchive(self, request: HttpRequest, plans: QuerySet[Plan]) -> None:
        self.message_user(request, f"Unarchived: {plans.exclude(archived_at=None).update(archived_at=None)}")

    def save_model(self, request: HttpRequest, obj: Plan, form: Any, change: bool) -> None:
        """Keep the document; what became of it is told by the answer."""
        saved = save_plan(form.cleaned_data["source"], user=request.user)
        assert saved.version is not None, saved.problems  # the form checked it
        obj.pk = saved.version.plan_id
        obj.refresh_from_db()
        request.saved_plan = saved  # type: ignore[attr-defined]

    def response_add(self, request: HttpRequest, obj: Plan, post_url_continue: str | None = None) -> HttpResponse:
        return self._answer(request, obj)

    def response_change(self, request: HttpRequest, obj: Plan) -> HttpResponse:
        return self._answer(request, obj)

    def _answer(self, request: HttpRequest, plan: Plan) -> HttpResponse:
        saved: SaveResult = request.saved_plan  # type: ignore[attr-defined]
        number = saved.version.number if saved.version else 0
        if saved.created:
            self.message_user(request, f"Version {number} of {plan.slug} saved; new runs use it.")
        else:
            same = f"No new version: same as version {number}, apart from comments and formatting."
            self.message_user(request, same, messages.WARNING)
        return HttpResponseRedirect(reverse("admin:pulser_plan_change", args=[plan.pk]))

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        plan = kwargs.get("obj")
        buttons = {"show_save_and_add_another": False, "show_save_and_continue": False}
        more = buttons | {"versions": versions_of(plan)}
        return super().render_change_form(request, context | more, *args, **kwargs)


def versions_of(plan: Plan | None) -> list[PlanVersion]:
    """The latest versions of a plan, newest first, without their documents."""
    if plan is None:
        return []
    known = plan.versions.select_related("created_by").defer("source", "document").order_by("-number")
    return list(known[:VERSIONS_SHOWN])


@admin.register(PlanVersion)
class PlanVersionAdmin(admin.ModelAdmin):
    """Versions are immutable: they are read here."""

    list_display = ["name", "short_digest", "created_at", "created_by"]
    list_filter = [("plan", admin.RelatedOnlyFieldListFilter)]
    list_select_related = ["plan", "created_by"]
    search_fields = ["plan__slug", "digest"]
    ordering = ["-created_at", "-pk"]
    fields = ["plan", "number", "digest", "created_at", "created_by", "document_source"]
    readonly_fields = ["document_source"]
    show_full_result_count = False

    class Media:
        css = {"all": ["css/plan-source.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[PlanVersion]:
        return super().get_queryset(request).defer("document")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: PlanVersion | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: PlanVersion | None = None) -> bool:
        return False

    @admin.display(ordering="plan__slug", description="version")
    def name(self, version: PlanVersion) -> str:
        return str(version)

    @admin.display(description="digest")
    def short_digest(self, version: PlanVersion) -> str:
        return version.digest.removeprefix("sha256:")[:12]

    @admin.display(description="document")
    def document_source(self, version: PlanVersion) -> SafeString:
        return as_text(version.source)


def as_text(source: str) -> SafeString:
    return format_html('<pre class="plan-source">{}</pre>', source)
