"""The arguments of a step against the tool's input schema."""

from __future__ import annotations

from typing import Any

from jinja2 import nodes

from pulser.language.checks.outline import Outline, StepPlace
from pulser.language.checks.scripts import unquoted_expressions
from pulser.language.checks.templates import with_placeholders
from pulser.language.document import Step
from pulser.language.expressions import Expression, ExpressionError, parse_template
from pulser.language.parse_plan import keys_of
from pulser.language.problems import Path
from pulser.language.schema_validation import Mismatch, Placeholder, mismatches
from pulser.language.source import Source
from pulser.language.types import kinds

_STEP_KEYS = frozenset(keys_of(Step))


def check_arguments(plan: Outline, place: StepPlace) -> None:
    """`with`: literal parts as they are, parts with expressions by their type, scripts by their quoting."""
    path = (*place.path, "with")
    arguments = with_placeholders(plan.source, place.step.with_, path=path, names=plan.names_for(place))
    if place.tool is None or "with" in place.spoiled:
        return
    for mismatch in mismatches(arguments, place.tool.input):
        add_mismatch(plan.source, _moved(mismatch), path=path)
    for name in place.tool.script_fields:
        text = place.step.with_.get(name)
        if isinstance(text, str):
            _check_script(plan.source, text, arguments[name], path=(*path, name))


def add_mismatch(source: Source, mismatch: Mismatch, *, path: Path) -> None:
    """Reports a mismatch below this path in its place."""
    place = (*path, *mismatch.path)
    if mismatch.is_key:
        source.add_at_key(place, mismatch.message)
    elif mismatch.ordinal is not None:
        source.add_at_expression(place, mismatch.message, ordinal=mismatch.ordinal)
    else:
        source.add_at_value(place, mismatch.message)


def _moved(mismatch: Mismatch) -> Mismatch:
    key = mismatch.unknown_key
    if key is None or len(mismatch.path) != 1 or key not in _STEP_KEYS:
        return mismatch
    return Mismatch(mismatch.path, f"`{key}` is a key of the step: move it out of `with`", is_key=True)


def _check_script(source: Source, text: str, hole: Any, *, path: Path) -> None:
    """Every value that is pasted into a script is quoted for the shell, and stands where the quotes hold."""
    if isinstance(hole, Placeholder) and kinds(hole.type) == frozenset({"array"}):
        return  # the list form: no shell reads it
    try:
        pieces = parse_template(text)
    except ExpressionError:
        return  # said already
    unsafe = unquoted_expressions(pieces)
    for expression in (piece for piece in pieces if isinstance(piece, Expression)):
        if not isinstance(expression.tree, nodes.Filter) or expression.tree.name != "sh":
            message = f"quote values in a script: write {{{{ {expression.source} | sh }}}}, or pass it by `env`"
            source.add_at_expression(path, message, ordinal=expression.ordinal)
        elif expression.ordinal in unsafe:
            message = f"the quotes of `sh` do not hold inside {unsafe[expression.ordinal]}: pass the value by `env`"
            source.add_at_expression(path, message, ordinal=expression.ordinal)
