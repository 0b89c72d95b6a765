"""The report of bulk work, as markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from runs.models import Run

MARKUP = re.compile(r"([\\`*_{}\[\]<>#|~!&])")


def report(bulk: Run, result: Mapping[str, Any]) -> str:
    """What was done, what was skipped, and why. Titles are told as they are: nothing in them is markup."""
    parts = [
        f"# {plain(bulk.title)}",
        f"{plain(result['summary'])}. Requested by {plain(bulk.actor or 'unknown')}.",
    ]
    if result["reasons"]:
        counts = ((plain(why), f"{number:,}") for why, number in result["reasons"].items())
        parts += ["## Skipped", _table(("Why", "Runs"), counts)]
        runs = ((_link(one["run"], one["title"]), plain(one["why"])) for one in result["skipped"])
        parts += ["## One by one", _table(("Run", "Why"), runs)]
    if (more := result["skipped_in_all"] - len(result["skipped"])) > 0:
        parts.append(f"{more:,} more were skipped for the reasons above.")
    return "\n\n".join(parts) + "\n"


def _link(run_id: str, title: str) -> str:
    return f"[{plain(title) or run_id}](/runs/{run_id})"


def plain(text: str) -> str:
    """The text in one line, with what markdown would read into it escaped."""
    return MARKUP.sub(r"\\\1", " ".join(text.split()))


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
