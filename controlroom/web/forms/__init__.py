"""Forms for params, drawn from their JSON Schema. Texts of controls are a flat mapping.

`parts`: which control a piece of the schema asks for. `spelling`: values as texts. `fields`: texts as what is shown,
with their values. `edits`: what the buttons inside a form do. `prefill`: values in addresses. `problems`: what is said
beside. Values come back as they went in: what no control can say exactly is written as JSON.
"""

from controlroom.web.forms.params import ParamsForm, blank_form, filled_form, read_form
from controlroom.web.forms.prefill import params_of, query_of
from controlroom.web.forms.problems import checked, compared, with_problems

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
