"""What the buttons inside a form do: rows come, go and change places, and the whole is written as JSON or as a form."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from controlroom.web.forms.fields import Field, drawn
from controlroom.web.forms.parts import MISSING, ROOT_NAME, Kind, Part
from controlroom.web.forms.spelling import HAS, ROWS, WAS, Texts, as_json, blank, spelled

ROWS_MAX = 200


def edited(root: Part, texts: Texts, *, command: str) -> tuple[Texts, str]:
    """The texts after a button, and the control that the cursor goes to. What no button says changes nothing."""
    word, _, name = command.partition(" ")
    if word in ("json", "form"):
        return _rewritten(root, texts, as_form=word == "form"), ROOT_NAME
    if word == "add":
        return _added(root, texts, name)
    if word in _MOVES:
        return _moved(texts, name, move=_MOVES[word])
    return texts, name


def _added(root: Part, texts: Texts, name: str) -> tuple[Texts, str]:
    """One more row, of a list or, with `+` behind its name, of the further keys of an object."""
    owner = name.removesuffix(".+")
    field = next((each for each in drawn(root, texts).parts_below if each.name == owner), None)
    if field is None or field.kind not in (Kind.LIST, Kind.OBJECT):
        return texts, name
    rows = texts.get(ROWS + owner, []) if field.is_set else []
    if len(rows) >= ROWS_MAX:
        return texts, name
    number = str(max((int(row) for row in rows if row.isascii() and row.isdigit() and len(row) < 9), default=-1) + 1)
    is_list = field.kind is Kind.LIST
    part = field.part.item(len(rows), key=number) if is_list else field.part.row(number, key="")
    opened = texts if field.is_set else _cleared(texts, owner) | {HAS + owner: ["1"]}
    added = opened | {WAS + owner: ["1"], ROWS + owner: [*rows, number]} | blank(part)
    return added, part.name if is_list else part.name.removesuffix(".v") + ".k"


def _cleared(texts: Texts, owner: str) -> Texts:
    return {name: values for name, values in texts.items() if name != ROWS + owner}


def _moved(texts: Texts, name: str, *, move: Callable[[list[str], int], list[str]]) -> tuple[Texts, str]:
    """A row by the name of its control goes, or changes places with a neighbour."""
    owner, _, number = name.rpartition(".")
    owner = owner.removesuffix(".+")
    rows = texts.get(ROWS + owner, [])
    if number not in rows:
        return texts, name
    return texts | {ROWS + owner: move(list(rows), rows.index(number))}, name


def _without(rows: list[str], place: int) -> list[str]:
    return rows[:place] + rows[place + 1 :]


def _earlier(rows: list[str], place: int) -> list[str]:
    return _swapped(rows, place - 1) if place else rows


def _later(rows: list[str], place: int) -> list[str]:
    return _swapped(rows, place) if place + 1 < len(rows) else rows


def _swapped(rows: list[str], place: int) -> list[str]:
    return [*rows[:place], rows[place + 1], rows[place], *rows[place + 2 :]]


_MOVES: Mapping[str, Callable[[list[str], int], list[str]]] = {"remove": _without, "up": _earlier, "down": _later}


def _rewritten(root: Part, texts: Texts, *, as_form: bool) -> Texts:
    field: Field = drawn(root, texts)
    if field.value is MISSING or any(each.error for each in field.parts_below):
        return texts
    return spelled(root, field.value) if as_form else as_json(root, field.value)
