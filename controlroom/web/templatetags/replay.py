"""How events look in a list."""

from __future__ import annotations

import json
from typing import Any

from django import template

from runs.models import Event
from runs.queries.replay.kinds import group_of, status_of
from runs.stream.event_json import event_json

register = template.Library()

RAW_CHARS = 32 * 1024

register.filter("kind_group", group_of)
register.filter("kind_status", status_of)


@register.filter
def raw_event(event: Event) -> str:
    """The event as the API gives it; of a long one the beginning."""
    said: dict[str, Any] = event_json(event)
    text = json.dumps(said, indent=2, ensure_ascii=False)
    rest = len(text) - RAW_CHARS
    return text if rest <= 0 else f"{text[:RAW_CHARS]}\n... {rest:,} characters more; the API has them"
