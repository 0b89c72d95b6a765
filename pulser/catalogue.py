"""The plan catalogue, Django's side: check a document, keep it as a version, and hand it to the engine compiled."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import transaction

from pulser.engine.graph import Graph, compile_plan
from pulser.language import CheckResult, Problem, digest, load
from pulser.language.document import Plan as Document
from pulser.models import Plan, PlanVersion
from pulser.tools.registry import installed_catalogue

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

GRAPHS_KEPT = 256  # compiled plans per process; a thousand steps take some 2 MB


@dataclass(frozen=True, slots=True)
class SaveResult:
    """What became of a document: its version, whether that is new, or what is wrong with it."""

    version: PlanVersion | None
    created: bool
    problems: tuple[Problem, ...]


def check(source: str) -> CheckResult:
    """The document against the language and the tools that are installed here. Stores nothing."""
    return load(source, catalogue=installed_catalogue())


def save_plan(source: str, *, user: AbstractBaseUser | AnonymousUser | None = None) -> SaveResult:
    """Keep a document as the latest version of the plan that it names.

    The plan is made when it is new. A document that says the same as the latest version makes none, comments and layout
    aside. With problems nothing is stored and `version` is None.
    """
    checked = check(source)
    if checked.plan is None or checked.document is None:
        return SaveResult(version=None, created=False, problems=checked.problems)
    version, created = _keep(checked.plan, source=source, data=checked.document, user=user)
    return SaveResult(version=version, created=created, problems=())


@transaction.atomic
def _keep(
    document: Document, *, source: str, data: dict[str, Any], user: AbstractBaseUser | AnonymousUser | None
) -> tuple[PlanVersion, bool]:
    Plan.objects.get_or_create(slug=document.slug)
    # The plan's row lock makes two authors who save at once number their versions one after the other.
    plan = Plan.objects.select_for_update().get(slug=document.slug)
    latest = plan.latest
    seal = digest(data)
    if latest is not None and latest.digest == seal:
        return latest, False
    version = PlanVersion.objects.create(
        plan=plan,
        number=latest.number + 1 if latest else 1,
        source=source,
        document=data,
        digest=seal,
        created_by_id=user.pk if user else None,
    )
    _make_latest(plan, version=version, document=document)
    return version, True


def _make_latest(plan: Plan, *, version: PlanVersion, document: Document) -> None:
    plan.latest = version
    plan.title = document.title
    plan.description = document.description
    plan.save(update_fields=["latest", "title", "description"])


class IncompatiblePlan(ValueError):
    """A stored document that this release no longer understands."""

    def __init__(self, message: str, *, version_id: int) -> None:
        super().__init__(message)
        self.version_id = version_id


@functools.lru_cache(maxsize=GRAPHS_KEPT)
def compiled_plan(version_id: int) -> Graph:
    """The compiled plan of a version, which never changes. Raises IncompatiblePlan, PlanVersion.DoesNotExist."""
    version = PlanVersion.objects.values_list("document", "number", "plan__slug").get(pk=version_id)
    document, number, slug = version
    try:
        return compile_plan(Document.model_validate(document), version=number)
    except (ValueError, LookupError) as error:
        why = " ".join(f"plan {slug}@{number} can no longer be read: {error}".split())
        raise IncompatiblePlan(why[:500], version_id=version_id) from error
