"""Lanes, sessions, saved views. The lane and the session that runs go to when nobody names any keep their names."""

# Django's admin and form classes take no type arguments when the program runs.
# mypy: disable-error-code="type-arg"

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest
from django.utils import timezone

from runs.models import Lane, SavedView, Session
from runs.models.lane import DEFAULT_LANE
from runs.models.session import DEFAULT_SESSION


@admin.register(Lane)
class LaneAdmin(admin.ModelAdmin):
    list_display = ["name", "position", "limit", "paused", "paused_reason", "used", "queued"]
    list_editable = ["position", "limit", "paused", "paused_reason"]
    fields = ["name", "position", "limit", "paused", "paused_reason"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Lane]:
        return Lane.objects.with_load()

    @admin.display(description="running")
    def used(self, lane: Any) -> int:
        return int(lane.used)

    @admin.display(description="queued")
    def queued(self, lane: Any) -> int:
        return int(lane.queued)

    def save_model(self, request: HttpRequest, obj: Lane, form: Any, change: bool) -> None:
        """Who paused it and when is kept, as when it is done on the board."""
        if "paused" in form.changed_data:
            obj.paused_by = request.user.get_username() if obj.paused else ""
            obj.paused_at = timezone.now() if obj.paused else None
        super().save_model(request, obj, form, change)

    def get_readonly_fields(self, request: HttpRequest, obj: Lane | None = None) -> list[str]:
        return ["name"] if obj and obj.name == DEFAULT_LANE else []

    def has_delete_permission(self, request: HttpRequest, obj: Lane | None = None) -> bool:
        return super().has_delete_permission(request, obj) and not (obj and obj.name == DEFAULT_LANE)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Deleting many at once would ask no lane whether it is the default one."""
        return {name: action for name, action in super().get_actions(request).items() if name != "delete_selected"}


@admin.register(Session)
class SessionAdmin(admin.ModelAdmin):
    """Sessions are archived, never deleted: their runs stay."""

    list_display = ["name", "created_at", "archived_at"]
    list_filter = [("archived_at", admin.EmptyFieldListFilter)]
    search_fields = ["name"]
    fields = ["name", "created_at", "archived_at"]
    actions = ["archive", "unarchive"]

    def get_readonly_fields(self, request: HttpRequest, obj: Session | None = None) -> list[str]:
        is_default = obj is not None and obj.name == DEFAULT_SESSION
        return ["created_at", "archived_at", *(["name"] if is_default else [])]

    def has_delete_permission(self, request: HttpRequest, obj: Session | None = None) -> bool:
        return False

    @admin.action(description="Archive", permissions=["change"])
    def archive(self, request: HttpRequest, sessions: QuerySet[Session]) -> None:
        chosen = sessions.filter(archived_at=None).exclude(name=DEFAULT_SESSION)
        self.message_user(request, f"Archived: {chosen.update(archived_at=Now())}")

    @admin.action(description="Unarchive", permissions=["change"])
    def unarchive(self, request: HttpRequest, sessions: QuerySet[Session]) -> None:
        self.message_user(request, f"Unarchived: {sessions.exclude(archived_at=None).update(archived_at=None)}")


@admin.register(SavedView)
class SavedViewAdmin(admin.ModelAdmin):
    """Made on the board. Here one that is shared can be taken back when its owner has gone."""

    list_display = ["name", "owner", "is_shared", "is_default", "deleted_at"]
    list_filter = ["is_shared"]
    list_select_related = ["owner"]
    search_fields = ["name", "owner__username"]
    fields = ["name", "owner", "query", "is_shared", "is_default", "created_at", "deleted_at"]
    readonly_fields = ["owner", "query", "is_default", "created_at", "deleted_at"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False
