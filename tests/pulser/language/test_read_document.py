"""Reading: which value stands where, and what is no document at all."""

from __future__ import annotations

from typing import Any

import pytest

from pulser.language.problems import path_text
from pulser.language.read_document import read

SCALARS = [  # what is written, what it means, why
    ("yes", "yes", "only true and false are booleans"),
    ("on", "on", "a key or value `on` is a word"),
    ("true", True, "a boolean"),
    ("False", False, "capitals are allowed"),
    ("~", None, "null"),
    ("", None, "nothing is null"),
    ("2026-01-31", "2026-01-31", "a date is text"),
    ("12:30:45", "12:30:45", "no numbers to the base of sixty"),
    ("010", 10, "a leading zero does not make it octal"),
    ("0o17", 15, "octal"),
    ("0x1F", 31, "hexadecimal"),
    ("1_000", "1_000", "no underscores"),
    ("-3", -3, "a whole number"),
    ("1.5", 1.5, "a fraction"),
    ("1e3", 1000.0, "an exponent"),
    (".5", 0.5, "a fraction without a zero"),
    ("1.2.3", "1.2.3", "a version is text"),
    ("-", None, "an empty entry of a list"),
    ("'12'", "12", "quotes make it text"),
    ('"true"', "true", "of either kind"),
]


@pytest.mark.parametrize(("written", "value", "why"), [row for row in SCALARS if row[0] != "-"])
def test_scalars_follow_the_core_schema(written: str, value: Any, why: str) -> None:
    assert read(f"a: {written}").document == {"a": value}, why


def test_keys_are_always_text() -> None:
    assert read("on: 1\n200: 2\ntrue: 3").document == {"on": 1, "200": 2, "true": 3}


REFUSED = [  # the text, where, the important words
    ("a: 1\nb: 2\na: 3", "3:1 a: ", "`a` is a duplicate key; the first is in line 1"),
    ('{"a": 1,\n "a": 2}', "2:2 a: ", "duplicate key"),
    ("a: !!python/object:os.system x", "1:4 a: ", "tags (`tag:yaml.org,2002:python/object:os.system`) are not allowed"),
    ("a: !x y", "1:4 a: ", "tags"),
    ("--- {a: 1}\n--- {b: 2}", "2:1 ", "expected one document"),
    ("   \n\n", "1:1 ", "the document is empty"),
    ("# nothing", "1:1 ", "expected a plan"),
    ("[1, 2]", "1:1 ", "a mapping"),
    ("just text", "1:1 ", "a mapping"),
    ("a:\n\tb: 1", "2:1 ", "indent with spaces"),
    ("a: b: c", "1:5 ", "in quotes"),
    ("a: {{ params.x }}", "1:4 ", 'needs quotes: write "{{ ... }}"'),
    ("? [a, b]\n: 1", "1:3 ", "expected a string as key"),
    ("a: [1, 2", "1:9 ", "not YAML"),
    ("a: \x07", "1:4 ", "U+0007"),
    ("a: \ud800", "1:4 ", "U+D800"),
    ('a: "x\\0"', "1:4 a: ", "U+0000 cannot be stored"),
    ('{"a": "\\ud800"}', "1:7 a: ", "U+D800 cannot be stored"),
    ("a: 99999999999999999999", "1:4 a: ", "64 bits"),
    ("a: .inf", "1:4 a: ", "finite"),
    ("a: 1e999", "1:4 a: ", "finite"),
    ("a: &x [1, *x]", "1:11 ", "refers to itself"),
    ("a: *x", "1:4 ", "unknown anchor"),
    ("a: " + "[" * 101 + "]" * 101, "1:103 ", "100 levels"),
]


@pytest.mark.parametrize(("text", "place", "words"), REFUSED)
def test_what_is_no_document_is_refused_at_its_place(text: str, place: str, words: str) -> None:
    (problem,) = map(str, read(text).problems)

    assert problem.startswith(place)
    assert words in problem


def test_an_alias_means_what_it_names() -> None:
    assert read("a: &x {b: 1}\nc: *x").document == {"a": {"b": 1}, "c": {"b": 1}}


def test_aliases_of_aliases_cannot_grow_without_bound() -> None:
    levels = "".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]\n" for n in range(1, 20))

    (problem,) = read("l0: &l0 [x, x]\n" + levels).problems

    assert "more than 100,000 values" in problem.message


def test_aliases_of_a_long_text_cannot_grow_without_bound() -> None:
    (problem,) = read(f"a: &a {'x' * 100_000}\nb: [{', '.join(['*a'] * 100)}]").problems

    assert "with its aliases expanded" in problem.message


def test_a_chain_of_aliases_counts_as_depth() -> None:
    chain = "".join(f"l{n}: &l{n} [*l{n - 1}]\n" for n in range(1, 150))

    (problem,) = read("l0: &l0 [x]\n" + chain).problems

    assert "100 levels" in problem.message


EXPRESSIONS = [  # the document, which expression of `a`, its place
    ("a: x {{ b }}", 0, (1, 6)),
    ("a: {b: 1}\n", 0, (1, 4)),
    ('a: "é {{ b }} and {{ c }}"', 1, (1, 19)),
    ("a: |\n  first\n   {{ b }}\n  {{ c }}", 0, (3, 4)),
    ("a: |\n  first\n   {{ b }}\n  {{ c }}", 1, (4, 3)),
    ("a: >-\n  one\n  {{ b }}", 0, (3, 3)),
    ("a: one\n  two {{ b }}", 0, (2, 7)),
    ("a: \"{{ '{{' }} {{ c }}\"", 1, (1, 16)),
    ('{"a": "\\u00e9 {{ b }}"}', 0, (1, 15)),
]


@pytest.mark.parametrize(("text", "ordinal", "place"), EXPRESSIONS)
def test_an_expression_is_found_inside_its_text(text: str, ordinal: int, place: tuple[int, int]) -> None:
    source = read(text)

    source.add_at_expression(("a",), "here", ordinal=ordinal)

    assert [(problem.line, problem.column) for problem in source.problems] == [place]


def test_a_path_shows_odd_keys_in_brackets() -> None:
    assert path_text(("steps", 2, "with", "headers", "X Y")) == 'steps[2].with.headers["X Y"]'
