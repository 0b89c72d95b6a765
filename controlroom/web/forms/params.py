"""A form for the params of a plan: blank, filled with params, or as it was sent back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from controlroom.web.forms.edits import edited
from controlroom.web.forms.fields import Field, drawn
from controlroom.web.forms.parts import MISSING, ROOT_NAME, Kind, Schema, root_part
from controlroom.web.forms.spelling import AS_JSON, HOW, Texts, as_json, blank, spelled
from pulser.language.params import check_params

CONTROLS_MAX = 400  # more than a page can show, or a server takes: the whole is written as JSON


class Posted(Protocol):
    """What a browser sent: Django's QueryDict."""

    def lists(self) -> Any: ...


@dataclass(frozen=True, slots=True)
class ParamsForm:
    """The params as one field, what is wrong with them apart from single fields, and where the cursor goes."""

    schema: Schema
    root: Field
    problems: tuple[str, ...] = ()
    focus: str = ""

    @property
    def params(self) -> dict[str, Any]:
        """What the fields mean; those with an error are left out."""
        return dict(self.root.value) if isinstance(self.root.value, Mapping) else {}

    @property
    def is_sound(self) -> bool:
        return not self.problems and not self.wrong

    @property
    def wrong(self) -> list[Field]:
        """The fields with an error, in their order."""
        return [field for field in self.fields if field.error]

    @property
    def fields(self) -> Iterator[Field]:
        return self.root.parts_below

    @property
    def is_json(self) -> bool:
        return self.root.kind is Kind.JSON

    @property
    def can_be_drawn(self) -> bool:
        """Whether there is another way to write it than JSON."""
        return self.root.part.kind is not Kind.JSON

    @property
    def is_empty(self) -> bool:
        return not self.is_json and not self.root.members and not self.root.part.takes_other_keys


def blank_form(schema: Schema) -> ParamsForm:
    """With the schema's defaults in it."""
    return _drawn(schema, blank(root_part(schema)))


def filled_form(schema: Schema, params: Mapping[str, Any]) -> ParamsForm:
    """With these params in it, exactly; what they leave out has its default."""
    complete, _ = check_params(schema, params)
    return _drawn(schema, spelled(root_part(schema), complete))


def read_form(schema: Schema, posted: Posted, *, command: str = "") -> ParamsForm:
    """As it was sent back, and after the button that was pressed inside it."""
    texts: Texts = {name: list(values) for name, values in posted.lists() if _is_ours(name)}
    root = root_part(schema)
    if command:
        texts, focus = edited(root, texts, command=command)
        return replace(_drawn(schema, texts), focus=focus)
    form = _drawn(schema, texts)
    if not isinstance(form.root.value, Mapping) and not form.root.error:
        message = "expected an object: { ... }"
        return replace(form, root=replace(form.root, error=message))
    return form


def _is_ours(name: str) -> bool:
    return name.rpartition(":")[2].partition(".")[0] == ROOT_NAME


def _drawn(schema: Schema, texts: Texts) -> ParamsForm:
    part = root_part(schema)
    field = drawn(part, texts)
    is_large = texts.get(HOW + ROOT_NAME) != [AS_JSON] and sum(1 for _ in field.parts_below) > CONTROLS_MAX
    if is_large and field.value is not MISSING:
        field = drawn(part, as_json(part, field.value))
    return ParamsForm(schema, field)
