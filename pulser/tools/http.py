"""`http`: one request to a public address, or to one that the operator allows, with bounds on time and size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pulser.language.catalogue import Effect, ToolSpec
from pulser.tools.base import FailedError, Outputs, PermanentError, ToolContext, TransientError

_EFFECTS = {
    "GET": Effect.PURE,
    "HEAD": Effect.PURE,
    "OPTIONS": Effect.PURE,
    "PUT": Effect.IDEMPOTENT,
    "DELETE": Effect.IDEMPOTENT,
    "POST": Effect.IRREVERSIBLE,
    "PATCH": Effect.IRREVERSIBLE,
}
_SUCCESS = range(200, 300)
_INPUT = {
    "type": "object",
    "additionalProperties": False,
    "required": ["url"],
    "not": {"required": ["json", "body"]},
    "properties": {
        "method": {"type": "string", "enum": list(_EFFECTS), "default": "GET"},
        "url": {"type": "string", "minLength": 1, "description": "http:// or https://"},
        "headers": {"type": "object", "additionalProperties": {"type": "string"}},
        "json": {"description": "A value to send as JSON."},
        "body": {"type": "string", "description": "Text to send as it is."},
        "expect": {
            "type": "array",
            "minItems": 1,
            "items": {"type": "integer", "minimum": 100, "maximum": 599},
            "description": "Expected statuses; 200 to 299 by default.",
        },
    },
}
_OUTPUT = {
    "type": "object",
    "required": ["status", "headers", "body", "json"],
    "properties": {
        "status": {"type": "integer"},
        "headers": {"type": "object", "additionalProperties": {"type": "string"}},
        "body": {"type": "string"},
        "json": {"description": "The body as a value; null unless its content type is JSON."},
    },
}


def effect_of(arguments: Mapping[str, Any]) -> Effect:
    """By method, as RFC 9110 defines it; an unknown method is taken for the worst."""
    return _EFFECTS.get(str(arguments.get("method", "GET")).upper(), Effect.IRREVERSIBLE)


class Http:
    """Sends a request. Outputs: `status`, `headers` (lower-case names), `body`, `json`."""

    spec = ToolSpec(
        name="http",
        title="HTTP request",
        description="Calls a URL and returns status, headers and body.",
        input=_INPUT,
        output=_OUTPUT,
        effect=Effect.IRREVERSIBLE,
        effect_of=effect_of,
    )

    def call(self, arguments: Mapping[str, Any], context: ToolContext) -> Outputs:
        """Network trouble, 429 and 5xx are transient, other 4xx permanent, unless `expect` names the status."""
        from pulser.tools.http_client import send_request  # not before it is needed: it brings all of httpx

        expect = arguments.get("expect", _SUCCESS)
        outputs = send_request(arguments, context, expect=expect, is_safe=effect_of(arguments) is Effect.PURE)
        _judge(outputs, expect=expect)
        return outputs


def _judge(outputs: Outputs, *, expect: range | list[int]) -> None:
    status = outputs["status"]
    if status in expect:
        return
    message = f"status {status}, expected {_listed(expect)}"
    if status == 429 or status >= 500:
        raise TransientError(message, outputs=outputs)
    if status >= 400:
        raise PermanentError(message, outputs=outputs)
    raise FailedError(message, outputs=outputs)


def _listed(expect: range | list[int]) -> str:
    return "200 to 299" if isinstance(expect, range) else " or ".join(map(str, expect))
