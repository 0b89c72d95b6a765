"""What may change. Each function is one move: it checks, writes and tells, in one transaction.

Nothing else writes a status.
"""

from __future__ import annotations

from runs.transitions.archive import archive, unarchive
from runs.transitions.cancel import end_unresponsive, fail_unreadable, request_cancel, time_out
from runs.transitions.claim import claim_any, claim_from_run, start_next_run
from runs.transitions.create import create_run
from runs.transitions.decide import approve, expire, reject
from runs.transitions.lease import note_process_group, renew_lease, set_progress
from runs.transitions.outcomes import finish_attempt
from runs.transitions.recover import continue_stranded, hand_back, lose_lease, requeue_due
from runs.transitions.retry import retry

__all__ = [
    "approve",
    "archive",
    "claim_any",
    "claim_from_run",
    "continue_stranded",
    "create_run",
    "end_unresponsive",
    "expire",
    "fail_unreadable",
    "finish_attempt",
    "hand_back",
    "lose_lease",
    "note_process_group",
    "reject",
    "renew_lease",
    "request_cancel",
    "requeue_due",
    "retry",
    "set_progress",
    "start_next_run",
    "time_out",
    "unarchive",
]
