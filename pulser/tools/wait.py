"""`wait`: a step that goes on after some time, or at a time, and holds no worker until then."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pulser.language import durations
from pulser.language.catalogue import Effect, ToolSpec
from pulser.language.limits import WAIT_MAX_S
from pulser.tools.base import PermanentError, Suspension, ToolContext

_INPUT = {
    "type": "object",
    "additionalProperties": False,
    "oneOf": [{"required": ["duration"]}, {"required": ["until"]}],
    "properties": {
        "duration": {
            "type": ["string", "number"],
            "format": "pulser-duration",
            "description": "Such as 30s, 2m or 1h30m, or seconds.",
        },
        "until": {
            "type": "string",
            "format": "date-time",
            "description": "A time with its zone, such as 2030-01-31T09:00:00Z.",
        },
    },
}


class Wait:
    """Waits for a duration, or until a time. No outputs."""

    spec = ToolSpec(
        name="wait",
        title="Wait",
        description="Waits for a duration or until a time; holds no worker.",
        input=_INPUT,
        output={"type": "object", "properties": {}},
        effect=Effect.PURE,
        suspends=True,
    )

    def call(self, arguments: Mapping[str, Any], context: ToolContext) -> Suspension:
        """A timer. Raises PermanentError for text that is no duration or time, and for one beyond 366 days."""
        if "until" in arguments:
            return Suspension(kind="timer", until=_moment(arguments["until"]))
        return Suspension(kind="timer", for_s=duration(arguments["duration"], name="duration"))


def duration(value: str | float, *, name: str) -> float:
    """The argument in seconds, at most 366 days. Raises PermanentError that names the argument."""
    try:
        length_s = durations.seconds(value)
    except ValueError as error:
        raise PermanentError(f"{name}: {error}") from error
    if length_s > WAIT_MAX_S:
        raise PermanentError(f"{name}: {value} is longer than {WAIT_MAX_S / 86400:.0f} days, the longest wait")
    return length_s


def _moment(text: str) -> datetime:
    """RFC 3339; a time that is over already is right, the step then goes on at once."""
    try:
        moment = durations.moment(text)
    except ValueError as error:
        raise PermanentError(f"until: {error}") from error
    if (moment - datetime.now(UTC)).total_seconds() > WAIT_MAX_S:
        raise PermanentError(f"until: {text} is more than {WAIT_MAX_S / 86400:.0f} days away, the longest wait")
    return moment
