"""What the OpenAPI document says of calls: every answer, refusals included, and the bodies that we read ourselves."""

from __future__ import annotations

from typing import Any

from ninja import NinjaAPI
from ninja.openapi.schema import OpenAPISchema
from pydantic import BaseModel

from controlroom.api.schemas import Problem
from controlroom.http.problems import PROBLEM_TYPE

KEY_PARAMETER = {
    "in": "header",
    "name": "Idempotency-Key",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"},
    "description": "A repeat with the same key returns the result of the first request",
}
HEADERS_OF = {
    "201": {"Location": "its URL"},
    "202": {"Location": "URL of the run"},
    "401": {"WWW-Authenticate": "`Bearer`"},
    "429": {"Retry-After": "seconds"},
    "503": {"Retry-After": "seconds"},
}


def documented_responses(model: Any, *refusals: int, status: int = 200) -> dict[int, Any]:
    """The answers of a call: `model`, and a problem document for each refusal.

    401 and 403 always, and 503 while the database is away or all its connections are in use.
    """
    return {status: model} | dict.fromkeys((401, 403, *refusals, 503), Problem)


def documented_body(model: type[BaseModel], *, required: bool = True, **more: Any) -> dict[str, Any]:
    """Documents a JSON body that `body.take` reads."""
    schema = model.model_json_schema(by_alias=True)
    return {"requestBody": {"required": required, "content": {"application/json": {"schema": schema}}}, **more}


def documented_content(*media_types: str, schema: dict[str, Any] | None = None) -> dict[str, Any]:
    """Documents an answer that is no JSON of ours."""
    content = {media_type: {"schema": schema or {"type": "string"}} for media_type in media_types}
    return {"responses": {200: {"content": content}}}


class ControlRoomApi(NinjaAPI):
    """Says the right content type of problem documents, and which headers come with which status."""

    def get_openapi_schema(
        self, *, path_prefix: str | None = None, path_params: dict[str, Any] | None = None
    ) -> OpenAPISchema:
        document = super().get_openapi_schema(path_prefix=path_prefix, path_params=path_params)
        for methods in document["paths"].values():
            for operation in methods.values():
                for status, response in operation["responses"].items():
                    _complete_response(str(status), response)
        return document


def _complete_response(status: str, response: dict[str, Any]) -> None:
    content = response.get("content", {})
    if status >= "400" and "application/json" in content:
        content[PROBLEM_TYPE] = content.pop("application/json")
    named = HEADERS_OF.get(status, {})
    if named:
        response["headers"] = {
            name: {"description": text, "schema": {"type": "string"}} for name, text in named.items()
        }
