"""Hooks and what came through them. A hook's secret is never shown again: it can be kept, replaced or removed."""

# Django's admin and form classes take no type arguments when the program runs.
# mypy: disable-error-code="type-arg"

from __future__ import annotations

import base64
import contextlib
import json
import secrets
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html

from controlroom.web.admin.readonly import ReadOnlyAdmin
from runs.models import Delivery, Hook

KEEP, GENERATE, TAKE, REMOVE = "keep", "generate", "take", "remove"
SECRET_BYTES = 32
SECRET_CHARS = 16  # at least, of one that somebody chose
SHOWN_BYTES = 20_000  # of a delivery's body


class HookForm(forms.ModelForm):
    secret_choice = forms.ChoiceField(
        label="Secret",
        initial=KEEP,
        choices=[
            (KEEP, "Keep the current secret"),
            (GENERATE, "Generate a new secret, shown once"),
            (TAKE, "Use the secret below"),
            (REMOVE, "None: require a bearer token"),
        ],
    )
    given_secret = forms.CharField(
        label="Secret to use",
        required=False,
        max_length=200,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="For a sender that generates the secret itself.",
    )

    class Meta:
        model = Hook
        fields = ["slug", "plan", "lane", "session", "enabled"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance.pk:  # a new hook has nothing to keep
            choice = self.fields["secret_choice"]
            choice.choices, choice.initial = choice.choices[1:], REMOVE  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if cleaned.get("secret_choice") == TAKE and len(cleaned.get("given_secret", "")) < SECRET_CHARS:
            self.add_error("given_secret", f"expected at least {SECRET_CHARS} characters")
        return cleaned

    def new_secret(self) -> str | None:
        """The secret from now on; None when it stays."""
        choice = self.cleaned_data["secret_choice"]
        if choice == GENERATE:
            return generate_secret()
        return {TAKE: self.cleaned_data["given_secret"], REMOVE: ""}.get(choice)


def generate_secret() -> str:
    """In the notation of Standard Webhooks; senders that sign with plain text take all of it as text."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


@admin.register(Hook)
class HookAdmin(admin.ModelAdmin):
    form = HookForm
    list_display = ["slug", "plan", "lane", "session", "has_secret", "enabled"]
    list_filter = ["enabled"]
    list_select_related = ["plan", "lane", "session"]
    search_fields = ["slug", "plan__slug"]
    autocomplete_fields = ["plan"]
    fields = ["slug", "plan", "lane", "session", "enabled", "secret_choice", "given_secret"]

    @admin.display(boolean=True, description="secret")
    def has_secret(self, hook: Hook) -> bool:
        return bool(hook.secret)

    def save_model(self, request: HttpRequest, obj: Hook, form: Any, change: bool) -> None:
        secret = form.new_secret()
        if secret is not None:
            obj.secret = secret
        super().save_model(request, obj, form, change)
        if form.cleaned_data["secret_choice"] == GENERATE:
            shown = format_html("<code>{}</code>", secret)
            text = "The secret of {}, shown only this once: {}"
            self.message_user(request, format_html(text, obj.slug, shown), messages.WARNING)


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    list_display = ["received_at", "hook", "status", "run", "key"]
    list_filter = ["status", ("hook", admin.RelatedOnlyFieldListFilter)]
    list_select_related = ["hook", "run"]
    search_fields = ["key", "hook__slug"]
    fields = ["received_at", "hook", "status", "run", "key", "headers", "text"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Delivery]:
        return super().get_queryset(request).defer("body")

    @admin.display(description="body")
    def text(self, delivery: Delivery) -> str:
        data = bytes(delivery.body)
        shown = data[:SHOWN_BYTES].decode("utf-8", errors="replace")
        with contextlib.suppress(ValueError, RecursionError):  # what is not JSON is shown as it came
            shown = json.dumps(json.loads(data), indent=2, ensure_ascii=False)[:SHOWN_BYTES]
        return format_html("<pre>{}</pre>", shown)
