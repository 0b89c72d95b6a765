"""Forms for params, drawn from their JSON Schema. Texts of controls are a flat mapping.

`parts`: which control a piece of the schema asks for. `fields`: what is shown for it. `wire`: values as texts and
texts as values, with the names that browsers send. `params`: the form as a whole, its buttons, and what is said at its
fields. `start`: the form that starts a run, and the addresses that fill it in.
"""

from controlroom.web.forms.params import (
    ParamsForm,
    blank_form,
    checked,
    compared,
    filled_form,
    read_form,
    with_problems,
)
from controlroom.web.forms.start import params_of, query_of

__all__ = [
    "ParamsForm",
    "blank_form",
    "checked",
    "compared",
    "filled_form",
    "params_of",
    "query_of",
    "read_form",
    "with_problems",
]
