"""What the log pane shows: the end of a log, and what may be chosen in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from runs.models import Run
from runs.queries.logs.lines import LinePage, read_page
from runs.queries.logs.scope import LogScope


@dataclass(frozen=True, slots=True)
class StepAttempts:
    """A step that a worker took, and how many attempts at it there are."""

    key: str
    attempts: int


def log_pane(run: Run, scope: LogScope | None = None) -> dict[str, Any]:
    """What `runs/_log_pane.html` needs, and `seen_log`: the last chunk that it shows. By default of all steps."""
    scope = scope or LogScope(run.pk)
    page = read_page(scope)
    return {**log_lines(run, scope, page=page), "log_steps": _steps_with_attempts(run), "seen_log": page.after}


def log_lines(run: Run, scope: LogScope, *, page: LinePage) -> dict[str, Any]:
    """What `runs/_log_lines.html` needs."""
    return {"log": page, "log_scope": scope, "log_note": _note(run, scope, page)}


def _steps_with_attempts(run: Run) -> Sequence[StepAttempts]:
    rows = LogScope(run.pk).attempts().order_by("step__position", "number").values_list("step__key", "number")
    return [StepAttempts(key, number) for key, number in dict(rows).items()]


def _note(run: Run, scope: LogScope, page: LinePage) -> str:
    """Why there is no line, or why there are no more."""
    if not page.is_whole:
        return "The log continues: its lines are still being counted."
    if not page.total:
        return _no_output_note(run, scope)
    cut = scope.attempts().filter(log_cut=True).order_by("pk").values_list("step__key", flat=True).first()
    return f"The log of {cut} was truncated at 64 MiB." if cut else ""


def _no_output_note(run: Run, scope: LogScope) -> str:
    if scope.until is not None:
        return "No output up to this event."
    if run.is_finished or _is_over(scope):
        return "This step has no output." if scope.step else "This run has no output."
    return "No output yet."


def _is_over(scope: LogScope) -> bool:
    """Whether what is looked at has ended, though the run has not."""
    finished = list(scope.attempts().values_list("finished_at", flat=True)) if scope.step else []
    return bool(finished) and all(finished)
