"""The wire format, text by text: a page of the release before may be sent to this one."""

from __future__ import annotations

from typing import Any

import pytest

from controlroom.web.forms.parts import MISSING, root_part
from controlroom.web.forms.wire import blank, drawn, spelled

TEXT = {"type": "string"}
HOST = {"type": "object", "properties": {"host": {"type": "string", "default": "db"}}, "required": ["host"]}
EITHER = {"oneOf": [{"type": "string"}, HOST]}


def schema_of(name: str, about: Any, *, is_required: bool = True) -> dict[str, Any]:
    return {"type": "object", "properties": {name: about}, "required": [name] if is_required else []}


def sent_texts(texts: dict[str, list[str]]) -> dict[str, list[str]]:
    """Without the params themselves, which are always there."""
    return {name: values for name, values in texts.items() if name != "was:p"}


@pytest.mark.parametrize(
    ("about", "value", "texts"),
    [
        pytest.param(TEXT, " a\nb ", {"p.x": [" a\nb "]}, id="a text is itself"),
        pytest.param({"type": "integer"}, 12, {"p.x": ["12"]}, id="a number is JSON"),
        pytest.param({"type": "number"}, 1.5, {"p.x": ["1.5"]}, id="a fraction is JSON"),
        pytest.param({"type": "boolean"}, True, {"p.x": ["true"]}, id="a ticked box is true"),
        pytest.param({"type": "boolean"}, False, {}, id="a box that is not ticked is not sent"),
        pytest.param({"enum": [1, "1"]}, "1", {"p.x": ['"1"']}, id="a choice is JSON"),
        pytest.param({"const": 7}, 7, {}, id="a constant that is always there is not sent"),
        pytest.param(
            {"type": "array", "items": {"enum": ["a", "b"]}}, ["a", "b"], {"p.x": ['"a"', '"b"']}, id="one each ticked"
        ),
        pytest.param(
            {"type": "array", "items": TEXT},
            ["a", ""],
            {"was:p.x": ["1"], "i:p.x": ["0", "1"], "p.x.0": ["a"], "p.x.1": [""]},
            id="rows of a list",
        ),
        pytest.param(HOST, {"host": "h"}, {"was:p.x": ["1"], "p.x.host": ["h"]}, id="a property of a property"),
        pytest.param(
            {"type": "object", "additionalProperties": TEXT},
            {"LANG": "C"},
            {"was:p.x": ["1"], "i:p.x": ["0"], "p.x.+.0.k": ["LANG"], "p.x.+.0.v": ["C"]},
            id="a further key",
        ),
        pytest.param(
            EITHER,
            {"host": "h"},
            {"how:p.x": ["1"], "was:p.x": ["1"], "was:p.x.~": ["1"], "p.x.~.host": ["h"]},
            id="the second alternative",
        ),
        pytest.param({}, [1], {"p.x": ["[\n  1\n]"]}, id="what has no control is JSON"),
        pytest.param(TEXT, "a\x01", {"how:p.x": ["json"], "p.x": ['"a\\u0001"']}, id="what nobody can type is JSON"),
    ],
)
def test_a_value_has_these_texts_and_they_mean_it(about: Any, value: Any, texts: dict[str, list[str]]) -> None:
    root = root_part(schema_of("x", about))
    assert sent_texts(spelled(root, {"x": value})) == texts
    assert drawn(root, texts).value == {"x": value}


@pytest.mark.parametrize(
    ("about", "value", "texts"),
    [
        pytest.param({"type": "boolean"}, False, {"p.x": ["false"]}, id="a flag that may be left out says no"),
        pytest.param({"const": 7}, 7, {"has:p.x": ["1"]}, id="a constant is there"),
        pytest.param(HOST, {"host": "h"}, {"has:p.x": ["1"], "was:p.x": ["1"], "p.x.host": ["h"]}, id="an object"),
        pytest.param({"type": "array", "items": TEXT}, [], {"has:p.x": ["1"], "was:p.x": ["1"]}, id="an empty list"),
    ],
)
def test_what_may_be_left_out_says_that_it_is_there(about: Any, value: Any, texts: dict[str, list[str]]) -> None:
    root = root_part(schema_of("x", about, is_required=False))
    assert sent_texts(spelled(root, {"x": value})) == texts
    assert drawn(root, texts).value == {"x": value}
    assert drawn(root, {}).value == {}


@pytest.mark.parametrize(
    ("name", "control"),
    [("a.b", "p.a%2Eb"), ("~", "p.%7E"), ("a b", "p.a%20b"), ("a/b", "p.a%2Fb"), ("a_b-c", "p.a_b-c"), ("%", "p.%25")],
)
def test_a_name_has_no_sign_that_divides_names(name: str, control: str) -> None:
    assert sent_texts(spelled(root_part(schema_of(name, TEXT)), {name: "v"})) == {control: ["v"]}


def test_rows_keep_their_numbers_when_their_order_changes() -> None:
    root = root_part(schema_of("x", {"type": "array", "items": TEXT}))
    texts = {"i:p.x": ["7", "0"], "p.x.0": ["a"], "p.x.7": ["b"], "p.x.3": ["gone"]}
    assert drawn(root, texts).value == {"x": ["b", "a"]}


@pytest.mark.parametrize(
    ("about", "texts", "value"),
    [
        pytest.param(HOST, {"has:p.x": ["1"]}, {"host": "db"}, id="an object that was closed"),
        pytest.param(HOST, {"has:p.x": ["1"], "was:p.x": ["1"]}, {}, id="an object whose text was deleted"),
        pytest.param(EITHER, {"how:p.x": ["1"], "was:p.x": ["0"]}, {"host": "db"}, id="another alternative"),
        pytest.param(EITHER, {"how:p.x": ["1"], "was:p.x": ["1"]}, {}, id="the same alternative"),
    ],
)
def test_only_what_was_just_asked_for_begins_with_its_defaults(about: Any, texts: dict[str, Any], value: Any) -> None:
    root = root_part(schema_of("x", about, is_required=False))
    assert drawn(root, texts).value == {"x": value}


def test_what_is_written_as_json_is_read_as_json_whatever_its_control() -> None:
    root = root_part(schema_of("x", TEXT))
    assert drawn(root, {"how:p.x": ["json"], "p.x": ['"a"']}).value == {"x": "a"}
    assert drawn(root, {"how:p": ["json"], "p": ['{"x": "a"}']}).value == {"x": "a"}


def test_no_value_has_no_text() -> None:
    assert spelled(root_part(schema_of("x", TEXT)), MISSING) == {}
    assert sent_texts(blank(root_part(schema_of("x", TEXT)))) == {}
