"""Values that may hold expressions: each expression is judged in its place, and leaves a hole with a type."""

from __future__ import annotations

from typing import Any

from pulser.language.expressions import Expression, ExpressionError, parse_condition, parse_template
from pulser.language.infer import NameTypes, infer
from pulser.language.problems import Path
from pulser.language.schema_validation import Placeholder
from pulser.language.source import Source
from pulser.language.types import ANY, Type, of_kind


def with_placeholders(source: Source, value: Any, *, path: Path, names: NameTypes) -> Any:
    """The value with a hole for every text that has expressions; what is wrong with them is reported."""
    if isinstance(value, str):
        return check_text(source, value, path=path, names=names)
    if isinstance(value, dict):
        return {key: with_placeholders(source, part, path=(*path, key), names=names) for key, part in value.items()}
    if isinstance(value, list):
        return [with_placeholders(source, part, path=(*path, index), names=names) for index, part in enumerate(value)]
    return value


def check_text(source: Source, text: str, *, path: Path, names: NameTypes) -> str | Placeholder:
    """The text itself, or a hole: of the expression's own type when the whole text is one, else of a text."""
    if "{{" not in text:
        return text
    try:
        pieces = parse_template(text)
    except ExpressionError as error:
        source.add_at_expression(path, error.message, ordinal=error.ordinal)
        return Placeholder(ANY, text)
    expressions = [piece for piece in pieces if isinstance(piece, Expression)]
    found = [_infer(source, expression, path=path, names=names) for expression in expressions]
    return Placeholder(found[0] if len(pieces) == 1 else of_kind("string"), text)


def check_condition(source: Source, condition: str, *, path: Path, names: NameTypes) -> None:
    """An `if`, with or without braces."""
    try:
        expression = parse_condition(condition)
    except ExpressionError as error:
        source.add_at_expression(path, error.message, ordinal=error.ordinal)
        return
    _infer(source, expression, path=path, names=names)


def _infer(source: Source, expression: Expression, *, path: Path, names: NameTypes) -> Type:
    def report(message: str) -> None:
        source.add_at_expression(path, message, ordinal=expression.ordinal)

    return infer(expression.tree, names, report=report)
