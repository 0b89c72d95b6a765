from __future__ import annotations

from typing import Any

import pytest
from django.template.loader import render_to_string
from hypothesis import given
from hypothesis import strategies as st

from controlroom.web.templatetags.trees import PAGE, TREE_CHARS, tree


def lines_of(value: Any) -> list[tuple[str, str, str, str]]:
    return [(line.what, line.name, line.kind, line.text) for line in tree(value, "t")["lines"]]


def shown(value: Any) -> str:
    return render_to_string("runs/_tree.html", tree(value, "t"))


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        ("yes", "string", "yes"),
        ("", "string", ""),
        (True, "boolean", "true"),
        (0, "integer", "0"),
        (0.5, "number", "0.5"),
        (None, "null", "null"),
        ([], "array, 0 items", "[]"),
        ({}, "object, 0 keys", "{}"),
    ],
)
def test_each_type_is_told_by_its_word(value: Any, kind: str, text: str) -> None:
    assert lines_of({"key": value}) == [("leaf", "key", kind, text)]


def test_a_branch_opens_and_closes_around_its_entries() -> None:
    assert lines_of({"a": {"b": [1]}}) == [
        ("open", "a", "object, 1 key", ""),
        ("open", "b", "array, 1 item", ""),
        ("leaf", "0", "integer", "1"),
        ("close", "", "", ""),
        ("close", "", "", ""),
    ]


def test_a_value_that_is_no_object_stands_alone() -> None:
    assert lines_of("hello") == [("leaf", "", "string", "hello")]


def test_a_long_text_is_cut_and_can_be_shown_whole() -> None:
    html = shown({"text": "x" * 1000})
    assert "show all, 680 characters more" in html
    assert html.count("x" * 320) == 6  # 320 and 680 of it in the tree, all of it to be copied


def test_a_text_of_many_lines_is_cut_too() -> None:
    (line,) = tree({"text": "line\n" * 40}, "t")["lines"]
    assert line.text == "line\n" * 5 + "line"


def test_a_line_break_at_the_end_is_marked() -> None:
    assert lines_of({"said": "hello\n"}) == [("leaf", "said", "string", "hello↵")]


def test_a_long_array_comes_in_portions() -> None:
    portions = [line for line in lines_of(list(range(250))) if line[0] == "portion"]
    assert [name for _, name, _, _ in portions] == [f"{PAGE} to 199", "200 to 249"]


def test_a_large_value_is_shown_from_its_beginning() -> None:
    found = lines_of({f"key-{number}": "x" * 300 for number in range(10_000)})
    assert found[-1][0] == "rest"
    assert sum(len(name) + len(text) for _, name, _, text in found) < TREE_CHARS + 1_000
    assert "the API has the full value" in shown({"text": "x" * 200_000})


def test_only_what_is_shown_whole_can_be_copied() -> None:
    assert "data-copies" in shown({"a": 1})
    assert "data-copies" not in shown({"a": "x" * 200_000})


def test_keys_and_values_cannot_become_markup() -> None:
    assert "<img" not in shown({"<img src=x>": ["<img src=x>"]})


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=400),
    lambda inner: st.lists(inner, max_size=8) | st.dictionaries(st.text(max_size=20), inner, max_size=8),
    max_leaves=40,
)


@given(json_values)
def test_whatever_opens_is_closed(value: Any) -> None:
    depth = 0
    for what, *_ in lines_of(value):
        depth += {"open": 1, "portion": 1, "close": -1}.get(what, 0)
        assert depth >= 0
    assert depth == 0
