"""A Python function in a process of its own: the parent's half, and (run as a module) the child's."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pulser.language.catalogue import ErrorClass
from pulser.language.limits import OUTPUT_BYTES
from pulser.tools import base
from pulser.tools.process import Command, ProcessResult, run
from pulser.tools.shell import MEMORY_BYTES, environment

if TYPE_CHECKING:
    from pulser.tools.python import Target

_ERRORS: dict[str, type[base.ToolError]] = {
    ErrorClass.TRANSIENT: base.TransientError,
    ErrorClass.TIMEOUT: base.TimedOut,
    ErrorClass.FAILED: base.FailedError,
    ErrorClass.PERMANENT: base.PermanentError,
}


def call(target: Target, args: Mapping[str, Any], *, context: base.ToolContext) -> Any:
    """Calls the function in a child with a clean environment, bounded in time and memory as `shell` is.

    Raises what the function raises, as a ToolError; FailedError when the child ends without a word.
    """
    with tempfile.TemporaryDirectory(prefix="pulser-") as folder:
        answer = Path(folder) / "answer"
        command = Command(
            # -P: a file of the workspace must not stand in for a module.
            argv=(sys.executable, "-P", "-m", __name__, json.dumps(asdict(target)), str(answer)),
            cwd=context.workdir,
            env=environment(context) | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            stdin=json.dumps(dict(args)).encode(),
            memory_bytes=int(context.settings.get("shell_memory_bytes", MEMORY_BYTES)),
        )
        ended = run(command, context=context)
        return _result(answer, ended=ended)


def _result(answer: Path, *, ended: ProcessResult) -> Any:
    if not answer.is_file() or answer.stat().st_size > 2 * OUTPUT_BYTES:
        raise base.FailedError(f"the function's process ended with {ended.exit_code} and left no result")
    said = json.loads(answer.read_bytes())
    if "error_class" in said:
        raise _ERRORS[said["error_class"]](said["message"], outputs=said["outputs"])
    return said["result"]


def main() -> None:
    """The child: arguments on stdin, the answer into a file, so that the streams stay the function's own."""
    from pulser.tools import python  # it imports this module

    target, answer = python.Target(**json.loads(sys.argv[1])), Path(sys.argv[2])
    args = json.loads(sys.stdin.buffer.read())
    try:
        said = {"result": python.invoke(python.load(target), args, name=f"{target.module}:{target.name}")}
    except base.ToolError as error:
        said = {"error_class": error.error_class, "message": error.message, "outputs": error.outputs}
    answer.write_text(json.dumps(said))


if __name__ == "__main__":
    main()
