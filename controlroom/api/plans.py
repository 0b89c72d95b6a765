"""Plans: documents come in as they are written, and every changed one is a new version."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Field, Query, Router, Schema

from controlroom.api.auth import ApiRequest, may_operate, may_view
from controlroom.api.openapi import documented_responses
from controlroom.api.paging import PageQuery, paginate
from controlroom.api.request_body import read_body
from controlroom.api.responses import json_response
from controlroom.api.schemas import PlanChecked, PlanOut, PlanPage
from controlroom.http.problems import InvalidRequest
from pulser.catalogue import check, save_plan
from pulser.language import Problem as PlanProblem
from pulser.language import limits
from pulser.models import Plan, PlanVersion
from runs.commands.start import find_version
from runs.stream.event_json import rfc3339

router = Router(tags=["plans"])

YAML_TYPE = "application/yaml"
DOCUMENT_TYPES = (YAML_TYPE, "application/json", "application/x-yaml", "text/yaml", "text/x-yaml")
DOCUMENT_SCHEMAS: dict[str, Any] = {
    YAML_TYPE: {"schema": {"type": "string", "maxLength": limits.PLAN_BYTES}},
    "application/json": {"schema": {"type": "object"}},
}
DOCUMENT = {"requestBody": {"required": True, "content": DOCUMENT_SCHEMAS}}
ANYTHING: dict[str, Any] = {"requestBody": {"content": {media_type: {"schema": {}} for media_type in DOCUMENT_SCHEMAS}}}
VERSIONS_SHOWN = 200
NO_PARAMS = {"type": "object", "properties": {}}


class WhichVersion(Schema):
    version: int | None = Field(None, ge=1, le=2**31 - 1, description="Default: the latest")


@router.get("", auth=may_view, response=documented_responses(PlanPage, 422))
def index(request: ApiRequest, query: Query[PageQuery]) -> HttpResponse:
    """Plans, newest first, each with its latest version."""
    items, following = paginate(Plan.objects.active().with_latest().exclude(latest=None), query)
    return json_response({"items": [_summary(plan, plan.latest) for plan in items if plan.latest], "next": following})


def _summary(plan: Plan, version: PlanVersion) -> dict[str, object]:
    return {
        "slug": plan.slug,
        "title": plan.title,
        "description": plan.description,
        "version": version.number,
        "digest": version.digest,
        "created_at": rfc3339(plan.created_at),
    }


@router.post(
    "",
    auth=may_operate,
    response={200: PlanOut, **documented_responses(PlanOut, 413, 415, 422, status=201)},
    openapi_extra=DOCUMENT,
)
def push(request: ApiRequest) -> HttpResponse:
    """Save a plan document: 201 for a new version, 200 when it equals the latest one, 422 with its errors."""
    saved = save_plan(_document(request))
    if saved.version is None:
        errors = _errors(saved.problems)
        raise InvalidRequest(
            f"the plan has {len(errors)} error{'s' if len(errors) > 1 else ''}: {saved.problems[0]}", errors
        )
    headers = {"Location": f"/api/v1/plans/{saved.version.plan.slug}"}
    return json_response(_detail(saved.version), status=201 if saved.created else 200, headers=headers)


def _document(request: HttpRequest) -> str:
    raw = read_body(request, limit=limits.PLAN_BYTES, types=DOCUMENT_TYPES)
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        column = error.start - raw.rfind(b"\n", 0, error.start)
        message = f"expected UTF-8, got the byte 0x{raw[error.start]:02x}"
        raise InvalidRequest(message, [{"line": line, "column": column, "path": "", "message": message}]) from error


def _errors(problems: tuple[PlanProblem, ...]) -> list[dict[str, object]]:
    return [problem.as_dict() for problem in problems]


@router.post("/check", auth=may_view, response=documented_responses(PlanChecked, 413, 415), openapi_extra=ANYTHING)
def check_document(request: ApiRequest) -> HttpResponse:
    """Check a document; `errors` is empty when it is valid. Stores nothing."""
    try:
        return json_response({"errors": _errors(check(_document(request)).problems)})
    except InvalidRequest as error:
        return json_response({"errors": error.errors})


@router.get("/{slug}", auth=may_view, response=documented_responses(PlanOut, 404, 422))
def show(request: ApiRequest, slug: str, query: Query[WhichVersion]) -> HttpResponse:
    """A plan with its document, the schema of its params, and its versions."""
    reference = slug if query.version is None else f"{slug}@{query.version}"
    return json_response(_detail(find_version(reference)))


def _detail(version: PlanVersion) -> dict[str, object]:
    versions = PlanVersion.objects.filter(plan=version.plan_id).order_by("-number")
    return {
        **_summary(version.plan, version),
        "params": version.document.get("params", NO_PARAMS),
        "document": version.document,
        "source": version.source,
        "versions": [
            {"number": number, "digest": digest, "created_at": rfc3339(created_at)}
            for number, digest, created_at in versions.values_list("number", "digest", "created_at")[:VERSIONS_SHOWN]
        ],
    }
