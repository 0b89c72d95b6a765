"""Creating a run, its steps, its first event and the delivery of its hook, in one statement."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from pulser.engine.states import RunStatus, StepStatus
from runs.events import GIVEN_EVENTS, INSERT_EVENTS
from runs.sql import quoted

QUEUED = quoted(RunStatus.QUEUED)


class CreatedRow(NamedTuple):
    """`created_at` is null where there is no run: no such place, too many queued, or the key is taken."""

    created_at: datetime | None
    lane_id: int | None
    lane: str | None
    session_id: int | None
    is_full: bool


# Locks nothing but the idempotency key, by the index that it is unique in: a second start waits for the first one's
# transaction. Returns one CreatedRow. `place` finds lane and session, `backlog` counts what is queued, no further than
# the limit. The lane's name is known here alone. The ORM would need a statement for each table, and one for each check.
CREATE_RUN = f"""
WITH place AS (
    SELECT l.id AS lane_id, l.name AS lane, s.id AS session_id FROM runs_lane l, runs_session s
    WHERE CASE WHEN %(lane_id)s::bigint IS NULL THEN l.name = %(lane)s ELSE l.id = %(lane_id)s::bigint END
      AND s.archived_at IS NULL
      AND s.id = coalesce(%(session_id)s::bigint, (SELECT id FROM runs_session WHERE name = %(default_session)s))
), backlog AS (
    SELECT count(*) >= %(backlog)s::int AS is_full
    FROM (SELECT FROM runs_run WHERE status = {QUEUED} LIMIT %(backlog)s::int) AS waiting
), created AS (
    INSERT INTO runs_run (id, title, session_id, lane_id, plan_version_id, params, environment, priority, status,
                          retry_count, seq, reason, trigger, actor, parent_id, correlation_id, idempotency_scope,
                          idempotency_key, request_digest, cancel_count, stop)
    SELECT %(run_id)s::uuid, %(title)s, session_id, lane_id, %(version_id)s::bigint, %(params)s::jsonb,
           %(environment)s, %(priority)s::int, {QUEUED}, 0, 1, '', %(trigger)s, %(actor)s, %(parent_id)s::uuid,
           %(correlation_id)s, %(idempotency_scope)s, %(idempotency_key)s, %(request_digest)s, 0, ''
    FROM place, backlog WHERE NOT is_full
    ON CONFLICT (idempotency_scope, idempotency_key) WHERE NOT (idempotency_key = '') DO NOTHING
    RETURNING id, created_at
), steps AS (
    INSERT INTO runs_step (run_id, key, position, is_finally, needs, open_needs, status, reason, cause, attempt,
                           budget_from, lost, wait_kind, wait_role, wait_message, on_timeout)
    SELECT created.id, key, position, is_finally, string_to_array(needs, ','), open_needs,
           {quoted(StepStatus.PENDING)}, '', '', 0, 0, 0, '', '', '', ''
    FROM created, unnest(%(keys)s::text[], %(positions)s::int[], %(finals)s::bool[], %(needs)s::text[],
                         %(open_needs)s::int[]) AS v(key, position, is_finally, needs, open_needs)
), told AS (
    SELECT created.id AS run_id, n AS seq, kind, step, attempt,
           data::jsonb || jsonb_build_object('lane', place.lane) AS data
    FROM created, place, {GIVEN_EVENTS}
), logged AS ({INSERT_EVENTS}), delivered AS (
    INSERT INTO runs_delivery (hook_id, run_id, key, headers, body, status)
    SELECT %(hook_id)s::bigint, created.id, %(delivery_key)s, %(headers)s::jsonb, %(body)s::bytea, %(answer)s::int
    FROM created WHERE %(hook_id)s::bigint IS NOT NULL
)
SELECT created.created_at, place.lane_id, place.lane, place.session_id, backlog.is_full
FROM backlog LEFT JOIN place ON true LEFT JOIN created ON true
"""
