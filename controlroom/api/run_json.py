"""The one shape of a run as JSON: each field with the SQL that reads it and the attribute that has it.

`RunOut` and `RunSummary` of `schemas` document it; a test holds them to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from django.db.models.expressions import RawSQL

from pulser.engine.states import StepStatus
from runs.accounts.actors import Actor
from runs.errors import NotFound
from runs.models import Run
from runs.stream.event_json import rfc3339

RFC3339 = """'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'"""


def _moment_sql(column: str) -> str:
    return f"to_char({column} AT TIME ZONE 'UTC', {RFC3339})"


class RunField(NamedTuple):
    """`sql`: over a row of runs_run. `of`: of a run that came `with_context`, where nothing more is read for it."""

    name: str
    sql: str
    of: Callable[[Run], Any]


VERSION = "FROM pulser_planversion v JOIN pulser_plan p ON p.id = v.plan_id WHERE v.id = runs_run.plan_version_id"
RUN_FIELDS = (
    RunField("id", "runs_run.id", lambda run: str(run.pk)),
    RunField("title", "runs_run.title", lambda run: run.title),
    RunField("status", "runs_run.status", lambda run: run.status),
    RunField("lane", "(SELECT name FROM runs_lane WHERE id = runs_run.lane_id)", lambda run: run.lane.name),
    RunField("session", "runs_run.session_id", lambda run: run.session_id),
    RunField("plan", f"(SELECT p.slug {VERSION})", lambda run: run.plan_version.plan.slug),
    RunField("version", f"(SELECT v.number {VERSION})", lambda run: run.plan_version.number),
    RunField("params", "runs_run.params", lambda run: run.params),
    RunField("environment", "runs_run.environment", lambda run: run.environment),
    RunField("priority", "runs_run.priority", lambda run: run.priority),
    RunField("retry_count", "runs_run.retry_count", lambda run: run.retry_count),
    RunField("trigger", "runs_run.trigger", lambda run: run.trigger),
    RunField("created_at", _moment_sql("runs_run.created_at"), lambda run: rfc3339(run.created_at)),
    RunField(
        "started_at",
        _moment_sql("runs_run.started_at"),
        lambda run: rfc3339(run.started_at) if run.started_at else None,
    ),
    RunField(
        "finished_at",
        _moment_sql("runs_run.finished_at"),
        lambda run: rfc3339(run.finished_at) if run.finished_at else None,
    ),
    RunField("seq", "runs_run.seq", lambda run: run.seq),
)

ATTEMPTS = f"""
(SELECT coalesce(json_agg(json_build_object(
    'number', a.number, 'worker', a.worker, 'started_at', {_moment_sql("a.started_at")},
    'finished_at', {_moment_sql("a.finished_at")}, 'exit_code', a.exit_code,
    'error', CASE WHEN a.error_class <> '' OR a.error_message <> '' THEN json_build_object(
        'class', a.error_class, 'message', a.error_message) END
) ORDER BY a.number), '[]') FROM runs_attempt a WHERE a.step_id = s.id)
"""  # noqa: S608
# Each field of a step with its SQL, and what it is in a run that has just been made.
STEP_FIELDS: tuple[tuple[str, str, Any], ...] = (
    ("id", "s.key", ""),
    ("status", "s.status", StepStatus.PENDING.value),
    ("outputs", "s.outputs", None),
    ("attempt", "s.attempt", 0),
    ("attempts", ATTEMPTS, []),
)


def _object_sql(fields: Iterable[tuple[str, str]]) -> str:
    pairs = ", ".join(f"'{name}', {sql}" for name, sql in fields)
    return f"json_build_object({pairs})"


STEPS = f"""
(SELECT coalesce(json_agg({_object_sql((name, sql) for name, sql, _ in STEP_FIELDS)} ORDER BY s.position), '[]')
 FROM runs_step s WHERE s.run_id = runs_run.id)
"""  # noqa: S608
RUN = _object_sql([*((field.name, field.sql) for field in RUN_FIELDS), ("steps", STEPS)])


def run_json(run_id: str, *, actor: Actor) -> str:
    """The whole run as JSON text, ready to send. Raises NotFound.

    One statement reads it with its steps and attempts, so it shows one moment.
    """
    run = Run.objects.visible_to(actor).filter(pk=run_id).order_by()
    for (text,) in run.values_list(RawSQL(f"{RUN}::text", [])):  # noqa: S611 (constants)
        return str(text)
    raise NotFound(f"run {run_id} not found")


def run_summary(run: Run) -> dict[str, Any]:
    """The run without its steps, for lists. Reads nothing when the run came `with_context`."""
    return {field.name: field.of(run) for field in RUN_FIELDS}


def new_run(run: Run, keys: Iterable[str]) -> dict[str, Any]:
    """A run with these steps as it was just made: nothing is read for it."""
    blank = {name: value for name, _, value in STEP_FIELDS}
    return run_summary(run) | {"steps": [blank | {"id": key} for key in keys]}
