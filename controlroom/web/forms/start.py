"""The form that starts a run: the params, and what else may be wished for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from django.http import QueryDict

from controlroom.web.forms.params import ParamsForm, blank_form, filled_form, read_form
from controlroom.web.forms.parts import Schema
from controlroom.web.forms.prefill import params_of
from pulser.language.positions import read
from pulser.models import PlanVersion
from runs.models.choices import ENVIRONMENTS

WISHES = ("title", "lane", "session", "environment")


@dataclass(frozen=True, slots=True)
class StartForm:
    """What the start page shows. `wishes`: title, lane (its name), session (its id), environment; `errors` of these."""

    params: ParamsForm
    wishes: Mapping[str, str]
    errors: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    @property
    def summary(self) -> list[tuple[str, str, str]]:
        """Everything that is wrong, in order: where it stands on the page, what that is called, and the reason."""
        fields = [(each.name, each.part.label, each.error) for each in self.params.wrong]
        wishes = [(f"run-{name}", name.capitalize(), message) for name, message in self.errors.items()]
        return [("", "", message) for message in (*self.problems, *self.params.problems)] + fields + wishes

    def refused(self, problems: Iterable[Mapping[str, str]]) -> StartForm:
        """With what the start itself found wrong."""
        found = list(problems)
        errors = {each["path"]: each["message"] for each in found if each["path"] in WISHES}
        others = tuple(each["message"] for each in found if each["path"] not in WISHES)
        return replace(self, errors={**self.errors, **errors}, problems=(*self.problems, *others))


def schema_of(version: PlanVersion) -> Schema:
    """Of its params, read from the source: it keeps the order in which the author wrote them, stored JSON does not."""
    document = read(version.source).document
    schema = document.get("params") if isinstance(document, Mapping) else None
    return schema if isinstance(schema, Mapping) else {"type": "object", "properties": {}}


def offered(version: PlanVersion, query: QueryDict, *, session: str) -> StartForm:
    """The form as the address fills it in: with `p.NAME`, `params`, `title`, `lane`, `session`, `environment`."""
    schema = schema_of(version)
    params, notes = params_of(schema, dict(query.lists()))
    form = filled_form(schema, params) if params else blank_form(schema)
    wishes = {"session": session, "environment": _environment(version)} | _wishes(query)
    return StartForm(form, wishes, problems=tuple(notes))


def sent(version: PlanVersion, posted: QueryDict, *, command: str = "") -> StartForm:
    return StartForm(read_form(schema_of(version), posted, command=command), _wishes(posted))


def _wishes(data: QueryDict) -> dict[str, str]:
    return {name: str(data[name]).replace("\0", "").strip() for name in WISHES if name in data}


def _environment(version: PlanVersion) -> str:
    return next(iter(environments_of(version)), "dev")


def environments_of(version: PlanVersion) -> list[str]:
    """Where a run of this version may act."""
    named = version.document.get("environments") or ()
    return [name for name, _ in ENVIRONMENTS if not named or name in named]
