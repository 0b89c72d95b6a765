from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pulser.verifiers.base import StepResult
from pulser.verifiers.exit_code import ExitCode


@pytest.mark.parametrize(
    ("config", "actual", "passed", "message"),
    [
        pytest.param(0, 0, True, "exit code 0", id="the one expected"),
        pytest.param(3, 3, True, "exit code 3", id="a failure that is right"),
        pytest.param([0, 2], 2, True, "exit code 2", id="one of several"),
        pytest.param(0, 1, False, "expected exit code 0, got 1", id="another"),
        pytest.param([0, 2], 1, False, "expected exit code 0 or 2, got 1", id="none of several"),
        pytest.param(0, None, False, "expected exit code 0, got None", id="no exit code at all"),
    ],
)
def test_the_exit_code_is_compared(tmp_path: Path, config: Any, actual: int | None, passed: bool, message: str) -> None:
    verdict = ExitCode().judge(config, result=StepResult(outputs={}, workdir=tmp_path, exit_code=actual))

    assert (verdict.passed, verdict.message) == (passed, message)


def test_the_evidence_has_what_was_expected_and_found(tmp_path: Path) -> None:
    verdict = ExitCode().judge(0, result=StepResult(outputs={"exit_code": 1}, workdir=tmp_path))

    assert verdict.evidence == {"expected": [0], "actual": 1}
