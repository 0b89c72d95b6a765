"""`exit_code`: the step ended with the exit code, or one of those, that the plan names."""

from __future__ import annotations

from typing import Any

from pulser.language.catalogue import VerifierSpec
from pulser.verifiers.base import StepResult, Verdict

_CODE = {"type": "integer", "minimum": 0, "maximum": 255}


class ExitCode:
    """Passes when the exit code is among the expected ones. Evidence: `expected` (list), `actual`."""

    spec = VerifierSpec(
        name="exit_code",
        title="Exit code",
        description="The exit code is the expected one, or one of a list.",
        config={"anyOf": [_CODE, {"type": "array", "items": _CODE, "minItems": 1}]},
        reads=frozenset({"exit_code"}),
    )

    def judge(self, config: Any, *, result: StepResult) -> Verdict:
        expected = config if isinstance(config, list) else [config]
        actual = result.outputs.get("exit_code") if result.exit_code is None else result.exit_code
        wanted = " or ".join(map(str, expected))
        return Verdict(
            passed=actual in expected,
            message=f"exit code {actual}" if actual in expected else f"expected exit code {wanted}, got {actual}",
            evidence={"expected": list(expected), "actual": actual},
        )
