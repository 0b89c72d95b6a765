"""The value of an expression in a scope. Recursion is bounded by the depth that the grammar allows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from jinja2 import nodes

from pulser.language.expressions import filters
from pulser.language.expressions.errors import ExpressionError
from pulser.language.expressions.operators import calculate, compare
from pulser.language.expressions.values import MissingField, as_text, check_length, check_size, number, present
from pulser.language.names import did_you_mean, format_value, kind_of, kind_phrase

Scope = Mapping[str, Any]
_Evaluate = Callable[[Any, Scope], Any]

FUNCTION_VALUES = " functions"
"""The key under which a scope holds what always(), failed() and success() say; no name can be written like it."""


def evaluate(tree: nodes.Expr, scope: Scope) -> Any:
    """The typed value. Raises ExpressionError, and nothing else, whatever the expression and the scope are."""
    try:
        value = present(_value(tree, scope))
        check_size(value)
        return value
    except (RecursionError, OverflowError) as error:
        raise ExpressionError("the values are nested too deeply") from error


def _value(node: nodes.Node, scope: Scope) -> Any:
    return _EVALUATORS[type(node)](node, scope)


def _given(node: nodes.Node, scope: Scope) -> Any:
    return present(_value(node, scope))


def _name(node: nodes.Name, scope: Scope) -> Any:
    if node.name == "null":
        return None
    return scope.get(node.name, MissingField(f"unknown name `{node.name}`"))


def _getattr(node: nodes.Getattr, scope: Scope) -> Any:
    return field(_value(node.node, scope), node.attr)


def _getitem(node: nodes.Getitem, scope: Scope) -> Any:
    return field(_value(node.node, scope), _given(node.arg, scope))


def field(value: Any, key: Any) -> Any:
    """A key of an object or an index of a list. A field of null is null, as are the outputs of a skipped step."""
    if value is None or isinstance(value, MissingField):
        return value
    if isinstance(value, Mapping) and isinstance(key, str):
        if key in value:
            return value[key]
        return MissingField(f"unknown field `{key[:100]}`{did_you_mean(key, map(str, value))}")
    if isinstance(value, list) and isinstance(key, int) and not isinstance(key, bool):
        if -len(value) <= key < len(value):
            return value[key]
        return MissingField(f"no item {key} in a list of {len(value)}")
    raise ExpressionError(f"{kind_phrase(kind_of(value))} has no field {format_value(key)}")


def _arithmetic(sign: str) -> _Evaluate:
    return lambda node, scope: calculate(sign, left=_given(node.left, scope), right=_given(node.right, scope))


def _signed(factor: int) -> _Evaluate:
    def evaluate_sign(node: nodes.UnaryExpr, scope: Scope) -> Any:
        value = _given(node.node, scope)
        if kind_of(value) not in ("integer", "number"):
            raise ExpressionError(f"a sign stands before a number, got {format_value(value)}")
        return number(factor * value)

    return evaluate_sign


def _and(node: nodes.And, scope: Scope) -> Any:
    return _given(node.left, scope) and _given(node.right, scope)


def _or(node: nodes.Or, scope: Scope) -> Any:
    return _given(node.left, scope) or _given(node.right, scope)


def _not(node: nodes.Not, scope: Scope) -> bool:
    return not _given(node.node, scope)


def _compare(node: nodes.Compare, scope: Scope) -> bool:
    left = _given(node.expr, scope)
    for operand in node.ops:
        right = _given(operand.expr, scope)
        if not compare(operand.op, left=left, right=right):
            return False
        left = right
    return True


def _conditional(node: nodes.CondExpr, scope: Scope) -> Any:
    if _given(node.test, scope):
        return _value(node.expr1, scope)
    return _value(node.expr2, scope) if node.expr2 is not None else None


def _concat(node: nodes.Concat, scope: Scope) -> str:
    texts = [as_text(_given(part, scope)) for part in node.nodes]
    check_length(sum(map(len, texts)))
    return "".join(texts)


def _list(node: nodes.List | nodes.Tuple, scope: Scope) -> list[Any]:
    made = [_given(item, scope) for item in node.items]
    check_size(made)
    return made


def _dict(node: nodes.Dict, scope: Scope) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for pair in node.items:
        key = _given(pair.key, scope)
        if not isinstance(key, str):
            raise ExpressionError(f"a key of an object is a string, got {format_value(key)}")
        made[key] = _given(pair.value, scope)
    check_size(made)
    return made


def _filter(node: nodes.Filter, scope: Scope) -> Any:
    assert node.node is not None  # the grammar has refused filters without an input
    value = _value(node.node, scope)
    if node.name != "default":
        present(value)
    elif value is not None and not isinstance(value, MissingField):
        return value
    return filters.apply(node.name, value, arguments=[_given(argument, scope) for argument in node.args])


def _call(node: nodes.Call, scope: Scope) -> bool:
    assert isinstance(node.node, nodes.Name)  # the grammar has refused every other call
    functions = scope.get(FUNCTION_VALUES)
    if functions is None:
        raise ExpressionError(f"{node.node.name}() is only allowed in `if`")
    return bool(functions[node.node.name])


_EVALUATORS: dict[type[nodes.Node], _Evaluate] = {
    nodes.Const: lambda node, scope: node.value,
    nodes.Name: _name,
    nodes.Getattr: _getattr,
    nodes.Getitem: _getitem,
    nodes.Add: _arithmetic("+"),
    nodes.Sub: _arithmetic("-"),
    nodes.Mul: _arithmetic("*"),
    nodes.Div: _arithmetic("/"),
    nodes.FloorDiv: _arithmetic("//"),
    nodes.Mod: _arithmetic("%"),
    nodes.Neg: _signed(-1),
    nodes.Pos: _signed(1),
    nodes.And: _and,
    nodes.Or: _or,
    nodes.Not: _not,
    nodes.Compare: _compare,
    nodes.CondExpr: _conditional,
    nodes.Concat: _concat,
    nodes.List: _list,
    nodes.Tuple: _list,
    nodes.Dict: _dict,
    nodes.Filter: _filter,
    nodes.Call: _call,
}
