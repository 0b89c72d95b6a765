"""`python`: a function of an installed package, named by the operator or by an entry point; never text of a plan.

A function is allowed when `CONTROLROOM_PYTHON_FUNCTIONS` lists it (`package.module:name`, or `package.module:*` for
what that module defines itself) or an entry point of the group `controlroom.functions` names it. It runs in the
worker's pool process, or with `isolated: true` in a process of its own, which can be stopped at any moment. One that is
marked `@attentive` is handed the step's context: it tells how far it is, and stops by itself when it is asked to.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import inspect
import io
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any, TypeVar, cast

from pulser.language.catalogue import Effect, ToolSpec
from pulser.tools import isolation
from pulser.tools.base import Cancelled, FailedError, Outputs, PermanentError, ToolContext, ToolError
from pulser.tools.values import storable

GROUP = "controlroom.functions"
Function = Callable[..., Any]
F = TypeVar("F", bound=Function)
_listed: tuple[str, ...] = ()

_INPUT = {
    "type": "object",
    "additionalProperties": False,
    "required": ["function"],
    "properties": {
        "function": {
            "type": "string",
            "pattern": r"^[A-Za-z_][\w.]*(:[A-Za-z_]\w*)?$",
            "description": "package.module:name",
        },
        "args": {"type": "object", "description": "Keyword arguments."},
        "isolated": {"type": "boolean", "default": False, "description": "Run it in a separate process."},
    },
}
_OUTPUT = {"type": "object", "required": ["result"], "properties": {"result": {}}}


def effect(name: str) -> Callable[[F], F]:
    """Decorator: declares the effect class of a function, such as `@effect("pure")`."""
    declared = Effect(name)

    def mark(function: F) -> F:
        function.effect = declared  # type: ignore[attr-defined]
        return function

    return mark


def attentive(function: F) -> F:
    """Decorator: the function gets the step's `ToolContext` as keyword `context`, and looks up from its work.

    It must notice `context.cancelled` and the end of `context.timeout_s` within a second (`Watch.check` tells): the
    worker does not end its process for it.
    """
    function.is_attentive = True  # type: ignore[attr-defined]
    return function


def is_attentive(function: Function) -> bool:
    return bool(getattr(function, "is_attentive", False))


def allow(functions: Iterable[str]) -> None:
    """Names the functions that plans may call, once at start, so that their effects are known before a call."""
    global _listed  # noqa: PLW0603  set once, by the process that starts
    _listed = tuple(functions)


def effect_of(arguments: Mapping[str, Any]) -> Effect:
    """What the function declares, else idempotent; one that is known only at run time is taken for the worst."""
    name = str(arguments.get("function", "{{"))
    if "{{" in name:
        return Effect.IRREVERSIBLE
    try:
        function = find(name, listed=_listed)
    except PermanentError:
        return Effect.IDEMPOTENT
    return Effect(getattr(function, "effect", Effect.IDEMPOTENT))


class Python:
    """Calls a function with `args` as keyword arguments. Output: `result`."""

    spec = ToolSpec(
        name="python",
        title="Python function",
        description="Calls a function of an installed package.",
        input=_INPUT,
        output=_OUTPUT,
        effect=Effect.IDEMPOTENT,
        effect_of=effect_of,
    )

    def blocks(self, arguments: Mapping[str, Any]) -> bool:
        """Whether only the end of this process can stop the call; the worker then watches time and cancellation."""
        if arguments.get("isolated", False):
            return False
        try:
            return not is_attentive(find(arguments["function"], listed=_listed))
        except PermanentError:  # the call says so
            return True

    def call(self, arguments: Mapping[str, Any], context: ToolContext) -> Outputs:
        """Raises PermanentError for a function that is not allowed or arguments that do not fit, FailedError for what
        it raises itself; its own ToolErrors pass. In the pool process the worker watches time and cancellation."""
        if context.cancelled.is_set():
            raise Cancelled("the run was cancelled")
        listed = context.settings.get("python_functions", _listed)
        name, args = arguments["function"], arguments.get("args", {})
        if arguments.get("isolated", False):
            return {"result": isolation.call(target_of(name, listed=listed), args, context=context)}
        function = find(name, listed=listed)
        more = {"context": context} if is_attentive(function) else {}
        with captured(context.write):
            return {"result": invoke(function, {**args, **more}, name=name)}


@dataclass(frozen=True, slots=True)
class Target:
    """A function that may be called. `is_named`: by itself, not only by `package.module:*`."""

    module: str
    name: str
    is_named: bool


def find(name: str, *, listed: Sequence[str]) -> Function:
    """The allowed function of that name. Raises PermanentError when it is not allowed or not there."""
    return load(target_of(name, listed=listed))


def target_of(name: str, *, listed: Sequence[str]) -> Target:
    """The allowed function of that name, without importing it. Raises PermanentError when it is not allowed."""
    module, _, attribute = name.partition(":")
    if name in listed:
        return Target(module, attribute, is_named=True)
    if entry := published().get(name):
        return Target(entry.module, entry.attr, is_named=True)
    if f"{module}:*" in listed:
        return Target(module, attribute, is_named=False)
    raise PermanentError(
        f"the function {name} is not allowed; an operator can list it in CONTROLROOM_PYTHON_FUNCTIONS, "
        f"or its package can name it by an entry point of the group {GROUP}"
    )


@functools.cache
def published() -> Mapping[str, EntryPoint]:
    """The functions of installed packages, by entry point name and by value. Read once: it takes some 10 ms."""
    entries = list(entry_points(group=GROUP))
    return {entry.value: entry for entry in entries} | {entry.name: entry for entry in entries}


def load(target: Target) -> Function:
    """Imports the function. Raises PermanentError when it cannot be imported or is none."""
    try:
        module = importlib.import_module(target.module)
    except Exception as error:  # a module may fail in any way
        raise PermanentError(f"cannot import {target.module}: {type(error).__name__}: {error}") from error
    function = getattr(module, target.name, None)
    # `package.module:*` stands for what the module defines: not for `subprocess.run`, which it may have imported.
    is_own = getattr(function, "__module__", None) == target.module and not target.name.startswith("_")
    if not callable(function) or not (target.is_named or is_own):
        raise PermanentError(f"{target.module} defines no function {target.name!r}")
    return cast(Function, function)


def invoke(function: Function, args: Mapping[str, Any], *, name: str) -> Any:
    """Calls it and returns its result, fit to be stored. What it raises becomes a ToolError, its traceback stderr."""
    try:
        with contextlib.suppress(ValueError):  # some built-in functions have no signature to look at
            inspect.signature(function).bind(**args)
    except TypeError as error:
        raise PermanentError(f"the arguments do not match {name}: {error}") from error
    try:
        result = function(**args)
    except (ToolError, Cancelled):
        raise
    except (Exception, SystemExit) as error:
        traceback.print_exc()
        raise FailedError(f"{type(error).__name__}: {error}") from error
    try:
        return storable(result)
    except ValueError as error:
        raise FailedError(f"the result of {name} cannot be an output: {error}") from error


@contextlib.contextmanager
def captured(write: Callable[[str, bytes], None]) -> Iterator[None]:
    """Sends what Python code prints to `write`, process-wide: a pool process does one step at a time."""
    stdout, stderr = _Stream("stdout", write), _Stream("stderr", write)
    with contextlib.redirect_stdout(stdout.text), contextlib.redirect_stderr(stderr.text):
        try:
            yield
        finally:
            stdout.end()
            stderr.end()


class _Stream(io.RawIOBase):
    def __init__(self, name: str, write: Callable[[str, bytes], None]) -> None:
        super().__init__()
        self._name = name
        self._write: Callable[[str, bytes], None] | None = write
        buffer = io.BufferedWriter(self)
        self.text = io.TextIOWrapper(buffer, encoding="utf-8", errors="backslashreplace", line_buffering=True)

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        taken = bytes(data)
        if self._write is not None:
            self._write(self._name, taken)
        return len(taken)

    def end(self) -> None:
        """From here on text is dropped: a log handler made meanwhile may hold on to the stream, so it stays open."""
        self.text.flush()
        self._write = None
