"""Reading what was sent: bounded, of the right type, and free of what a database cannot store."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any, TypeVar

from django.http import HttpRequest
from pydantic import BaseModel, ValidationError

from controlroom.api.problems import invalid_body
from controlroom.http.problems import UnsupportedMediaType, invalid_at
from pulser.language import limits
from pulser.language.json_values import NestedTooDeep, NotStorable, parse_storable
from pulser.language.numbers import whole_number
from runs.commands.start import Idempotency
from runs.errors import TooLarge

JSON_TYPES = ("application/json",)
BODY_BYTES = limits.PARAMS_BYTES + 16 * limits.KIB  # params at their largest, and the fields around them
IDEMPOTENCY_KEY_CHARS = 255

M = TypeVar("M", bound=BaseModel)


def read_json_body(request: HttpRequest, model: type[M], *, limit: int = BODY_BYTES) -> M:
    """The JSON body as a model. An empty body counts as `{}`.

    Raises TooLarge (more than `limit` bytes), UnsupportedMediaType, and InvalidRequest for what is no JSON or does not
    fit the model.
    """
    raw = read_body(request, limit=limit, types=JSON_TYPES)
    try:
        return model.model_validate(read_json(raw) if raw else {})
    except ValidationError as error:
        raise invalid_body(error.errors(include_url=False, include_input=False)) from error


def read_body(request: HttpRequest, *, limit: int, types: Collection[str]) -> bytes:
    """The raw body, bounded and of one of these types. Raises TooLarge, UnsupportedMediaType."""
    raw = bounded_body(request, limit=limit)
    require_type(request, raw, types=types)
    return raw


def bounded_body(request: HttpRequest, *, limit: int) -> bytes:
    """The raw body, not read further than `limit` bytes. Raises TooLarge."""
    announced = whole_number(request.META.get("CONTENT_LENGTH") or "0", at_most=limits.ID_MAX)
    if announced is not None and announced > limit:
        raise TooLarge(f"the body has {announced} bytes; at most {limit} are allowed")
    raw = request.read(limit + 1)
    if len(raw) > limit:
        raise TooLarge(f"the body has more than {limit} bytes, the most allowed")
    return bytes(raw)


def require_type(request: HttpRequest, raw: bytes, *, types: Collection[str]) -> None:
    """Raises UnsupportedMediaType, unless the body is empty: then it needs no type."""
    if raw and request.content_type not in types:
        got = request.content_type or "no Content-Type"
        raise UnsupportedMediaType(f"expected Content-Type {' or '.join(types)}, got {got}")


def read_json(raw: bytes) -> Any:
    """The JSON value.

    Raises InvalidRequest that says where it is none, nests too deep, or holds what no database can keep.
    """
    try:
        return parse_storable(raw.decode())
    except UnicodeDecodeError as error:
        raise invalid_at("body", f"expected UTF-8, got the byte 0x{raw[error.start]:02x} at {error.start}") from error
    except json.JSONDecodeError as error:
        message = f"expected JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        raise invalid_at("body", message, line=error.lineno, column=error.colno) from error
    except NestedTooDeep as error:
        raise invalid_at("body", f"expected at most {limits.PLAN_LEVELS} levels of nesting") from error
    except NotStorable as error:
        raise invalid_at("body", str(error)) from error
    except ValueError as error:
        raise invalid_at("body", f"expected JSON: {error}") from error


def parse_json_object(raw: bytes) -> dict[str, Any]:
    """The JSON object in the body, `{}` for an empty one. Raises InvalidRequest."""
    value = read_json(raw) if raw else {}
    if not isinstance(value, dict):
        raise invalid_at("body", f"expected a JSON object, got {_json_kind(value)}")
    return value


def _json_kind(value: Any) -> str:
    names = {str: "a string", list: "an array", bool: "a boolean", int: "a number", float: "a number"}
    return names.get(type(value), "null")


def read_idempotency_key(
    request: HttpRequest, *, scope: str, body: bytes, headers: Collection[str]
) -> Idempotency | None:
    """The sender's own key of this request, from the first of these headers that is there. Raises InvalidRequest."""
    name = next((name for name in headers if name in request.headers), None)
    if name is None:
        return None
    key = request.headers[name]
    if not 0 < len(key) <= IDEMPOTENCY_KEY_CHARS or not (key.isascii() and key.isprintable()):
        raise invalid_at(f"header.{name}", f"expected 1 to {IDEMPOTENCY_KEY_CHARS} printable ASCII characters")
    return Idempotency.of(scope[:200], key, body)


def canonical_json(body: BaseModel) -> bytes:
    """The same bytes for the same content, whatever the spaces and the order of keys."""
    return json.dumps(body.model_dump(mode="json"), sort_keys=True).encode()
