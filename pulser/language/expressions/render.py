"""Values and conditions with their expressions filled in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pulser.language.expressions.errors import ExpressionError
from pulser.language.expressions.evaluate import FUNCTION_VALUES, evaluate
from pulser.language.expressions.grammar import Expression, parse_condition, parse_template
from pulser.language.expressions.values import as_text, check_length, check_size
from pulser.language.limits import RENDERED_BYTES

_Path = tuple[str | int, ...]


def render(value: Any, scope: Mapping[str, Any]) -> Any:
    """The value with every expression in it filled in; the value itself is not changed.

    A text that is one expression as a whole gives the typed value, any other text gives text. Keys of objects are
    taken as they are. `scope` has `params`, `steps` (id -> `outputs`, `status`) and `run`. Raises ExpressionError,
    with the path.
    """
    return _Renderer(scope).render(value, ())


def is_condition_true(condition: str | bool, scope: Mapping[str, Any], *, failed: bool) -> bool:
    """Whether an `if` is true. `failed` is what failed() says; success() is its opposite. Raises ExpressionError."""
    if isinstance(condition, bool):
        return condition
    functions = {"always": True, "failed": failed, "success": not failed}
    return bool(evaluate(parse_condition(condition).tree, {**scope, FUNCTION_VALUES: functions}))


class _Renderer:
    """One rendering: what it fills in has a bound in all."""

    def __init__(self, scope: Mapping[str, Any]) -> None:
        self.scope = scope
        self.made = 0

    def render(self, value: Any, path: _Path) -> Any:
        if isinstance(value, str):
            return self._text(value, path) if "{{" in value else value
        if isinstance(value, Mapping):
            return {key: self.render(item, (*path, key)) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.render(item, (*path, index)) for index, item in enumerate(value)]
        return value

    def _text(self, text: str, path: _Path) -> Any:
        try:
            pieces = parse_template(text)
            if len(pieces) == 1 and isinstance(pieces[0], Expression):
                return self._fill(pieces[0])
            return self._joined(pieces)
        except ExpressionError as error:
            raise ExpressionError(error.message, path=path, ordinal=error.ordinal) from error

    def _joined(self, pieces: tuple[str | Expression, ...]) -> str:
        length, texts = 0, []
        for piece in pieces:
            texts.append(piece if isinstance(piece, str) else as_text(self._fill(piece)))
            length += len(texts[-1])
            check_length(length)
        return "".join(texts)

    def _fill(self, expression: Expression) -> Any:
        try:
            value = evaluate(expression.tree, self.scope)
        except ExpressionError as error:
            raise ExpressionError(error.message, ordinal=expression.ordinal) from error
        self.made += check_size(value)
        if self.made > RENDERED_BYTES:
            raise ExpressionError(f"all values together are larger than {RENDERED_BYTES:,} bytes")
        return value
