"""How the health page writes lengths of time."""

from __future__ import annotations

from django import template

from controlroom.web.templatetags.times import length

register = template.Library()


@register.filter
def seconds(value: float | None) -> str:
    """`4.2 s`, `3 m 07 s`; a dash when there is none."""
    return "\N{EN DASH}" if value is None else length(max(0.0, value))
