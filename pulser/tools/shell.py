"""`shell`: a script for `sh`, or a command with its arguments, in the run's workspace.

A script runs under `sh -e`: the first command that fails ends it, as in most CI systems. There is no `pipefail` in
POSIX, so of a pipe the last command counts. Values come in by `env` or by the list form, never as text of the script.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pulser.language.catalogue import Effect, ToolSpec
from pulser.language.limits import GIB
from pulser.tools.base import FailedError, Outputs, PermanentError, ToolContext
from pulser.tools.declared import DeclaredOutputs, read_declared_outputs
from pulser.tools.process import Command, ProcessResult, run
from pulser.tools.terminal import without_control

MEMORY_BYTES = 4 * GIB  # of address space per process; `settings["shell_memory_bytes"]` changes it, 0 lifts it
_CANNOT_RUN = (126, 127)  # what `sh` says for "not executable" and "not found"

_INPUT = {
    "type": "object",
    "additionalProperties": False,
    "required": ["run"],
    "properties": {
        "run": {
            "description": "A script for sh, or a command with its arguments as a list.",
            "anyOf": [
                {"type": "string", "minLength": 1},
                {"type": "array", "minItems": 1, "items": {"type": "string"}},
            ],
        },
        "cwd": {"type": "string", "minLength": 1, "description": "A folder of the workspace to run in."},
        "env": {
            "type": "object",
            "propertyNames": {"pattern": "^[A-Za-z_][A-Za-z0-9_]*$"},
            "additionalProperties": {"type": ["string", "number", "boolean"]},
            "description": "Environment variables.",
        },
        "stdin": {"type": "string", "description": "Text for the standard input."},
    },
}
_OUTPUT = {
    "type": "object",
    "required": ["exit_code", "stdout", "stderr"],
    "properties": {
        "exit_code": {"type": "integer"},
        "stdout": {"type": "string", "description": "The last 64 KiB."},
        "stderr": {"type": "string", "description": "The last 64 KiB."},
    },
}


class Shell:
    """Runs a script or a command. Outputs: `exit_code`, `stdout`, `stderr`, and what the step declares."""

    spec = ToolSpec(
        name="shell",
        title="Shell",
        description="Runs a script for sh, or a command with its arguments, in the run's workspace.",
        input=_INPUT,
        output=_OUTPUT,
        effect=Effect.IDEMPOTENT,
        script_fields=frozenset({"run"}),
        declares_outputs=True,
    )

    def call(self, arguments: Mapping[str, Any], context: ToolContext) -> Outputs:
        """Raises FailedError for an exit code other than 0 and PermanentError for 126 and 127, with all outputs."""
        cwd = folder_within(context.workdir, str(arguments.get("cwd", ".")))
        with _output_file() as path:
            command = Command(
                argv=_argv(arguments["run"]),
                cwd=cwd,
                env=environment(context) | _env_text(arguments.get("env", {})) | _own_env(context, output=path),
                stdin=str(arguments.get("stdin", "")).encode(),
                memory_bytes=int(context.settings.get("shell_memory_bytes", MEMORY_BYTES)),
            )
            ended = run(command, context=context)
            declared = read_declared_outputs(path, declared=context.declared)
        _warn(declared, context)
        return _outputs(ended, declared)


def folder_within(workdir: Path, folder: str) -> Path:
    """The folder, symlinks resolved. Raises PermanentError when it is not there or lies outside of `workdir`."""
    root = workdir.resolve()
    try:
        found = (root / folder).resolve(strict=True)
    except (OSError, ValueError, RuntimeError) as error:
        raise PermanentError(f"cwd: folder {folder!r} not found in the workspace") from error
    if not found.is_relative_to(root):
        raise PermanentError(f"cwd: {folder!r} is outside the workspace")
    if not found.is_dir():
        raise PermanentError(f"cwd: {folder!r} is not a folder")
    return found


def environment(context: ToolContext) -> dict[str, str]:
    """The clean environment of a child process: nothing of the server's but PATH."""
    path = context.settings.get("path") or os.environ.get("PATH", os.defpath)
    return {"PATH": str(path), "HOME": str(context.workdir.resolve()), "LANG": "C.UTF-8"}


def _own_env(context: ToolContext, *, output: Path) -> dict[str, str]:
    return {"PULSER_OUTPUT": str(output), "PULSER_IDEMPOTENCY_KEY": context.idempotency_key}


def _env_text(env: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in env.items()}


def _argv(command: str | list[str]) -> tuple[str, ...]:
    return ("sh", "-e", "-c", command, "sh") if isinstance(command, str) else tuple(command)


@contextmanager
def _output_file() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="pulser-", ignore_cleanup_errors=True) as folder:
        path = Path(folder) / "output"
        path.touch(mode=0o600)
        yield path


def _warn(declared: DeclaredOutputs, context: ToolContext) -> None:
    for warning in declared.warnings:
        context.write("stderr", f"warning: {warning}\n".encode())


def _outputs(ended: ProcessResult, declared: DeclaredOutputs) -> Outputs:
    outputs: Outputs = {"exit_code": ended.exit_code, "stdout": ended.stdout, "stderr": ended.stderr}
    outputs |= declared.values
    if ended.exit_code in _CANNOT_RUN:
        message = f"exit code {ended.exit_code}: a command was not found or cannot be executed{_last_line(ended)}"
        raise PermanentError(message, exit_code=ended.exit_code, outputs=outputs)
    if ended.exit_code != 0:
        # A verifier may want this exit code, so the outputs go along, as far as they are right.
        raise FailedError(f"exit code {ended.exit_code}{_last_line(ended)}", exit_code=ended.exit_code, outputs=outputs)
    if declared.problems:
        # Without the exit code, which a verifier would take for the whole truth.
        raise FailedError("; ".join(declared.problems), outputs=outputs)
    return outputs


def _last_line(ended: ProcessResult) -> str:
    lines = (without_control(line).strip() for line in reversed(ended.stderr.splitlines()))
    last = next(filter(None, lines), "")
    return f": {last[:500]}" if last else ""
