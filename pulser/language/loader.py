"""From the text of a plan to a plan that is right, or to all that is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pulser.language.catalogue import Catalogue
from pulser.language.checks import check
from pulser.language.document import Plan
from pulser.language.limits import PLAN_PROBLEMS
from pulser.language.parse_plan import shape
from pulser.language.patterns import time_budget
from pulser.language.problems import Problem
from pulser.language.read_document import read


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The answer of the checker. There is a plan exactly when there are no problems.

    `document` is the plain value that was read, also of a plan with problems; None when the text could not be read.
    """

    plan: Plan | None
    problems: tuple[Problem, ...]
    document: dict[str, Any] | None


@time_budget()
def load(text: str, *, catalogue: Catalogue) -> CheckResult:
    """Reads and checks a plan, in YAML or JSON. Never raises: the problems are sorted by their place, at most 100."""
    source = read(text)
    if source.root is None:
        return CheckResult(None, _sorted(source.problems), None)
    shaped = shape(source)
    check(source, shaped, catalogue=catalogue)
    problems = _sorted(source.problems)
    return CheckResult(None if problems else shaped.plan, problems, source.document)


def _sorted(problems: list[Problem]) -> tuple[Problem, ...]:
    return tuple(sorted(set(problems))[:PLAN_PROBLEMS])
