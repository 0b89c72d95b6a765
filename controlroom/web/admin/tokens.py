"""API tokens: the secret is shown once, when the token is made; afterwards a token can only be revoked."""

# Django's admin and form classes take no type arguments when the program runs.
# mypy: disable-error-code="type-arg"

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html

from runs.accounts.models import ApiToken

CHOSEN = ["name", "role", "expires_at"]
TOLD = ["prefix", "created_by", "created_at", "last_used_at", "revoked_at"]


@admin.register(ApiToken)
class ApiTokenAdmin(admin.ModelAdmin):
    list_display = ["name", "prefix", "role", "created_by", "created_at", "expires_at", "last_used_at", "is_revoked"]
    list_filter = ["role", ("revoked_at", admin.EmptyFieldListFilter)]
    list_select_related = ["created_by"]
    search_fields = ["name", "prefix"]
    actions = ["revoke"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiToken]:
        return super().get_queryset(request).defer("digest")

    def get_fields(self, request: HttpRequest, obj: ApiToken | None = None) -> list[Any]:
        return [*CHOSEN, *TOLD] if obj else CHOSEN

    def get_readonly_fields(self, request: HttpRequest, obj: ApiToken | None = None) -> list[str]:
        return [*CHOSEN, *TOLD] if obj else []

    def has_delete_permission(self, request: HttpRequest, obj: ApiToken | None = None) -> bool:
        """Revoked tokens stay: runs that they started name them."""
        return False

    @admin.display(boolean=True, description="revoked")
    def is_revoked(self, token: ApiToken) -> bool:
        return token.revoked_at is not None

    @admin.action(description="Revoke: requests with it are rejected", permissions=["change"])
    def revoke(self, request: HttpRequest, tokens: QuerySet[ApiToken]) -> None:
        self.message_user(request, f"Revoked: {tokens.filter(revoked_at=None).update(revoked_at=Now())}")

    def save_model(self, request: HttpRequest, obj: ApiToken, form: Any, change: bool) -> None:
        if change:
            return  # there is nothing in the form that could be changed
        token, secret = ApiToken.issue(obj.name, role=obj.role)
        obj.pk, obj.prefix = token.pk, token.prefix
        ApiToken.objects.filter(pk=token.pk).update(created_by=request.user.pk, expires_at=obj.expires_at)
        text = "The token, shown only this once: {}"
        self.message_user(request, format_html(text, format_html("<code>{}</code>", secret)), messages.WARNING)

    def response_add(self, request: HttpRequest, obj: ApiToken, post_url_continue: str | None = None) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:accounts_apitoken_changelist"))
