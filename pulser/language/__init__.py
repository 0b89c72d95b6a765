"""The plan language: what a plan may say, where it says it wrongly, and what its expressions mean.

Values only: nothing here knows of Django, Celery, Redis, sockets or processes.
"""

from __future__ import annotations

from pulser.language.digest import digest
from pulser.language.expressions import ExpressionError, is_condition_true, is_unconditional, references, render
from pulser.language.loader import CheckResult, load
from pulser.language.params import ParamProblem, check_params, coerce_params
from pulser.language.problems import Problem
from pulser.language.schema import plan_schema

__all__ = [
    "CheckResult",
    "ExpressionError",
    "ParamProblem",
    "Problem",
    "check_params",
    "coerce_params",
    "digest",
    "is_condition_true",
    "is_unconditional",
    "load",
    "plan_schema",
    "references",
    "render",
]
