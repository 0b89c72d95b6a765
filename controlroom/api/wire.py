"""Runs as JSON. One statement reads a run with its steps and attempts, so an answer shows one moment."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import connection
from django.http import HttpResponse

from pulser.catalogue import graph_of
from pulser.engine.states import StepStatus
from runs.commands.start import Started
from runs.errors import NotThere
from runs.models import Run
from runs.stream.wire import rfc3339

MOMENT = """'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'"""


def _moment(column: str) -> str:
    return f"to_char({column} AT TIME ZONE 'UTC', {MOMENT})"


READ_RUN = f"""
SELECT json_build_object(
    'id', r.id, 'title', r.title, 'status', r.status, 'lane', l.name, 'session', r.session_id, 'plan', p.slug,
    'version', v.number, 'params', r.params, 'environment', r.environment, 'priority', r.priority,
    'retry_count', r.retry_count, 'trigger', r.trigger, 'created_at', {_moment("r.created_at")},
    'started_at', {_moment("r.started_at")}, 'finished_at', {_moment("r.finished_at")}, 'seq', r.seq,
    'steps', (
        SELECT coalesce(json_agg(json_build_object(
            'id', s.key, 'status', s.status, 'outputs', s.outputs, 'attempt', s.attempt, 'attempts', (
                SELECT coalesce(json_agg(json_build_object(
                    'number', a.number, 'worker', a.worker, 'started_at', {_moment("a.started_at")},
                    'finished_at', {_moment("a.finished_at")}, 'exit_code', a.exit_code,
                    'error', CASE WHEN a.error_class <> '' OR a.error_message <> '' THEN json_build_object(
                        'class', a.error_class, 'message', a.error_message) END
                ) ORDER BY a.number), '[]') FROM runs_attempt a WHERE a.step_id = s.id)
        ) ORDER BY s.position), '[]') FROM runs_step s WHERE s.run_id = r.id)
)::text
FROM runs_run r JOIN runs_lane l ON l.id = r.lane_id JOIN pulser_planversion v ON v.id = r.plan_version_id
JOIN pulser_plan p ON p.id = v.plan_id WHERE r.id = %s
"""  # noqa: S608 (columns are ours)


def run_id_of(text: str) -> str:
    """The id in its canonical form. Raises NotThere for text that is no UUID."""
    try:
        return str(UUID(text))
    except ValueError:
        raise NotThere(f"there is no run {text[:100]}") from None


def run_text(run_id: str) -> str:
    """The whole run as JSON text, ready to send. Raises NotThere."""
    with connection.cursor() as cursor:
        cursor.execute(READ_RUN, [run_id])
        found = cursor.fetchone()
    if found is None:
        raise NotThere(f"there is no run {run_id}")
    return str(found[0])


def run_summary(run: Run) -> dict[str, Any]:
    """The run without its steps, for lists. Reads nothing when the run came `with_context`."""
    return {
        "id": str(run.pk),
        "title": run.title,
        "status": run.status,
        "lane": run.lane.name,
        "session": run.session_id,
        "plan": run.plan_version.plan.slug,
        "version": run.plan_version.number,
        "params": run.params,
        "environment": run.environment,
        "priority": run.priority,
        "retry_count": run.retry_count,
        "trigger": run.trigger,
        "created_at": rfc3339(run.created_at),
        "started_at": rfc3339(run.started_at) if run.started_at else None,
        "finished_at": rfc3339(run.finished_at) if run.finished_at else None,
        "seq": run.seq,
    }


def answer(value: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> HttpResponse:
    """A JSON answer of plain values; text is taken as JSON that is made already."""
    content = value if isinstance(value, str) else json.dumps(value)
    return HttpResponse(content, status=status, content_type="application/json", headers=dict(headers or {}))


def answer_run(run_id: str, *, created: bool = False, status: int = 200) -> HttpResponse:
    """The run as it stands; a new one with its place."""
    return answer(run_text(run_id), status=status, headers=_place(run_id) if created else None)


def answer_started(started: Started, *, status: int) -> HttpResponse:
    """The run that a call started, or had started before; `status` is for a new one.

    A new run is told as it was made: nothing is read for it.
    """
    run = started.run
    if not started.created:
        return answer_run(str(run.pk))
    steps = [dict(NEW_STEP, id=key) for key in graph_of(run.plan_version_id).nodes]
    return answer(run_summary(run) | {"steps": steps}, status=status, headers=_place(str(run.pk)))


NEW_STEP: dict[str, Any] = {"id": "", "status": StepStatus.PENDING.value, "outputs": None, "attempt": 0, "attempts": []}


def _place(run_id: str) -> dict[str, str]:
    return {"Location": f"/api/v1/runs/{run_id}"}
