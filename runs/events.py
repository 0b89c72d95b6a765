"""How something is said: the kinds of events with their data, and the one way to append them.

Events of a run are numbered from 1 without gaps. They are collected while the run is locked, and written in one
statement
together with the run's own changes, in the transaction that makes them true.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.db import connection

KINDS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "run.queued": (
        "The run was created and waits for its lane.",
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
    "run.started": ("It took a slot of its lane.", {"lane": "name", "again": "it had been running before"}),
    "run.waiting": ("Nothing can run now; the slot is free.", {}),
    "run.resumed": ("It can go on and queues for its lane.", {}),
    "run.succeeded": ("All is done.", {"result": "the plan's outputs"}),
    "run.failed": ("It ended without success.", {"reason": "the first cause"}),
    "run.cancel_requested": (
        "Its end was asked for.",
        {"by": "who", "stop": "cancel or timeout", "finally": "whether finally steps still run"},
    ),
    "run.cancelled": ("It was ended early.", {"reason": "why"}),
    "run.retried": ("Some of its steps run again.", {"by": "who", "from": "a step, or null", "steps": "keys"}),
    "run.archived": ("It is hidden from the board.", {"by": "who", "bulk": "the bulk work that did it, if one did"}),
    "run.unarchived": ("It is on the board again.", {"by": "who", "bulk": "the bulk work that did it, if one did"}),
    "step.queued": ("It may be claimed by a worker.", {"cause": "ready, retry, approved"}),
    "step.claimed": ("A worker took it.", {"worker": "name", "cause": "why this attempt is made"}),
    "step.progressed": ("It said how far it is.", {"done": "so many", "total": "of so many"}),
    "step.succeeded": ("It is done, and its verifiers agree.", {"outputs": "by name"}),
    "step.failed": (
        "It ended in error.",
        {"reason": "message", "error_class": "one of the error classes", "exit_code": "or null"},
    ),
    "step.backed_off": (
        "The attempt failed, another one follows.",
        {
            "reason": "message",
            "error_class": "one of the error classes",
            "exit_code": "or null",
            "delay_s": "seconds until the next attempt",
        },
    ),
    "step.lost": (
        "Its worker vanished.",
        {"worker": "name", "how": "`lease`: it was not renewed; `process`: it ended in mid-work"},
    ),
    "step.handed_back": ("Its worker was stopped and gave it up; the try does not count.", {"worker": "name"}),
    "step.parked": ("No machine may decide; a person is asked.", {"reason": "why", "role": "of the person"}),
    "step.suspended": ("It waits without a worker.", {"wait": "timer or approval", "until": "deadline"}),
    "step.skipped": (
        "It was passed over.",
        {"cause": "upstream_failed, upstream_skipped, condition or environment", "reason": "in words"},
    ),
    "step.cancelled": ("It was ended early, or never began.", {"reason": "why"}),
    "attempt.rejected": (
        "A worker that had lost its lease reported late; nothing was changed.",
        {"worker": "name", "said": "what it wanted to report"},
    ),
    "approval.requested": (
        "A person is asked to decide.",
        {"role": "who may", "message": "the question", "until": "deadline", "on_timeout": "approve or reject"},
    ),
    "approval.given": ("Approved.", {"by": "who", "comment": "in their words"}),
    "approval.rejected": ("Rejected.", {"by": "who", "comment": "in their words"}),
    "approval.expired": ("Nobody decided in time.", {"then": "approve or reject"}),
    "artifact.created": (
        "A file was kept.",
        {"name": "file name", "kind": "how to show it", "size": "bytes", "sha256": "of the content"},
    ),
    "proof.recorded": (
        "A verifier judged the attempt.",
        {"verifier": "name", "passed": "verdict", "required": "false: it only warns", "message": "in words"},
    ),
    "log.cut": ("The log reached its limit; the rest is dropped.", {"limit": "bytes"}),
}


@dataclass(frozen=True, slots=True)
class Entry:
    """An event before it has its number."""

    kind: str
    step: str = ""
    attempt: int | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


def entry(kind: str, /, *, step: str = "", attempt: int | None = None, **data: Any) -> Entry:
    """An event of a declared kind. Raises KeyError for a kind or a field that is not declared."""
    unknown = data.keys() - KINDS[kind][1].keys()
    if unknown:
        raise KeyError(f"{kind} has no {', '.join(sorted(unknown))}")
    return Entry(kind, step, attempt, data)


# Rows of the log for the entries after a seq: the arguments are the run, that seq, and `columns` of the entries.
SAY = """
INSERT INTO runs_event (run_id, seq, kind, step, attempt, data, at)
SELECT %s::uuid, %s::int + n, kind, step, attempt, data::jsonb, clock_timestamp()
FROM unnest(%s::text[], %s::text[], %s::int[], %s::text[]) WITH ORDINALITY AS e(kind, step, attempt, data, n)
"""
APPEND = f"""
WITH said AS ({SAY}) UPDATE runs_run SET seq = %s{{changes}} WHERE id = %s
RETURNING EXISTS (SELECT FROM runs_step WHERE status = 'queued')
       OR EXISTS (SELECT FROM runs_run WHERE status = 'queued')
"""  # noqa: S608


def columns(entries: list[Entry]) -> list[list[Any]]:
    """The entries as SAY takes them."""
    return [
        [e.kind for e in entries],
        [e.step for e in entries],
        [e.attempt for e in entries],
        [json.dumps(e.data) for e in entries],
    ]


def append(
    run_id: str, entries: list[Entry], *, seq: int, changes: str = "", values: tuple[Any, ...] = ()
) -> tuple[int, bool]:
    """Write the entries after `seq` and the run's changes (SQL assignments) in one statement.

    Returns the new seq, and whether a step or a run of any kind was queued: who has just become free need not look for
    work where there is none. The caller holds the run's row lock, which is what keeps the numbers free of gaps.
    """
    new = seq + len(entries)
    with connection.cursor() as cursor:
        cursor.execute(APPEND.format(changes=changes), [run_id, seq, *columns(entries), new, *values, run_id])
        (others_wait,) = cursor.fetchone()
    return new, others_wait


def rfc3339(moment: datetime) -> str:
    """UTC with microseconds and `Z`, always 27 characters: `2026-11-21T09:30:00.000000Z`."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"
