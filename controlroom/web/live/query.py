"""Reading what a client sends over a socket: its query, and the map of what it has."""

from __future__ import annotations

import json
import uuid
from typing import Any

from pulser.language import limits
from runs.stream.refusals import Reason, Refusal

CLIENT_RUNS_MAX = 2_000  # runs that a client may say it has
MESSAGE_CHARS = 256 * limits.KIB
SEQ_MAX = 2**31 - 1
ID_MAX = 2**63 - 1


def one_of(word: str, *words: str) -> str:
    """Raises Refusal(MALFORMED) for any other word."""
    if word not in words:
        raise Refusal(Reason.MALFORMED)
    return word


def read_number(text: str, *, at_most: int) -> int:
    """Raises Refusal(MALFORMED)."""
    if not (text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= at_most):
        raise Refusal(Reason.MALFORMED)
    return int(text)


def read_client_runs(text: str) -> dict[str, int]:
    """The seqs of the runs that a client says it has. Raises Refusal(MALFORMED) for anything else."""
    try:
        message = json.loads(text) if len(text) <= MESSAGE_CHARS else None
        if not isinstance(message, dict) or message.get("type", "have") not in {"have", "snapshot"}:
            raise Refusal(Reason.MALFORMED)
        runs = message.get("runs", message)  # as the snapshot was, or the bare map
        if len(runs) > CLIENT_RUNS_MAX:
            raise Refusal(Reason.MALFORMED)
        return {str(uuid.UUID(run_id)): _seq(seq) for run_id, seq in runs.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise Refusal(Reason.MALFORMED) from None


def _seq(value: Any) -> int:
    if type(value) is not int or not -1 <= value <= SEQ_MAX:
        raise Refusal(Reason.MALFORMED)
    return value
