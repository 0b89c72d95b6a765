"""Schemas as plans write them, each with a value that fits."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

Drawn = tuple[dict[str, Any], Any]

NAMES = st.sampled_from(["repo", "depth", "a.b", "größe", "x y", "~", "+", "0", 'q"<', "Has:it", "%41"])
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
LINES = st.sampled_from(["", " ", "a\nb", "a\r\nb", "\n", "\na", "<b>&amp;", "&lt;", "\x1b[0m", "5", "true", " x "])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.just(1.5) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)


@st.composite
def scalars(draw: st.DrawFn) -> Drawn:
    kind = draw(st.sampled_from(["string", "string", "integer", "number", "boolean", "null", "enum", "const"]))
    if kind in ("enum", "const"):
        choices = draw(
            st.lists(st.none() | st.booleans() | st.integers() | TEXT, min_size=1, max_size=7, unique_by=repr)
        )
        value = draw(st.sampled_from(choices))
        return ({"const": value}, value) if kind == "const" else ({"enum": choices}, value)
    values: dict[str, st.SearchStrategy[Any]] = {
        "string": TEXT | LINES,
        "integer": st.integers() | st.integers(10**30, 10**40) | st.just(3.0),
        "number": st.floats(allow_nan=False, allow_infinity=False) | st.integers(),
        "boolean": st.booleans(),
        "null": st.none(),
    }
    more: dict[str, Any] = (
        draw(st.sampled_from([{}, {}, {"maxLength": 500}, {"writeOnly": True}])) if kind == "string" else {}
    )
    return {"type": kind, **more}, draw(values[kind])


@st.composite
def lists(draw: st.DrawFn, inner: st.SearchStrategy[Drawn]) -> Drawn:
    if draw(st.booleans()):
        choices = ["a", "b", 1, None, True]
        return {"type": "array", "items": {"enum": choices}}, draw(st.lists(st.sampled_from(choices), max_size=4))
    schema, value = draw(inner)
    return {"type": "array", "items": schema}, [value] * draw(st.integers(0, 3))


@st.composite
def tuples(draw: st.DrawFn, inner: st.SearchStrategy[Drawn]) -> Drawn:
    first, second = draw(inner), draw(inner)
    return {"type": "array", "prefixItems": [first[0], second[0]]}, [first[1], second[1]]


@st.composite
def objects(draw: st.DrawFn, inner: st.SearchStrategy[Drawn]) -> Drawn:
    properties: dict[str, Any] = {}
    value: dict[str, Any] = {}
    required = []
    for name in draw(st.lists(NAMES, max_size=4, unique=True)):
        schema, part = draw(inner)
        if draw(st.booleans()):
            schema = schema | {"default": draw(inner.map(lambda _, part=part: part))}
        properties[name] = schema
        if draw(st.booleans()):
            value[name] = part
        if name in value and draw(st.booleans()):
            required.append(name)
    found = {"type": "object", "properties": properties, "required": required}
    if draw(st.booleans()):
        schema, part = draw(inner)
        value |= {key: part for key in draw(st.lists(TEXT, max_size=2)) if key not in properties}
        found |= {"additionalProperties": schema}
    return found, value


@st.composite
def alternatives(draw: st.DrawFn, inner: st.SearchStrategy[Drawn]) -> Drawn:
    both = [draw(inner), draw(inner)]
    schema, value = {"anyOf": [each[0] for each in both]}, draw(st.sampled_from(both))[1]
    if draw(st.booleans()):
        return {"type": ["string", "null", "integer"]}, draw(TEXT | st.none() | st.integers())
    return schema, value


ANYTHING: st.SearchStrategy[Drawn] = st.tuples(st.sampled_from([{}, {"type": "object"}, {"title": "x"}]), JSON).map(
    lambda pair: (pair[0], {} if pair[0].get("type") else pair[1])
)
SCHEMAS: st.SearchStrategy[Drawn] = st.recursive(
    scalars() | ANYTHING,
    lambda inner: lists(inner) | tuples(inner) | objects(inner) | alternatives(inner),
    max_leaves=8,
)
PARAMS = objects(SCHEMAS)
