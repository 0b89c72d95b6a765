"""How commands speak: lines for people, JSON for programs."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import click

MARKS = {
    "queued": ("○", "bright_black"),
    "pending": ("·", "bright_black"),
    "running": ("▶", "blue"),
    "waiting": ("⏸", "yellow"),
    "backoff": ("↻", "yellow"),
    "success": ("✓", "green"),
    "error": ("✗", "red"),
    "skipped": ("-", "bright_black"),
    "cancelled": ("■", "magenta"),
}


def say(line: str, *, err: bool = False) -> None:
    """A line; colours only on a terminal whose owner wants them."""
    click.echo(line, err=err, color=False if os.environ.get("NO_COLOR") else None)


def say_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def status_word(status: str, *, width: int = 0) -> str:
    """A status by shape, word and colour."""
    mark, colour = MARKS.get(status, ("?", "white"))
    return click.style(f"{mark} {status}".ljust(width), fg=colour)


def short_id(run_id: str) -> str:
    """The end of an id, as pages show it."""
    return run_id.replace("-", "")[-8:]


def local_time(moment: str | None, *, form: str = "%Y-%m-%d %H:%M:%S") -> str:
    """An RFC 3339 time on the clock of this machine; `-` for none."""
    return datetime.fromisoformat(moment).astimezone().strftime(form) if moment else "-"


def say_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns as wide as their widest cell; the last one is free."""
    widths = [max(len(click.unstyle(row[column])) for row in [head, *rows]) for column in range(len(head))]
    for row in [[click.style(cell, bold=True) for cell in head], *rows]:
        cells = [_padded(cell, width) for cell, width in zip(row, widths, strict=True)]
        say("  ".join(cells).rstrip())


def _padded(cell: str, width: int) -> str:
    return cell + " " * (width - len(click.unstyle(cell)))
