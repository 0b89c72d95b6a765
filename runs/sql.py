"""Statements that are written by hand: how they are asked, and how their `SET` clauses are made.

A statement has named parameters, and what it returns becomes named tuples.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar, overload

from django.db import connection

from pulser.engine.states import Move
from pulser.engine.times import Ahead, Now

Row = TypeVar("Row")
Values = Mapping[str, Any] | Sequence[Any]


@overload
def rows(statement: str, values: Values = ...) -> list[tuple[Any, ...]]: ...
@overload
def rows(statement: str, values: Values = ..., *, as_: Callable[..., Row]) -> list[Row]: ...
def rows(statement: str, values: Values = (), *, as_: Callable[..., Any] | None = None) -> list[Any]:
    """What the statement returns, if it returns rows; each as the named tuple `as_`, if one is given."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        found = cursor.fetchall() if cursor.description else []
    return found if as_ is None else [as_(*row) for row in found]


def first(statement: str, values: Values = (), *, as_: Callable[..., Row]) -> Row | None:
    """The first row that the statement returns, if there is one."""
    return next(iter(rows(statement, values, as_=as_)), None)


def column(statement: str, values: Values = ()) -> list[Any]:
    """The values of a statement that returns one column."""
    return [value for (value,) in rows(statement, values)]


@dataclass(frozen=True, slots=True)
class Computed:
    """A value that the database computes; `values` are its parameters."""

    text: str
    values: Mapping[str, Any] = field(default_factory=dict)


class Assignments(NamedTuple):
    """The inside of a `SET` clause, and its parameters."""

    text: str
    values: dict[str, Any]


def assign(columns: Mapping[str, Any]) -> Assignments:
    """Set these columns; parameters are named `set_` and the column. Names come from code, never from outside."""
    clauses = [(name, _computed(name, value)) for name, value in columns.items()]
    text = ", ".join(f"{name} = {value.text}" for name, value in clauses)
    return Assignments(text, {key: given for _, value in clauses for key, given in value.values.items()})


def _computed(name: str, value: Any) -> Computed:
    parameter = f"set_{name}"
    if isinstance(value, Computed):
        return value
    if isinstance(value, Now):
        return Computed("clock_timestamp()")
    if isinstance(value, Ahead):
        return Computed(f"clock_timestamp() + %({parameter})s * interval '1 second'", {parameter: value.seconds})
    return Computed(f"%({parameter})s", {parameter: json.dumps(value) if isinstance(value, dict | list) else value})


def quoted(*words: str) -> str:
    """Words of the product's own tables as SQL literals. They are no parameters: partial indexes are found by them."""
    return ", ".join(f"'{word}'" for word in words)


def is_source_of(move: Move, status: str = "status") -> str:
    """A condition on the column `status`: the move is allowed from there."""
    return f"{status} IN ({quoted(*sorted(move.sources))})"


def target_of(move: Move) -> str:
    """The status to which the move leads, as a literal."""
    return quoted(move.target)
