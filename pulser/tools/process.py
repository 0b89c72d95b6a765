"""Child processes of tools: a command under the step's timeout and cancellation, with its errors as tools say them."""

from __future__ import annotations

import errno
from dataclasses import dataclass

from pulser.language.limits import STREAM_TAIL_BYTES
from pulser.processes.command import CannotStart, Command, CommandOptions, run_command
from pulser.tools.base import PermanentError, TimedOut, ToolContext, TransientError
from pulser.tools.interruption import StopCheck
from pulser.tools.values import text_of

KILL_GRACE_S = 10.0  # between SIGTERM and SIGKILL; `settings["kill_grace_s"]` changes it
_NOT_FOUND, _NOT_EXECUTABLE = 127, 126

__all__ = ["Command", "ProcessResult", "run"]


@dataclass(frozen=True, slots=True)
class ProcessResult:
    """How it ended: the exit code (128 + n by signal n, as shells say it) and the last 64 KiB of each stream."""

    exit_code: int
    stdout: str
    stderr: str


def run(command: Command, *, context: ToolContext) -> ProcessResult:
    """Run the command to its end; its output goes to `context.write` as it comes.

    Raises Cancelled, TimedOut (with `stdout` and `stderr` as outputs), PermanentError when it cannot be started, and
    TransientError when the machine has no process or memory left. No process of its group is left when this returns.
    """
    watch = StopCheck(context)
    handling = CommandOptions(
        write=context.write,
        started=context.started_group,
        should_stop=lambda: watch.stopped,
        grace_s=float(context.settings.get("kill_grace_s", KILL_GRACE_S)),
        tail_bytes=STREAM_TAIL_BYTES,
    )
    try:
        end = run_command(command, handling)
    except CannotStart as error:
        raise _start_error(error.cause, command) from error
    ended = ProcessResult(end.exit_code, stdout=text_of(end.stdout), stderr=text_of(end.stderr))
    if end.was_stopped:
        _raise_stopped(watch, ended)
    return ended


def _raise_stopped(watch: StopCheck, ended: ProcessResult) -> None:
    try:
        watch.check()
    except TimedOut as error:
        raise TimedOut(error.message, outputs={"stdout": ended.stdout, "stderr": ended.stderr}) from None


def _start_error(error: Exception, command: Command) -> Exception:
    name, number = command.argv[0], getattr(error, "errno", None)
    if number in (errno.EAGAIN, errno.ENOMEM):
        return TransientError(f"cannot start {name}: out of processes or memory ({error})")
    if number == errno.ENOENT:
        return PermanentError(f"command not found: {name}", exit_code=_NOT_FOUND)
    return PermanentError(f"cannot start {name}: {error}", exit_code=_NOT_EXECUTABLE)
