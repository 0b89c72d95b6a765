"""What may change. Each function is one move: it checks, writes and tells, in one transaction.

Nothing else writes a status.
"""

from __future__ import annotations

from runs.transitions.deciding import approve, expire, reject
from runs.transitions.ending import archive, request_cancel, retry, time_out, unarchive

__all__ = ["approve", "archive", "expire", "reject", "request_cancel", "retry", "time_out", "unarchive"]
