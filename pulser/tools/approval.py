"""`approval`: a step that a person decides, and that holds no worker until then."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pulser.language.catalogue import Effect, ToolSpec
from pulser.language.limits import APPROVAL_TIMEOUT_S
from pulser.tools.base import Suspension, ToolContext
from pulser.tools.wait import duration

_INPUT = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "role": {"type": "string", "minLength": 1, "default": "operator", "description": "Who may decide."},
        "message": {"type": "string", "description": "The question."},
        "timeout": {
            "type": ["string", "number"],
            "format": "pulser-duration",
            "default": "24h",
            "description": "Such as 30m or 24h, or seconds.",
        },
        "on_timeout": {"type": "string", "enum": ["reject", "approve"], "default": "reject"},
    },
}
_OUTPUT = {
    "type": "object",
    "required": ["decision", "by", "comment"],
    "properties": {"decision": {"type": "string"}, "by": {"type": "string"}, "comment": {"type": "string"}},
}


class Approval:
    """Asks a person. Outputs, written when the decision comes: `decision`, `by`, `comment`."""

    spec = ToolSpec(
        name="approval",
        title="Approval",
        description="Waits until a person approves or rejects; holds no worker.",
        input=_INPUT,
        output=_OUTPUT,
        effect=Effect.PURE,
        suspends=True,
    )

    def call(self, arguments: Mapping[str, Any], context: ToolContext) -> Suspension:
        """A question with its deadline. Raises PermanentError for a timeout that is none or beyond 366 days."""
        return Suspension(
            kind="approval",
            for_s=duration(arguments.get("timeout", APPROVAL_TIMEOUT_S), name="timeout"),
            role=arguments.get("role", "operator"),
            message=arguments.get("message", ""),
            on_timeout=arguments.get("on_timeout", "reject"),
        )
