"""How the pages show logs."""

from __future__ import annotations

from datetime import datetime

from django import template
from django.urls import reverse
from django.utils.http import urlencode

from runs.queries.logs.scope import LogScope

register = template.Library()


@register.simple_tag
def log_address(scope: LogScope) -> str:
    """The page of this log."""
    asked = {"step": scope.step, "attempt": scope.attempt, "until": scope.until and scope.until.isoformat()}
    query = urlencode({name: value for name, value in asked.items() if value})
    return reverse("run_log", args=[scope.run_id]) + (f"?{query}" if query else "")


@register.filter
def epoch(when: datetime) -> int:
    """Seconds since 1970: the browser writes them in the viewer's zone."""
    return int(when.timestamp())
