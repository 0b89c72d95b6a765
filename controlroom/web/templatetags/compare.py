"""Lengths of time against one another, as words and as the lengths of bars."""

from __future__ import annotations

from django import template

from controlroom.web.templatetags.times import length

register = template.Library()

BAR_MIN = 0.6  # percent, so that what took a moment can be seen


@register.filter
def took(seconds: float | None) -> str:
    return "did not run" if seconds is None else length(seconds)


@register.filter
def bar(seconds: float | None, longest: float) -> float:
    """Percent of the longest."""
    return 0.0 if seconds is None or not longest else max(BAR_MIN, round(seconds / longest * 100, 1))


@register.filter
def delta(seconds: float | None) -> str:
    """`+1.2 s`; nothing when it is less than a tenth of a second."""
    if seconds is None or abs(seconds) < 0.05:
        return ""
    return ("+" if seconds > 0 else "\u2212") + length(abs(seconds))
