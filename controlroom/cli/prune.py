"""`controlroom prune`: on the machine of the control room, for it needs the database and the files."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from controlroom.cli.direct import database
from controlroom.cli.output import local_time, say, say_json, say_table

if TYPE_CHECKING:
    from runs.retention.pruning import Removed

UNITS = ("B", "KiB", "MiB", "GiB")


def _age(_ctx: click.Context, _param: click.Parameter, text: str) -> float:
    """In seconds."""
    from controlroom.durations import read_duration

    try:
        return read_duration(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


@click.command()
@click.option("--older-than", "age_s", callback=_age, required=True, metavar="AGE", help="Such as 90d or 36h.")
@click.option("--dry-run", is_flag=True, help="Count only; delete nothing.")
@click.option("--json", "as_json", is_flag=True)
def prune(*, age_s: float, dry_run: bool, as_json: bool) -> None:
    """Delete permanently the runs that ended longer ago than AGE, archived or not, with all their data.

    Works in small batches and can be stopped at any time: each run is deleted as a whole or not at all.
    """
    with database():
        from runs.retention import pruning

        before = pruning.moment_before(age_s)
        removed: Removed = {name: pruning.RemovedCount() for name in (*reversed(pruning.OF_RUNS), *pruning.LOOSE)}
        is_done = _prune(before, removed, dry_run=dry_run)
    if as_json:
        counts = {name: {"rows": tally.rows, "bytes": tally.bytes} for name, tally in removed.items()}
        moment = before.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        say_json({"before": moment, "dry_run": dry_run, "complete": is_done, "removed": counts})
    else:
        _say(removed, before, dry_run=dry_run)
    if not is_done:
        say("Stopped. The rows counted above are deleted, the rest is kept.", err=True)
        sys.exit(1)


def _prune(before: datetime, removed: Removed, *, dry_run: bool) -> bool:
    """Add up what goes. Returns False when somebody pressed Ctrl-C."""
    from runs.retention import pruning

    try:
        for batch in pruning.prune(before, dry_run=dry_run):
            for name, tally in batch.items():
                removed[name] = removed.get(name, pruning.RemovedCount()) + tally
            _show_progress(removed["runs"].rows)
    except KeyboardInterrupt:
        return False
    finally:
        _show_progress(None)
    return True


def _show_progress(runs: int | None) -> None:
    """On a terminal, in one line that the result replaces."""
    if sys.stderr.isatty():
        click.echo("\r\033[K" if runs is None else f"\r{runs:,} runs ", err=True, nl=False)


def _say(removed: Removed, before: datetime, *, dry_run: bool) -> None:
    lines = [[name, f"{tally.rows:,}", _size(tally.bytes)] for name, tally in removed.items()]
    say_table(("WHAT", "ROWS", "SIZE"), lines)
    verb = "Would delete" if dry_run else "Deleted"
    say(f"{verb} runs that ended before {local_time(before.isoformat())}.")


def _size(size: float) -> str:
    for unit in UNITS:
        if size < 1024 or unit == UNITS[-1]:
            break
        size /= 1024
    return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
