"""Expressions in plans: `{{ steps.clone.outputs.commit }}`. Jinja2 parses them, nothing else of it is used.

Our own evaluator walks a whitelist of nodes. Fields are looked up as keys and never as attributes, every value that is
made has a bound, and nothing an expression can say has a side effect.
"""

from __future__ import annotations

from pulser.language.expressions.errors import ExpressionError
from pulser.language.expressions.grammar import Expression, parse_condition, parse_template
from pulser.language.expressions.references import is_unconditional, references
from pulser.language.expressions.render import is_condition_true, render

__all__ = [
    "Expression",
    "ExpressionError",
    "is_condition_true",
    "is_unconditional",
    "parse_condition",
    "parse_template",
    "references",
    "render",
]
