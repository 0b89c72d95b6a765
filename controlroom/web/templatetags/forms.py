"""The attributes that all controls of a form for params have, and what its schema says about them in words."""

from __future__ import annotations

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from controlroom.web.forms.fields import Field, bounds_of
from controlroom.web.forms.parts import Kind
from controlroom.web.forms.wire import json_text
from pulser.language.names import format_value

register = template.Library()


@register.simple_tag
def control(field: Field) -> SafeString:
    """Id, name, and what belongs to it for those who cannot see where it stands."""
    required = mark_safe(' aria-required="true"') if field.is_demanded else ""
    return format_html('id="{}" name="{}"{}{}', field.name, field.name, required, described(field))


@register.simple_tag
def described(field: Field) -> SafeString:
    said = {"aria-describedby": " ".join(field.labels), "aria-invalid": "true" if field.error else ""}
    return format_html_join("", ' {}="{}"', ((name, text) for name, text in said.items() if text))


@register.simple_tag
def number_bounds(field: Field) -> SafeString:
    """What a browser's number control wants to know."""
    step = field.schema.get("multipleOf", 1 if field.schema.get("type") == "integer" else "any")
    known = {"min": field.schema.get("minimum"), "max": field.schema.get("maximum"), "step": step}
    shown = ((name, value) for name, value in known.items() if value is not None)
    return format_html_join("", ' {}="{}"', shown)


@register.filter
def bounds(field: Field) -> str:
    """What the schema asks for, in words: `at least 1, at most 5`."""
    return bounds_of(field.schema)


@register.filter
def default_shown(field: Field) -> str:
    """What counts when nothing is typed."""
    default = field.schema.get("default")
    if not isinstance(default, str | int | float) or isinstance(default, bool):
        return ""
    return default if isinstance(default, str) else format_value(default)


@register.filter
def examples(field: Field) -> list[str]:
    given = field.schema.get("examples")
    wanted = str if field.kind is Kind.TEXT else int | float
    found = [each for each in given if isinstance(each, wanted)] if isinstance(given, list) else []
    return [each if isinstance(each, str) else json_text(each) for each in found[:20]]


@register.filter
def was_json(field: Field) -> str:
    """The old texts of the control, for the script that marks what changes."""
    return json_text(list(field.was_texts)).replace("\n", "")


@register.filter
def place(field: Field) -> str:
    """Where it stands in the form: `Limits, CPU`."""
    return field.part.label or "Params"
