"""The verifiers of a step: known, rightly configured, and able to see what they judge."""

from __future__ import annotations

from typing import Any

from pulser.language.catalogue import VerifierSpec
from pulser.language.checks.arguments import add_mismatch
from pulser.language.checks.outline import Outline, StepPlace, outputs_type
from pulser.language.checks.templates import with_placeholders
from pulser.language.names import did_you_mean, format_value, one_of, wrong_kind
from pulser.language.patterns import check_pattern
from pulser.language.problems import Path
from pulser.language.schema_validation import mismatches
from pulser.language.types import NoField, field

REQUIRED = "required"


def check_verify(plan: Outline, place: StepPlace) -> None:
    """Each entry names one verifier, and may say `required: false`."""
    for index, entry in enumerate(place.step.verify):
        path = (*place.path, "verify", index)
        required = entry.get(REQUIRED, True)
        if not isinstance(required, bool):
            plan.source.add_at_value((*path, REQUIRED), wrong_kind({"boolean"}, required))
        names = [name for name in entry if name != REQUIRED]
        if len(names) != 1:
            got = one_of(f"`{name}`" for name in names)
            plan.source.add_at_value(path, f"expected one verifier in each entry, got {got}")
        for name in names:
            _check_verifier(plan, place, name=name, config=entry[name], path=(*path, name))


def _check_verifier(plan: Outline, place: StepPlace, *, name: str, config: Any, path: Path) -> None:
    checked = with_placeholders(plan.source, config, path=path, names=plan.names_for(place))
    spec = plan.verifiers.get(name)
    if spec is None:
        hint = did_you_mean(name, [*plan.verifiers, REQUIRED]) or f"; there are {one_of(sorted(plan.verifiers))}"
        plan.source.add_at_key(path, f"unknown verifier `{name[:100]}`{hint}")
        return
    found = mismatches(checked, spec.config)
    for mismatch in found:
        add_mismatch(plan.source, mismatch, path=path)
    _check_reads(plan, place, spec=spec, path=path)
    if name == "regex" and isinstance(checked, dict) and not found:
        _check_regex(plan, place, config=checked, path=path)


def _check_reads(plan: Outline, place: StepPlace, *, spec: VerifierSpec, path: Path) -> None:
    for output in sorted(spec.reads):
        if not _has_output(place, output):
            message = f"`{spec.name}` checks the output `{output}`, which `{place.step.uses}` does not have"
            plan.source.add_at_key(path, message)


def _has_output(place: StepPlace, output: str) -> bool:
    try:
        field(outputs_type(place), output)
    except NoField:
        return False
    return True


def _check_regex(plan: Outline, place: StepPlace, *, config: dict[str, Any], path: Path) -> None:
    output = config.get("in", "stdout")
    if isinstance(output, str) and not _has_output(place, output):
        known = outputs_type(place).get("properties", {})
        hint = did_you_mean(output, known) or (f"; there are {one_of(known)}" if known else "")
        message = f"`{place.step.uses}` has no output {format_value(output)}{hint}"
        plan.source.add_at_value((*path, "in"), message)
    try:
        check_pattern(str(config.get("pattern", "")))
    except ValueError as error:
        plan.source.add_at_value((*path, "pattern"), f"not a regular expression: {error}")
