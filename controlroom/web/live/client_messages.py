"""Reading what a client sends over a socket: its query, and the map of what it has."""

from __future__ import annotations

import json
import uuid
from typing import Any

from pulser.language import limits
from pulser.language.numbers import whole_number
from runs.stream.refusals import Refusal, RefusalReason

CLIENT_RUNS_MAX = 2_000  # runs that a client may say it has
MESSAGE_CHARS = 256 * limits.KIB


def one_of(word: str, *words: str) -> str:
    """Raises Refusal(MALFORMED) for any other word."""
    if word not in words:
        raise Refusal(RefusalReason.MALFORMED)
    return word


def read_number(text: str, *, at_most: int) -> int:
    """Raises Refusal(MALFORMED)."""
    number = whole_number(text, at_most=at_most)
    if number is None:
        raise Refusal(RefusalReason.MALFORMED)
    return number


def read_client_runs(text: str) -> dict[str, int]:
    """The seqs of the runs that a client says it has. Raises Refusal(MALFORMED) for anything else."""
    try:
        message = json.loads(text) if len(text) <= MESSAGE_CHARS else None
        if not isinstance(message, dict) or message.get("type", "have") not in {"have", "snapshot"}:
            raise Refusal(RefusalReason.MALFORMED)
        runs = message.get("runs", message)  # as the snapshot was, or the bare map
        if len(runs) > CLIENT_RUNS_MAX:
            raise Refusal(RefusalReason.MALFORMED)
        return {str(uuid.UUID(run_id)): _seq(seq) for run_id, seq in runs.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise Refusal(RefusalReason.MALFORMED) from None


def _seq(value: Any) -> int:
    if type(value) is not int or not -1 <= value <= limits.NUMBER_MAX:
        raise Refusal(RefusalReason.MALFORMED)
    return value
