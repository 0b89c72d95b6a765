"""The verifiers that are installed: the built-in ones, and those of other packages (group `controlroom.verifiers`)."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from types import MappingProxyType

from jsonschema import Draft202012Validator

from pulser import plugins
from pulser.language.catalogue import VerifierSpec
from pulser.verifiers.base import Verifier
from pulser.verifiers.exit_code import ExitCode
from pulser.verifiers.regex import Regex

GROUP = "controlroom.verifiers"
BUILT_IN: tuple[Verifier, ...] = (ExitCode(), Regex())


@functools.cache
def installed() -> Mapping[str, Verifier]:
    """Name -> verifier, the built-in ones first. Read once per process."""
    verifiers = {verifier.spec.name: verifier for verifier in BUILT_IN}
    return MappingProxyType(verifiers | plugins.load(GROUP, check=_checked_name, taken=verifiers))


def get(name: str) -> Verifier:
    """The verifier of that name. Raises LookupError that names those which are installed."""
    try:
        return installed()[name]
    except KeyError:
        raise LookupError(f"no verifier `{name}` is installed; there are {', '.join(installed())}") from None


def _checked_name(verifier: Verifier) -> str:
    spec = verifier.spec
    if not isinstance(spec, VerifierSpec) or not callable(verifier.judge):
        raise TypeError("expected an object with `spec` (a VerifierSpec) and `judge`")
    Draft202012Validator.check_schema(spec.config)
    return spec.name
