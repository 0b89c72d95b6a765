"""The type that an expression will have, and what is wrong with it: no such field, an operator that does not fit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from jinja2 import nodes

from pulser.language import types
from pulser.language.expressions.filters import ANYTHING, FILTERS
from pulser.language.expressions.operators import CONTAINED_IN, ORDERED, RESULTS, SIGNS
from pulser.language.expressions.references import step_named
from pulser.language.names import did_you_mean, kinds_phrase, one_of
from pulser.language.types import ANY, NoField, Type, kinds, of_kind, of_value

RUN: Type = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "title": {"type": "string"},
        "environment": {"enum": ["dev", "staging", "prod"]},
        "plan": {"type": "string"},
        "version": {"type": "integer"},
    },
}


@dataclass(frozen=True, slots=True)
class NameTypes:
    """What the names of an expression stand for: the params' schema, and the type of each step.

    `unreachable` gives the reason why a step may not be named here, or nothing when it may. `has_functions`: in `if`,
    always() and the like can be asked.
    """

    params: Type = field(default_factory=dict)
    steps: Mapping[str, Type] = field(default_factory=dict)
    unreachable: Callable[[str], str | None] = lambda step: f"unknown step `{step}`"
    has_functions: bool = False


def infer(tree: nodes.Expr, names: NameTypes, *, report: Callable[[str], None]) -> Type:
    """The type of an expression that the grammar has accepted. What is wrong with it is reported, in sentences."""
    return _Inference(names, report).of(tree)


class _Inference:
    def __init__(self, names: NameTypes, report: Callable[[str], None]) -> None:
        self.names = names
        self.report = report

    def of(self, node: nodes.Node) -> Type:
        return _INFERENCES[type(node)](self, node)

    def name(self, node: nodes.Name) -> Type:
        if node.name == "steps":
            self.report('name a step: `steps.ID.outputs.NAME`, or `steps["ID"]`')
        return {"params": self.names.params, "run": RUN, "null": of_value(None)}.get(node.name, ANY)

    def getattr(self, node: nodes.Getattr) -> Type:
        step = self._step(node)
        return step if step is not None else self._field(self.of(node.node), node.attr, node)

    def getitem(self, node: nodes.Getitem) -> Type:
        if (step := self._step(node)) is not None:
            return step
        container, key = self.of(node.node), self.of(node.arg)
        if "const" not in key:
            self._expect(key, frozenset({"string", "integer"}), "a key")
            return ANY
        return self._field(container, key["const"], node)

    def _step(self, node: nodes.Getattr | nodes.Getitem) -> Type | None:
        step = step_named(node)
        if step is None:
            return None
        if reason := self.names.unreachable(step):
            self.report(reason)
            return ANY
        return self.names.steps.get(step, ANY)

    def _field(self, container: Type, key: Any, node: nodes.Getattr | nodes.Getitem) -> Type:
        try:
            return types.item(container, key) if isinstance(key, int) else types.field(container, str(key))
        except NoField as error:
            self.report(_no_field(_written(node.node), str(key), error))
            return ANY

    def constant(self, node: nodes.Const) -> Type:
        return of_value(node.value)

    def arithmetic(self, node: nodes.BinExpr) -> Type:
        left, right = self.of(node.left), self.of(node.right)
        table = RESULTS[_ARITHMETIC[type(node)]]
        pairs = _pairs(left, right)
        if pairs is None:
            return ANY
        found = {table[pair] for pair in pairs if pair in table}
        if not found:
            sign = _ARITHMETIC[type(node)]
            self.report(f"`{sign}` does not take {_spoken(left)} and {_spoken(right)}")
            return ANY
        return of_kind(*found)

    def signed(self, node: nodes.UnaryExpr) -> Type:
        inner = self.of(node.node)
        self._expect(inner, frozenset({"integer", "number"}), "a value after a sign")
        known = kinds(inner)
        return of_kind(*(known & {"integer", "number"})) if known and known & {"integer", "number"} else ANY

    def choice(self, node: nodes.BinExpr) -> Type:
        return types.union(self.of(node.left), self.of(node.right))

    def negation(self, node: nodes.Not) -> Type:
        self.of(node.node)
        return of_kind("boolean")

    def compare(self, node: nodes.Compare) -> Type:
        left = self.of(node.expr)
        for operand in node.ops:
            right = self.of(operand.expr)
            self._compare(operand.op, left, right)
            left = right
        return of_kind("boolean")

    def _compare(self, name: str, left: Type, right: Type) -> None:
        if name in ("in", "notin"):
            self._expect(right, CONTAINED_IN, "what stands after `in`")
            return
        pairs = _pairs(left, right)
        if pairs is None:
            return
        if name in ("eq", "ne"):
            # null may stand for any missing value, so a comparison with it is never foolish.
            if not any(one == other or (one, other) in ORDERED or "null" in (one, other) for one, other in pairs):
                self.report(f"{_spoken(left)} never equals {_spoken(right)}")
        elif not any(pair in ORDERED for pair in pairs):
            self.report(f"`{SIGNS[name]}` does not order {_spoken(left)} and {_spoken(right)}")

    def conditional(self, node: nodes.CondExpr) -> Type:
        self.of(node.test)
        otherwise = self.of(node.expr2) if node.expr2 is not None else of_value(None)
        return types.union(self.of(node.expr1), otherwise)

    def concat(self, node: nodes.Concat) -> Type:
        for part in node.nodes:
            self.of(part)
        return of_kind("string")

    def listing(self, node: nodes.List | nodes.Tuple) -> Type:
        items = [self.of(item) for item in node.items]
        return {"type": "array", "items": types.union(*items)} if items else of_kind("array")

    def mapping(self, node: nodes.Dict) -> Type:
        properties = {}
        for pair in node.items:
            key = self.of(pair.key)
            self._expect(key, frozenset({"string"}), "a key of an object")
            properties[str(key.get("const", ""))] = self.of(pair.value)
        is_closed = all(isinstance(pair.key, nodes.Const) for pair in node.items)
        return {"type": "object", "properties": properties, "additionalProperties": not is_closed}

    def filtered(self, node: nodes.Filter) -> Type:
        known = FILTERS[node.name]
        given = self.of(node.node) if node.node is not None else ANY
        if known.takes is not ANYTHING:
            self._expect(given, known.takes, f"the input of filter `{node.name}`")
        arguments = [self.of(argument) for argument in node.args]
        for argument, wanted in zip(arguments, known.arguments, strict=False):
            self._expect(argument, wanted, f"an argument of filter `{node.name}`")
        return _filtered(node.name, given, arguments)

    def call(self, node: nodes.Call) -> Type:
        if not self.names.has_functions:
            self.report("always(), failed() and success() are only allowed in `if`")
        return of_kind("boolean")

    def _expect(self, given: Type, wanted: frozenset[str], what: str) -> None:
        if not types.fits(given, wanted):
            self.report(f"{what} must be {kinds_phrase(wanted)}, got {_spoken(given)}")


def _pairs(left: Type, right: Type) -> list[tuple[str, str]] | None:
    one, other = kinds(left), kinds(right)
    return None if one is None or other is None else list(product(one, other))


def _spoken(given: Type) -> str:
    return kinds_phrase(kinds(given) or ())


def _filtered(name: str, given: Type, arguments: list[Type]) -> Type:
    if name == "default":
        return types.union(given, arguments[0])
    if name in ("first", "last"):
        return _item_of(given)
    if name == "round":
        return of_kind("number") if arguments else of_kind("integer")
    if name in ("keys", "split"):
        return {"type": "array", "items": {"type": "string"}}
    return of_kind(FILTERS[name].gives or "string")


def _item_of(given: Type) -> Type:
    if kinds(given) == frozenset({"string"}):
        return of_kind("string")
    try:
        return types.item(given, 0)
    except NoField:
        return ANY


def _no_field(owner: str, key: str, error: NoField) -> str:
    if error.kinds:
        return f"`{owner}` is {kinds_phrase(error.kinds)} and has no field `{key[:100]}`"
    hint = did_you_mean(key, error.known) or (f"; there are {one_of(error.known)}" if error.known else "")
    return f"`{owner}` has no field `{key[:100]}`{hint}"


def _written(node: nodes.Node) -> str:
    return "".join(reversed(list(_written_parts(node)))).lstrip(".")[:100] or "the value"


def _written_parts(node: nodes.Node) -> Iterator[str]:
    while isinstance(node, nodes.Getattr | nodes.Getitem):
        if isinstance(node, nodes.Getattr):
            yield f".{node.attr}"
        else:
            key = node.arg.value if isinstance(node.arg, nodes.Const) else "..."
            yield f".{key}" if isinstance(key, str) else f"[{key}]"
        node = node.node
    if isinstance(node, nodes.Name):
        yield node.name


_ARITHMETIC: dict[type[nodes.Node], str] = {
    nodes.Add: "+",
    nodes.Sub: "-",
    nodes.Mul: "*",
    nodes.Div: "/",
    nodes.FloorDiv: "//",
    nodes.Mod: "%",
}
_INFERENCES: dict[type[nodes.Node], Callable[[_Inference, Any], Type]] = {
    **dict.fromkeys(_ARITHMETIC, _Inference.arithmetic),
    nodes.Name: _Inference.name,
    nodes.Getattr: _Inference.getattr,
    nodes.Getitem: _Inference.getitem,
    nodes.Const: _Inference.constant,
    nodes.Neg: _Inference.signed,
    nodes.Pos: _Inference.signed,
    nodes.And: _Inference.choice,
    nodes.Or: _Inference.choice,
    nodes.Not: _Inference.negation,
    nodes.Compare: _Inference.compare,
    nodes.CondExpr: _Inference.conditional,
    nodes.Concat: _Inference.concat,
    nodes.List: _Inference.listing,
    nodes.Tuple: _Inference.listing,
    nodes.Dict: _Inference.mapping,
    nodes.Filter: _Inference.filtered,
    nodes.Call: _Inference.call,
}
