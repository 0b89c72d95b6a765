"""From text to a checked syntax tree: which `{{ }}` there are, and which of Jinja's words our language has."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from jinja2 import Environment, TemplateError, nodes
from jinja2.parser import Parser

from pulser.language import limits
from pulser.language.expressions.errors import ExpressionError
from pulser.language.expressions.filters import FILTERS
from pulser.language.names import did_you_mean

FUNCTIONS = frozenset({"always", "failed", "success"})
NAMES = frozenset({"params", "steps", "run", "null"})

_OPERATORS = (nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Neg, nodes.Pos)
_LOGIC = (nodes.And, nodes.Or, nodes.Not, nodes.Compare, nodes.Operand, nodes.CondExpr, nodes.Concat)
_VALUES = (nodes.Const, nodes.Name, nodes.List, nodes.Tuple, nodes.Dict, nodes.Pair, nodes.Getattr, nodes.Getitem)
_ALLOWED = (*_OPERATORS, *_LOGIC, *_VALUES, nodes.Filter, nodes.Call)
_REFUSED = {
    nodes.Pow: "powers (`**`)",
    nodes.Test: "tests (`is ...`)",
    nodes.Slice: "slices (`[a:b]`)",
    nodes.Keyword: "named arguments",
}

_TOKEN = re.compile(r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|\}\}|[\[({\])}]""", re.DOTALL)
_LITERAL = r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*\""""
_DASHED_STEP = re.compile(rf"{_LITERAL}|(?<![\w.\]])steps\.([A-Za-z_]\w*(?:-\w+)+)", re.DOTALL)
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_OFTEN_MEANT = 'a string needs quotes; a field with `-` in its name needs brackets: outputs["a-b"]'
_ENVIRONMENT = Environment(autoescape=True)  # only its lexer and parser are used


@dataclass(frozen=True, slots=True)
class Expression:
    """One `{{ }}`: its inner text, its tree, and which of the expressions of its text it is, from 0."""

    source: str
    tree: nodes.Expr
    ordinal: int = 0


def parse_template(text: str) -> tuple[str | Expression, ...]:
    """The literal pieces and the expressions of a text, in order. Raises ExpressionError."""
    return tuple(_pieces(text))


def parse_condition(text: str) -> Expression:
    """The one expression of an `if`, which may stand with or without `{{ }}`. Raises ExpressionError."""
    if "{{" not in re.sub(_LITERAL, "", text):
        return Expression(text.strip(), _tree(text.strip()))
    pieces = parse_template(text.strip())
    if len(pieces) != 1 or not isinstance(pieces[0], Expression):
        raise ExpressionError("expected one expression: write the whole condition inside one {{ }}, or without any")
    return pieces[0]


def _pieces(text: str) -> Iterator[str | Expression]:
    position = ordinal = 0
    while (start := text.find("{{", position)) >= 0:
        if start > position:
            yield text[position:start]
        end = _closing(text, start=start + 2, ordinal=ordinal)
        source = text[start + 2 : end].strip()
        try:
            yield Expression(source, _tree(source), ordinal)
        except ExpressionError as error:
            raise ExpressionError(error.message, ordinal=ordinal) from error
        position, ordinal = end + 2, ordinal + 1
    if position < len(text):
        yield text[position:]


def _closing(text: str, *, start: int, ordinal: int) -> int:
    """The index of the `}}` that ends the expression; braces of dicts and of texts inside it do not count."""
    if text.startswith("-", start):
        raise ExpressionError("`{{-` is not in the language: write `{{` and a space", ordinal=ordinal)
    depth, position = 0, start
    while token := _TOKEN.search(text, position, start + limits.EXPRESSION_BYTES + 2):
        position = token.end()
        if token[0] == "}}" and depth <= 0:
            return token.start()
        if token[0] in "[({":
            depth += 1
        elif token[0][0] in "])}":
            # Of the `}}` inside a dict only the first brace is taken: the second may be part of the end.
            depth, position = depth - 1, token.start() + 1
    if len(text) - start > limits.EXPRESSION_BYTES:
        raise ExpressionError(f"`{{{{` without `}}}}` within {limits.EXPRESSION_BYTES:,} bytes", ordinal=ordinal)
    raise ExpressionError('`{{` without `}}`; a literal `{{` is written `{{ "{{" }}`', ordinal=ordinal)


@lru_cache(maxsize=4096)
def _tree(source: str) -> nodes.Expr:
    if not source:
        raise ExpressionError("an expression is missing between `{{` and `}}`")
    if len(source.encode(errors="replace")) > limits.EXPRESSION_BYTES:
        raise ExpressionError(f"the expression is longer than {limits.EXPRESSION_BYTES:,} bytes")
    _check_brackets(source)
    try:
        parser = Parser(_ENVIRONMENT, _DASHED_STEP.sub(_quoted_step, source), state="variable")
        tree = parser.parse_expression()
        rest = parser.stream.current
    except TemplateError as error:
        raise ExpressionError(f"not an expression: {error.message or 'it cannot be read'}") from error
    except (RecursionError, ValueError, ArithmeticError) as error:
        raise ExpressionError("not an expression: nested too deeply or has a number that is none") from error
    if not parser.stream.eos:
        raise ExpressionError(f"not an expression: `{rest.value}` is not expected here")
    _check_tree(tree)
    return tree


def _quoted_step(match: re.Match[str]) -> str:
    # `steps.sign-off` would be a subtraction; ids have dashes, and a step is no number.
    return f'steps["{match[1]}"]' if match[1] else match[0]


def _check_brackets(source: str) -> None:
    depth = 0
    for token in _TOKEN.finditer(source):
        depth += {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1, "}}": -2}.get(token[0], 0)
        if depth > limits.EXPRESSION_BRACKETS:
            raise ExpressionError(f"more than {limits.EXPRESSION_BRACKETS} brackets inside each other")


def _check_tree(tree: nodes.Node) -> None:
    """Every node is on the whitelist, and there are neither too many nor too deep ones. Without recursion."""
    count, stack = 0, [(tree, 1)]
    while stack:
        node, level = stack.pop()
        count += 1
        if count > limits.EXPRESSION_NODES or level > limits.EXPRESSION_LEVELS:
            raise ExpressionError(f"the expression is nested more than {limits.EXPRESSION_LEVELS} levels deep")
        _check_node(node)
        # The function of a call is a name that `_check_call` has looked at; as a value it would be refused.
        children = [] if isinstance(node, nodes.Call) else node.iter_child_nodes()
        stack.extend((child, level + 1) for child in children)


def _check_node(node: nodes.Node) -> None:
    for kind, what in _REFUSED.items():
        if isinstance(node, kind):
            raise ExpressionError(f"{what} are not in the language")
    if not isinstance(node, _ALLOWED):
        raise ExpressionError(f"`{type(node).__name__.lower()}` is not in the language")
    if isinstance(node, nodes.Name):
        _check_name(node.name)
    elif isinstance(node, nodes.Const):
        _check_constant(node.value)
    elif isinstance(node, nodes.Filter):
        _check_filter(node)
    elif isinstance(node, nodes.Call):
        _check_call(node)


def _check_name(name: str) -> None:
    if name in FUNCTIONS:
        raise ExpressionError(f"`{name}` is a function: write `{name}()`")
    if name not in NAMES:
        hint = did_you_mean(name, NAMES) or f"; there are `params`, `steps` and `run`; {_OFTEN_MEANT}"
        raise ExpressionError(f"unknown name `{name}`{hint}")


def _check_constant(value: object) -> None:
    if isinstance(value, int) and abs(value) > limits.INTEGER_MAX:
        raise ExpressionError("a whole number has at most 64 bits")
    if isinstance(value, float) and not math.isfinite(value):
        raise ExpressionError("the number is too large")
    if isinstance(value, str) and _UNSTORABLE.search(value):
        raise ExpressionError("the string has a character that cannot be stored")


def _check_filter(node: nodes.Filter) -> None:
    known = FILTERS.get(node.name)
    if known is None:
        raise ExpressionError(f"unknown filter `{node.name}`{did_you_mean(node.name, FILTERS)}")
    if node.node is None or node.kwargs or node.dyn_args or node.dyn_kwargs:
        raise ExpressionError(f"filter `{node.name}` takes plain arguments only")
    if not known.least <= len(node.args) <= known.most:
        wanted = str(known.least) if known.least == known.most else f"{known.least} to {known.most}"
        raise ExpressionError(f"filter `{node.name}` takes {wanted} arguments, got {len(node.args)}")


def _check_call(node: nodes.Call) -> None:
    if not isinstance(node.node, nodes.Name):
        raise ExpressionError("values cannot be called; the functions are always(), failed() and success()")
    if node.node.name not in FUNCTIONS:
        raise ExpressionError(f"unknown function `{node.node.name}`{did_you_mean(node.node.name, FUNCTIONS)}")
    if node.args or node.kwargs or node.dyn_args or node.dyn_kwargs:
        raise ExpressionError(f"{node.node.name}() takes no arguments")
