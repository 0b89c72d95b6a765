"""How something is said: the kinds of events with their data, and the one way to append them.

Events of a run are numbered from 1 without gaps. They are collected while the run is locked, and written in one
statement together with the run's own changes, in the transaction that makes them true. Every event is made by `entry`,
and every statement that writes events does it by `INSERT_EVENTS`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any

from pulser.engine.states import RunStatus, StepStatus
from runs.sql import assign, column, quoted

KINDS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "run.queued": (
        "The run was created and queued for its lane.",
        {
            "title": "what it is for",
            "plan": "slug",
            "version": "number",
            "lane": "name",
            "environment": "dev, staging or prod",
            "trigger": "what started it",
            "by": "who started it",
            "steps": "keys in plan order",
        },
    ),
    "run.started": ("The run got a slot of its lane and started.", {"lane": "name", "again": "true when it resumed"}),
    "run.waiting": ("Waiting; lane slot released.", {}),
    "run.resumed": ("Ready; queued for its lane.", {}),
    "run.succeeded": ("The run succeeded.", {"result": "the plan's outputs"}),
    "run.failed": ("The run failed.", {"reason": "the first cause"}),
    "run.cancel_requested": (
        "Cancel requested.",
        {"by": "who", "stop": "cancel or timeout", "finally": "whether finally steps still run"},
    ),
    "run.cancelled": ("The run was cancelled.", {"reason": "why"}),
    "run.retried": ("The run was retried.", {"by": "who", "from": "a step, or null", "steps": "keys"}),
    "run.archived": ("The run was archived.", {"by": "who", "bulk": "the bulk work that did it, if one did"}),
    "run.unarchived": ("The run was unarchived.", {"by": "who", "bulk": "the bulk work that did it, if one did"}),
    "step.queued": ("The step is ready and queued.", {"cause": "ready, retry, approved"}),
    "step.claimed": ("An attempt started on a worker.", {"worker": "name", "cause": "why this attempt started"}),
    "step.progressed": ("The step reported progress.", {"done": "items done", "total": "items in total"}),
    "step.succeeded": ("The step succeeded, and its verifiers passed.", {"outputs": "by name"}),
    "step.failed": (
        "The step failed.",
        {"reason": "message", "error_class": "one of the error classes", "exit_code": "or null"},
    ),
    "step.backed_off": (
        "The attempt failed; a retry follows.",
        {
            "reason": "message",
            "error_class": "one of the error classes",
            "exit_code": "or null",
            "delay_s": "seconds until the next attempt",
        },
    ),
    "step.lost": (
        "The attempt was lost with its worker.",
        {"worker": "name", "how": "`lease`: it expired; `process`: it died"},
    ),
    "step.handed_back": ("Handed back by a stopping worker; does not count.", {"worker": "name"}),
    "step.parked": ("Parked: a person must decide whether to retry.", {"reason": "why", "role": "who may decide"}),
    "step.suspended": (
        "Waiting for a timer or an approval; holds no worker.",
        {"wait": "timer or approval", "until": "deadline"},
    ),
    "step.skipped": (
        "The step was skipped.",
        {"cause": "upstream_failed, upstream_skipped, condition or environment", "reason": "in words"},
    ),
    "step.cancelled": ("The step was cancelled.", {"reason": "why"}),
    "attempt.rejected": (
        "A late report of a lost attempt was rejected.",
        {"worker": "name", "said": "the outcome it reported"},
    ),
    "approval.requested": (
        "Approval requested.",
        {"role": "who may", "message": "the question", "until": "deadline", "on_timeout": "approve or reject"},
    ),
    "approval.given": ("Approved.", {"by": "who", "comment": "in their words"}),
    "approval.rejected": ("Rejected.", {"by": "who", "comment": "in their words"}),
    "approval.expired": ("The approval timed out.", {"then": "approve or reject"}),
    "artifact.created": (
        "An artifact was stored.",
        {"name": "file name", "kind": "how to show it", "size": "bytes", "sha256": "of the content"},
    ),
    "proof.recorded": (
        "A verifier returned its verdict.",
        {
            "verifier": "name",
            "passed": "verdict",
            "required": "false: a failure is only a warning",
            "message": "in words",
        },
    ),
    "log.cut": ("The log reached its limit and was truncated.", {"limit": "bytes"}),
}


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event before it has its number."""

    kind: str
    step: str = ""
    attempt: int | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


def entry(kind: str, /, *, step: str = "", attempt: int | None = None, **data: Any) -> NewEvent:
    """An event of a declared kind. Raises KeyError for a kind or a field that is not declared."""
    unknown = data.keys() - KINDS[kind][1].keys()
    if unknown:
        raise KeyError(f"{kind} has no {', '.join(sorted(unknown))}")
    return NewEvent(kind, step, attempt, data)


# The events that are given by `event_values`, in their order: `n` counts them from 1.
GIVEN_EVENTS = """
unnest(%(kinds)s::text[], %(steps)s::text[], %(attempts)s::int[], %(data)s::text[])
WITH ORDINALITY AS given(kind, step, attempt, data, n)
"""

# The one way in which rows of the log are made. The statement around it says which, as a table `told` of
# run_id, seq, kind, step, attempt and data; it holds the lock of the run, which keeps the numbers free of gaps.
INSERT_EVENTS = """
INSERT INTO runs_event (run_id, seq, kind, step, attempt, data, at)
SELECT run_id, seq, kind, step, attempt, data, clock_timestamp() FROM told
"""


def event_values(events: Sequence[NewEvent]) -> dict[str, list[Any]]:
    """The parameters of GIVEN_EVENTS."""
    return {
        "kinds": [event.kind for event in events],
        "steps": [event.step for event in events],
        "attempts": [event.attempt for event in events],
        "data": [json.dumps(event.data) for event in events],
    }


@cache
def append_events_statement(changes: str) -> str:
    """Write events, the number of the last of them and the run's changes (`SET` clauses that go on after a comma).

    The caller holds the run's row, and expects the one row that comes back: whether a step or a run is queued in the
    whole control room. Two tables in one statement are no matter for the ORM.
    """
    return f"""
WITH told AS (
    SELECT %(run_id)s::uuid AS run_id, %(seq)s::int + n AS seq, kind, step, attempt, data::jsonb AS data
    FROM {GIVEN_EVENTS}
), logged AS ({INSERT_EVENTS})
UPDATE runs_run SET seq = %(new_seq)s{changes} WHERE id = %(run_id)s::uuid
RETURNING EXISTS (SELECT FROM runs_step WHERE status = {quoted(StepStatus.QUEUED)})
       OR EXISTS (SELECT FROM runs_run WHERE status = {quoted(RunStatus.QUEUED)})
"""  # noqa: S608


def append_events(run_id: str, events: Sequence[NewEvent], *, seq: int, changes: Mapping[str, Any]) -> bool:
    """Write the events after `seq` and the run's changes in one statement. The caller holds the run's row lock.

    Returns whether a step or a run of any kind was queued: who has just become free need not look for work where there
    is none.
    """
    text, values = assign(changes)
    known = {"run_id": run_id, "seq": seq, "new_seq": seq + len(events)}
    (others_wait,) = column(append_events_statement(f", {text}" if text else ""), known | values | event_values(events))
    return bool(others_wait)


def rfc3339(moment: datetime) -> str:
    """UTC with microseconds and `Z`, always 27 characters: `2026-11-21T09:30:00.000000Z`."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"
