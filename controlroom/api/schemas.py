"""The shapes that travel: what calls take (strict, no unknown fields) and what they answer."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from ninja import Schema
from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema, model_validator

from pulser.engine.states import RunStatus, StepStatus
from pulser.language import limits
from pulser.language.document import Environment

RunId = Annotated[str, WithJsonSchema({"type": "string", "format": "uuid"})]
"""Of a path. Text that is no UUID is simply not there (404), so it is not refused as a wrong type."""


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    @model_validator(mode="before")
    @classmethod
    def _whole_numbers(cls, given: Any) -> Any:
        """`5.0` is an integer in JSON Schema, which knows no other numbers than JSON has."""
        if not isinstance(given, dict):
            return given
        return {
            name: int(value) if isinstance(value, float) and value.is_integer() else value
            for name, value in given.items()
        }


class StartRun(Body):
    plan: str = Field(min_length=1, max_length=limits.SLUG_CHARS + 20, description="`slug`, or `slug@version`")
    params: dict[str, Any] = Field(default_factory=dict)
    lane: str | None = Field(None, max_length=50)
    session: int | None = Field(None, ge=1, le=2**63 - 1)
    title: str = Field("", max_length=limits.TITLE_CHARS)
    priority: int = Field(0, ge=-limits.PRIORITY_MAX, le=limits.PRIORITY_MAX, description="Higher first")
    environment: Environment = "dev"


class RetryRun(Body):
    model_config = ConfigDict(populate_by_name=True)

    from_: str | None = Field(
        None, alias="from", min_length=1, max_length=limits.SLUG_CHARS, description="A step, or `start` for a new run"
    )
    params: dict[str, Any] | None = Field(None, description="Makes a new run with these params")
    version: int | None = Field(None, ge=1, le=2**31 - 1, description="Makes a new run of this version of the plan")


class Decision(Body):
    comment: str = Field("", max_length=limits.COMMENT_CHARS)


class NewSession(Body):
    name: str = Field(min_length=1, max_length=200, pattern=r"\S")


class LaneChange(Body):
    limit: int | None = Field(None, ge=1, le=limits.LANE_LIMIT_MAX, description="Max running runs")
    paused: bool | None = None


class Answer(Schema):
    model_config = ConfigDict(extra="forbid")


class ErrorAt(Schema):
    """One place that does not fit. `line` and `column` count from 1."""

    path: str
    message: str
    line: int | None = None
    column: int | None = None


class Problem(Schema):
    """A problem document (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    errors: list[ErrorAt] | None = None


class AttemptError(Answer):
    class_: str = Field(alias="class", description="transient, timeout, failed, lost, permanent; empty: no error")
    message: str


class AttemptOut(Answer):
    number: int
    worker: str
    started_at: datetime
    finished_at: datetime | None
    exit_code: int | None
    error: AttemptError | None


class StepOut(Answer):
    id: str
    status: StepStatus
    outputs: dict[str, Any] | None
    attempt: int = Field(description="The number of the latest attempt; 0 before the first")
    attempts: list[AttemptOut]


class RunSummary(Answer):
    id: str = Field(json_schema_extra={"format": "uuid"})
    title: str
    status: RunStatus
    lane: str
    session: int
    plan: str
    version: int
    params: dict[str, Any]
    environment: Environment
    priority: int
    retry_count: int
    trigger: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    seq: int


class RunOut(RunSummary):
    steps: list[StepOut]


class RunPage(Answer):
    items: list[RunSummary]
    next: str | None


class EventOut(Answer):
    run: str
    seq: int
    kind: str
    step: str | None
    attempt: int | None
    data: dict[str, Any]
    at: datetime


class EventPage(Answer):
    items: list[EventOut]
    next: str | None = Field(description="`after` of the next page; null when there are no more yet")


class LogItem(Answer):
    step: str
    attempt: int
    offset: int
    stream: Literal["stdout", "stderr"] | str
    text: str
    at: datetime


class LogPage(Answer):
    items: list[LogItem]
    next: str | None = Field(description="`after` of the next page; null when there are no more yet")


class ArtifactOut(Answer):
    id: int
    step: str
    attempt: int
    name: str
    kind: str
    media_type: str
    size: int
    sha256: str
    created_at: datetime


class ArtifactPage(Answer):
    items: list[ArtifactOut]
    next: str | None


class SessionOut(Answer):
    id: int
    name: str
    created_at: datetime
    archived_at: datetime | None


class SessionPage(Answer):
    items: list[SessionOut]
    next: str | None


class VersionOut(Answer):
    number: int
    digest: str
    created_at: datetime


class PlanSummary(Answer):
    slug: str
    title: str
    description: str
    version: int = Field(description="The latest version's number; in a plan's own answer, the version shown")
    digest: str
    created_at: datetime


class PlanOut(PlanSummary):
    params: dict[str, Any] = Field(description="JSON Schema of the params")
    document: dict[str, Any]
    source: str = Field(description="The document as saved")
    versions: list[VersionOut]


class PlanPage(Answer):
    items: list[PlanSummary]
    next: str | None


class PlanChecked(Answer):
    errors: list[ErrorAt]


class LaneOut(Answer):
    name: str
    position: int
    limit: int
    paused: bool
    used: int = Field(description="Runs that hold a slot")
    queued: int = Field(description="Queued runs")


class LanePage(Answer):
    items: list[LaneOut]
    next: str | None


class WorkerOut(Answer):
    name: str
    host: str
    pid: int
    slots: int
    busy: int
    started_at: datetime
    seen_at: datetime
    answered_at: datetime | None


class Queue(Answer):
    runs_queued: int
    steps_queued: int
    oldest_s: float | None = Field(description="Seconds the oldest queued step has waited")


class Sweeper(Answer):
    finished_at: datetime | None
    age_s: float | None = Field(description="Seconds since the last sweep ended")


class StatusOut(Answer):
    workers: list[WorkerOut]
    lanes: list[LaneOut]
    queue: Queue
    sweeper: Sweeper
