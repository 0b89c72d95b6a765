"""The plan document as values. Its published JSON Schema is made from these models."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from pulser.language import limits
from pulser.language.catalogue import Effect, ErrorClass
from pulser.language.durations import Seconds

Slug = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=limits.SLUG_CHARS)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_-]*$", max_length=limits.SLUG_CHARS)]
Title = Annotated[str, Field(max_length=limits.TITLE_CHARS)]
Environment = Literal["dev", "staging", "prod"]
JsonSchema = dict[str, Any]

RETRIED_BY_DEFAULT = (ErrorClass.TRANSIENT, ErrorClass.TIMEOUT, ErrorClass.FAILED, ErrorClass.LOST)


class Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, strict=False)


class Retry(Model):
    """How often a step is tried, and how long the pauses are: initial * factor^n, at most max."""

    max_attempts: int = Field(limits.MAX_ATTEMPTS, ge=1, le=limits.ATTEMPTS_CEILING)
    initial: Seconds = limits.BACKOFF_INITIAL_S
    factor: float = Field(limits.BACKOFF_FACTOR, ge=1, le=100)
    max: Seconds = limits.BACKOFF_MAX_S
    on: tuple[ErrorClass, ...] = RETRIED_BY_DEFAULT


class ArtifactSpec(Model):
    """A file, relative to the workspace, that the step leaves behind."""

    path: str = Field(min_length=1, max_length=1000)
    kind: Literal["markdown", "table", "image", "link", "diff", "file"] = "file"
    name: str | None = Field(None, max_length=200)


class Step(Model):
    """One node of a plan."""

    id: Name
    uses: str = Field(min_length=1, max_length=200)
    title: Title | None = None
    needs: tuple[Name, ...] = ()
    with_: dict[str, Any] = Field(default_factory=dict, alias="with")
    if_: str | bool | None = Field(None, alias="if")
    outputs: dict[Name, JsonSchema] = Field(default_factory=dict)
    retry: Retry | None = None
    timeout: Seconds | None = Field(None, gt=0, le=limits.STEP_TIMEOUT_MAX_S)
    effect: Effect | None = None
    artifacts: tuple[ArtifactSpec, ...] = ()
    verify: tuple[dict[str, Any], ...] = ()
    continue_on_error: bool = False
    environments: tuple[Environment, ...] = ()


class Plan(Model):
    """A whole plan: what it takes, what it does in which order, what it leaves."""

    pulser: Literal[1]
    slug: Slug
    title: Title = ""
    description: str = Field("", max_length=20_000)
    params: JsonSchema = Field(default_factory=lambda: {"type": "object", "properties": {}})
    lane: str | None = Field(None, max_length=50)
    environments: tuple[Environment, ...] = ()
    timeout: Seconds | None = Field(None, gt=0, le=limits.STEP_TIMEOUT_MAX_S)
    retry: Retry | None = None
    steps: tuple[Step, ...] = Field(min_length=1)
    finally_: tuple[Step, ...] = Field((), alias="finally")
    outputs: dict[Name, str] = Field(default_factory=dict)
