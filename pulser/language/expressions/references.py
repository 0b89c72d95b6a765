"""What expressions speak of, without giving them a value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from jinja2 import nodes

from pulser.language.expressions.errors import ExpressionError
from pulser.language.expressions.grammar import Expression, parse_condition, parse_template


def references(value: Any) -> frozenset[str]:
    """The ids of all steps that the templates in this value name. A text that cannot be read names none."""
    return frozenset(step for tree in _trees(value) for step in steps_named(tree))


def is_unconditional(condition: str | bool) -> bool:
    """Whether the condition asks always() or failed(): the step is judged even when one that it needs failed."""
    if isinstance(condition, bool):
        return False
    try:
        tree = parse_condition(condition).tree
    except ExpressionError:
        return False
    return any(
        isinstance(call.node, nodes.Name) and call.node.name in ("always", "failed")
        for call in _find_names(tree, nodes.Call)
    )


def steps_named(tree: nodes.Node) -> Iterator[str]:
    """The id in each `steps.ID` and `steps["ID"]`."""
    for node in _find_names(tree, nodes.Getattr, nodes.Getitem):
        step = step_named(node)
        if step is not None:
            yield step


def step_named(node: nodes.Node) -> str | None:
    """The id, when this very node is `steps.ID` or `steps["ID"]`."""
    if not isinstance(node, nodes.Getattr | nodes.Getitem):
        return None
    if not isinstance(node.node, nodes.Name) or node.node.name != "steps":
        return None
    if isinstance(node, nodes.Getattr):
        return node.attr
    return node.arg.value if isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str) else None


def _trees(value: Any) -> Iterator[nodes.Node]:
    stack = [value]
    while stack:
        part = stack.pop()
        if isinstance(part, str) and "{{" in part:
            yield from _trees_of_text(part)
        elif isinstance(part, Mapping):
            stack.extend(part.values())
        elif isinstance(part, list | tuple):
            stack.extend(part)


def _trees_of_text(text: str) -> Iterator[nodes.Node]:
    try:
        pieces = parse_template(text)
    except ExpressionError:
        return
    yield from (piece.tree for piece in pieces if isinstance(piece, Expression))


def _find_names(tree: nodes.Node, *kinds: type[nodes.Node]) -> Iterator[Any]:
    if isinstance(tree, kinds):
        yield tree
    yield from tree.find_all(kinds)
