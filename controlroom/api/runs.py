"""Runs: start, list, look at."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, TypeVar

from django.http import HttpResponse
from ninja import Field, Query, Router
from pydantic import AwareDatetime, BeforeValidator, WithJsonSchema

from controlroom.api.auth import ApiRequest, may_operate, may_view
from controlroom.api.body import canonical, idempotency, take
from controlroom.api.openapi import KEY_PARAMETER, answers, takes
from controlroom.api.paging import Order, Paged, Place
from controlroom.api.run_json import run_summary
from controlroom.api.schemas import RunId, RunOut, RunPage, StartRun
from controlroom.api.wire import answer, answer_run, answer_started, run_id_of
from controlroom.http.problems import unfit
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

BY_TIME = Order(("created_at", "pk"))
CLI_AGENT = "controlroom-cli/"
KEY_HEADERS = ("Idempotency-Key",)
LIKE_A_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d")


def _flag(value: Any) -> Any:
    """Programs write a boolean in more than one way."""
    return {"0": "false", "1": "true"}.get(value, value) if isinstance(value, str) else value


def _rfc3339(value: Any) -> Any:
    """Numbers are no times here: pydantic would take them for seconds since 1970."""
    if isinstance(value, str) and not LIKE_A_TIME.match(value):
        raise ValueError("expected a time like 2026-11-21T12:00:00Z")
    return value


Moment = Annotated[AwareDatetime, BeforeValidator(_rfc3339)]


FLAGS = WithJsonSchema({"type": "string", "enum": ["false", "true", "all", "0", "1"]})


class RunQuery(Paged):
    """The words of `runs.queries.lists.filters`, as far as programs need them; `archived` knows one more."""

    status: list[RunStatus] = Field(default_factory=list, description="Any of these")
    lane: str | None = Field(None, max_length=VALUE_CHARS)
    session: int | None = Field(None, ge=1, le=ID_MAX)
    plan: str | None = Field(None, max_length=VALUE_CHARS)
    environment: list[Literal["dev", "staging", "prod"]] = Field(default_factory=list, description="Any of these")
    trigger: str | None = Field(None, max_length=VALUE_CHARS, description="What started it, like hook or board")
    q: str | None = Field(None, max_length=Q_CHARS, description="Part of the title; one or two letters begin a word")
    since: Moment | None = Field(None, description="Created then or later")
    until: Moment | None = Field(None, description="Created before")
    archived: Annotated[Literal["false", "true", "all"], BeforeValidator(_flag), FLAGS] = "false"

    @property
    def filters(self) -> RunFilters:
        return RunFilters(
            status=tuple(self.status),
            lane=_some(self.lane),
            plan=_some(self.plan),
            session=_some(self.session),
            environment=tuple(self.environment),
            trigger=_some(self.trigger),
            since=self.since,
            until=self.until,
            q=(self.q or "").strip(),
            archived=self.archived != "false",
        )

    @property
    def among(self) -> RunQuerySet:
        return Run.objects.archived() if self.archived == "true" else Run.objects.all()


def _some(value: T | None) -> tuple[T, ...]:
    return () if value is None or value == "" else (value,)


@router.post(
    "",
    auth=may_operate,
    response={200: RunOut, **answers(RunOut, 404, 413, 415, 422, 429, status=201)},
    openapi_extra=takes(StartRun, parameters=[KEY_PARAMETER]),
)
def create(request: ApiRequest) -> HttpResponse:
    """Start a run. 201 with the run; a repeat with the same `Idempotency-Key` answers 200 with the first one."""
    wanted = take(request, StartRun)
    key = idempotency(request, scope=f"runs:{request.auth.name}", body=canonical(wanted), headers=KEY_HEADERS)
    started = start_run(
        find_version(wanted.plan),
        params=wanted.params,
        actor=request.auth,
        trigger="cli" if request.headers.get("User-Agent", "").startswith(CLI_AGENT) else "api",
        lane=_lane(wanted.lane),
        session=_session(wanted.session),
        title=wanted.title,
        priority=wanted.priority,
        environment=wanted.environment,
        idempotency=key,
    )
    return answer_started(started, actor=request.auth, status=201)


def _lane(name: str | None) -> Lane | None:
    if name is None:
        return None
    found = Lane.objects.filter(name=name).first()
    if found is None:
        raise unfit(
            "lane", f"there is no lane {name}; there are {', '.join(Lane.objects.values_list('name', flat=True))}"
        )
    return found


def _session(number: int | None) -> Session | None:
    if number is None:
        return None
    found = Session.objects.filter(pk=number).first()
    if found is None:
        raise unfit("session", f"there is no session {number}")
    return found


@router.get("", auth=may_view, response=answers(RunPage, 422))
def index(request: ApiRequest, query: Query[RunQuery]) -> HttpResponse:
    """Runs without their steps, newest first. Archived ones come with `archived=true` or `all`."""
    place = Place(query, seal_of("Run", query.dict(exclude={"cursor", "limit"})), BY_TIME)
    after = position_of(place.position) if place.position else None
    found = newest(request.auth, query.filters, "pk", limit=query.limit + 1, after=after, among=query.among)
    items, following = place.page(list(Run.objects.visible_to(request.auth).listed([pk for (pk,) in found])))
    return answer({"items": [run_summary(run) for run in items], "next": following})


@router.get("/{run_id}", auth=may_view, response=answers(RunOut, 404))
def show(request: ApiRequest, run_id: RunId) -> HttpResponse:
    """A run with its steps and their attempts, as of one moment."""
    return answer_run(run_id_of(run_id), actor=request.auth)
