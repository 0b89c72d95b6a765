"""Runs: start, list, look at."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, TypeVar

from django.http import HttpResponse
from ninja import Field, Query, Router
from pydantic import AwareDatetime, BeforeValidator, WithJsonSchema

from controlroom.api.auth import ApiRequest, may_operate, may_view
from controlroom.api.openapi import KEY_PARAMETER, documented_body, documented_responses
from controlroom.api.paging import ListOrder, PagePosition, PageQuery
from controlroom.api.request_body import canonical_json, read_idempotency_key, read_json_body
from controlroom.api.responses import json_response, run_id_of, run_response, started_run_response
from controlroom.api.run_json import run_summary
from controlroom.api.schemas import RunId, RunOut, RunPage, StartRun
from controlroom.http.problems import invalid_at
from pulser.engine.states import RunStatus
from pulser.language.limits import ID_MAX
from runs.commands.start import find_version, start_run
from runs.models import Lane, Run, Session
from runs.models.run import RunQuerySet
from runs.queries.lists.cursors import seal_of
from runs.queries.lists.filters import Q_CHARS, VALUE_CHARS, RunFilters
from runs.queries.lists.newest import newest, position_of

router = Router(tags=["runs"], by_alias=True)
T = TypeVar("T")

BY_TIME = ListOrder(("created_at", "pk"))
CLI_AGENT = "controlroom-cli/"
KEY_HEADERS = ("Idempotency-Key",)
LIKE_A_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d")


def _parse_boolean(value: Any) -> Any:
    """Programs write a boolean in more than one way."""
    return {"0": "false", "1": "true"}.get(value, value) if isinstance(value, str) else value


def _rfc3339(value: Any) -> Any:
    """Numbers are no times here: pydantic would take them for seconds since 1970."""
    if isinstance(value, str) and not LIKE_A_TIME.match(value):
        raise ValueError("expected a time like 2026-11-21T12:00:00Z")
    return value


Rfc3339Time = Annotated[AwareDatetime, BeforeValidator(_rfc3339)]


FLAGS = WithJsonSchema({"type": "string", "enum": ["false", "true", "all", "0", "1"]})


class RunQuery(PageQuery):
    """The words of `runs.queries.lists.filters`, as far as programs need them; `archived` knows one more."""

    status: list[RunStatus] = Field(default_factory=list, description="Any of these")
    lane: str | None = Field(None, max_length=VALUE_CHARS)
    session: int | None = Field(None, ge=1, le=ID_MAX)
    plan: str | None = Field(None, max_length=VALUE_CHARS)
    environment: list[Literal["dev", "staging", "prod"]] = Field(default_factory=list, description="Any of these")
    trigger: str | None = Field(None, max_length=VALUE_CHARS, description="What started it, such as hook or board")
    q: str | None = Field(None, max_length=Q_CHARS, description="Part of the title; 1 or 2 letters match a word start")
    since: Rfc3339Time | None = Field(None, description="Created at or after")
    until: Rfc3339Time | None = Field(None, description="Created before")
    archived: Annotated[Literal["false", "true", "all"], BeforeValidator(_parse_boolean), FLAGS] = "false"

    @property
    def filters(self) -> RunFilters:
        return RunFilters(
            status=tuple(self.status),
            lane=_nonempty_list(self.lane),
            plan=_nonempty_list(self.plan),
            session=_nonempty_list(self.session),
            environment=tuple(self.environment),
            trigger=_nonempty_list(self.trigger),
            since=self.since,
            until=self.until,
            q=(self.q or "").strip(),
            archived=self.archived != "false",
        )

    @property
    def among(self) -> RunQuerySet:
        return Run.objects.archived() if self.archived == "true" else Run.objects.all()


def _nonempty_list(value: T | None) -> tuple[T, ...]:
    return () if value is None or value == "" else (value,)


@router.post(
    "",
    auth=may_operate,
    response={200: RunOut, **documented_responses(RunOut, 404, 413, 415, 422, 429, status=201)},
    openapi_extra=documented_body(StartRun, parameters=[KEY_PARAMETER]),
)
def create(request: ApiRequest) -> HttpResponse:
    """Start a run. 201 with the run; a repeat with the same `Idempotency-Key` returns 200 with the first run."""
    wanted = read_json_body(request, StartRun)
    key = read_idempotency_key(
        request, scope=f"runs:{request.auth.name}", body=canonical_json(wanted), headers=KEY_HEADERS
    )
    started = start_run(
        find_version(wanted.plan),
        params=wanted.params,
        actor=request.auth,
        trigger="cli" if request.headers.get("User-Agent", "").startswith(CLI_AGENT) else "api",
        lane=_find_lane(wanted.lane),
        session=_find_session(wanted.session),
        title=wanted.title,
        priority=wanted.priority,
        environment=wanted.environment,
        idempotency=key,
    )
    return started_run_response(started, actor=request.auth, status=201)


def _find_lane(name: str | None) -> Lane | None:
    if name is None:
        return None
    found = Lane.objects.filter(name=name).first()
    if found is None:
        raise invalid_at(
            "lane", f"lane {name} not found; lanes: {', '.join(Lane.objects.values_list('name', flat=True))}"
        )
    return found


def _find_session(number: int | None) -> Session | None:
    if number is None:
        return None
    found = Session.objects.filter(pk=number).first()
    if found is None:
        raise invalid_at("session", f"session {number} not found")
    return found


@router.get("", auth=may_view, response=documented_responses(RunPage, 422))
def index(request: ApiRequest, query: Query[RunQuery]) -> HttpResponse:
    """Runs without their steps, newest first. Archived ones come with `archived=true` or `all`."""
    place = PagePosition(query, seal_of("Run", query.dict(exclude={"cursor", "limit"})), BY_TIME)
    after = position_of(place.position) if place.position else None
    found = newest(request.auth, query.filters, "pk", limit=query.limit + 1, after=after, among=query.among)
    items, following = place.page(list(Run.objects.visible_to(request.auth).listed([pk for (pk,) in found])))
    return json_response({"items": [run_summary(run) for run in items], "next": following})


@router.get("/{run_id}", auth=may_view, response=documented_responses(RunOut, 404))
def show(request: ApiRequest, run_id: RunId) -> HttpResponse:
    """A run with its steps and their attempts, as of one moment."""
    return run_response(run_id_of(run_id), actor=request.auth)
