"""What travels to programs: an event as JSON, and times as RFC 3339. API, sockets and server-sent events share it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder

from runs.events import rfc3339
from runs.models import Event

__all__ = ["dumps", "event_json", "rfc3339"]


def event_json(event: Event) -> dict[str, Any]:
    """The one shape of an event. `step` and `attempt` are null where it is about the run itself."""
    return {
        "run": str(event.run_id),
        "seq": event.seq,
        "kind": event.kind,
        "step": event.step or None,
        "attempt": event.attempt,
        "data": event.data,
        "at": rfc3339(event.at),
    }


def dumps(value: Mapping[str, Any]) -> str:
    """Compact JSON on one line, as sockets and streams send it."""
    return json.dumps(value, cls=DjangoJSONEncoder, separators=(",", ":"), ensure_ascii=False)
