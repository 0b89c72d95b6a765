"""What every installed verifier keeps to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from pulser.verifiers import registry
from pulser.verifiers.base import StepResult, Verifier

CONFIGS: dict[str, Any] = {"exit_code": 0, "regex": {"pattern": "a+"}}

every_verifier = pytest.mark.parametrize("verifier", registry.installed().values(), ids=registry.installed().keys())


@every_verifier
def test_a_verifier_describes_itself(verifier: Verifier) -> None:
    assert verifier.spec.title
    assert verifier.spec.description.endswith(".")


@every_verifier
def test_its_config_is_checked_by_a_json_schema(verifier: Verifier) -> None:
    Draft202012Validator.check_schema(verifier.spec.config)
    known = Draft202012Validator(verifier.spec.config)

    assert known.is_valid(CONFIGS[verifier.spec.name])
    assert not known.is_valid({"unknown": 1})


@every_verifier
@pytest.mark.parametrize("outputs", [{}, {"stdout": "aaa", "exit_code": 0}, {"stdout": None, "exit_code": "x"}])
def test_it_judges_any_result_with_evidence_that_is_json(
    verifier: Verifier, outputs: dict[str, Any], tmp_path: Path
) -> None:
    verdict = verifier.judge(CONFIGS[verifier.spec.name], result=StepResult(outputs=outputs, workdir=tmp_path))

    assert isinstance(verdict.passed, bool)
    assert verdict.message
    assert json.loads(json.dumps(verdict.evidence)) == verdict.evidence


def test_every_installed_verifier_has_its_row() -> None:
    assert CONFIGS.keys() == registry.installed().keys()


def test_a_name_that_nobody_has_is_told_with_those_that_are_there() -> None:
    with pytest.raises(LookupError, match="no verifier `regexp` is installed; there are exit_code, regex"):
        registry.get("regexp")
