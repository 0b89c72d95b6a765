"""`regex`: an output of the step matches a pattern, or with `absent: true` does not."""

from __future__ import annotations

import difflib
import json
from typing import Any

from pulser.language.catalogue import VerifierSpec
from pulser.language.limits import PATTERN_CHARS, STREAM_TAIL_BYTES
from pulser.verifiers.base import StepResult, Verdict
from pulser.verifiers.matching import RegexMatch, search
from pulser.verifiers.regex_process import MatchError

_CONFIG = {
    "type": "object",
    "additionalProperties": False,
    "required": ["pattern"],
    "properties": {
        "in": {"type": "string", "minLength": 1, "default": "stdout", "description": "An output of the step."},
        "pattern": {"type": "string", "minLength": 1, "maxLength": PATTERN_CHARS, "format": "regex"},
        "absent": {"type": "boolean", "default": False, "description": "The pattern must not match."},
    },
}


class Regex:
    """Searches the last 64 Ki characters of an output with Python's `re`; what is not text is searched as JSON.

    Evidence: `in`, `pattern`, `absent`, and `match` with `offset` (characters from the start of the output) and `text`
    (at most 500 characters), or null.
    """

    spec = VerifierSpec(
        name="regex",
        title="Pattern",
        description="An output matches, or does not match, a regular expression.",
        config=_CONFIG,
    )

    def judge(self, config: Any, *, result: StepResult) -> Verdict:
        name, pattern, absent = config.get("in", "stdout"), config["pattern"], config.get("absent", False)
        evidence: dict[str, Any] = {"in": name, "pattern": pattern, "absent": absent, "match": None}
        if name not in result.outputs:
            return Verdict(passed=False, message=_missing(name, result=result), evidence=evidence)
        text = _text(result.outputs[name])
        skipped = max(0, len(text) - STREAM_TAIL_BYTES)
        try:
            match = search(pattern, text=text[skipped:])
        except MatchError as error:
            return Verdict(passed=False, message=f"`{pattern}`: {error}", evidence=evidence)
        if match is not None:
            evidence["match"] = {"offset": skipped + match.offset, "text": match.text}
        return _verdict(match, evidence=evidence)


def _verdict(match: RegexMatch | None, *, evidence: dict[str, Any]) -> Verdict:
    place = f"`{evidence['pattern']}` in {evidence['in']}"
    found = "not found" if match is None else f"found at {evidence['match']['offset']}"
    passed = (match is None) == evidence["absent"]
    expected = "" if passed else ", expected not to be" if evidence["absent"] else ", expected to be"
    return Verdict(passed=passed, message=f"{place}: {found}{expected}", evidence=evidence)


def _missing(name: str, *, result: StepResult) -> str:
    near = difflib.get_close_matches(name, result.outputs, n=1)
    hint = f"did you mean `{near[0]}`?" if near else f"it has {', '.join(sorted(result.outputs)) or 'none'}"
    return f"the step has no output `{name}`; {hint}"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
