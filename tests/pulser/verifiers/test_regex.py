from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from pulser.language.limits import STREAM_TAIL_BYTES
from pulser.verifiers import matching
from pulser.verifiers.base import StepResult, Verdict
from pulser.verifiers.regex import Regex


def judge(tmp_path: Path, pattern: str, *, outputs: dict[str, Any], **config: Any) -> Verdict:
    return Regex().judge({"pattern": pattern, **config}, result=StepResult(outputs=outputs, workdir=tmp_path))


@pytest.mark.parametrize(
    ("pattern", "outputs", "config", "message"),
    [
        pytest.param(
            r"\d+ passed", {"stdout": "3 passed"}, {}, r"`\d+ passed` in stdout: found at 0", id="in stdout by default"
        ),
        pytest.param(
            "warn", {"stderr": "a warning"}, {"in": "stderr"}, "`warn` in stderr: found at 2", id="in another"
        ),
        pytest.param("Error", {"stdout": "fine"}, {"absent": True}, "`Error` in stdout: not found", id="absent"),
        pytest.param(r"\[1, 2\]", {"rows": [1, 2]}, {"in": "rows"}, r"`\[1, 2\]` in rows: found at 0", id="JSON"),
        pytest.param("(a|b)+c", {"stdout": "xxabc"}, {}, "`(a|b)+c` in stdout: found at 2", id="a repeated group"),
    ],
)
def test_what_is_as_expected_passes(
    tmp_path: Path, pattern: str, outputs: dict[str, Any], config: dict[str, Any], message: str
) -> None:
    verdict = judge(tmp_path, pattern, outputs=outputs, **config)

    assert (verdict.passed, verdict.message) == (True, message)


@pytest.mark.parametrize(
    ("pattern", "config", "words"),
    [
        pytest.param("passed", {}, "not found, expected to be", id="not there"),
        pytest.param("failed", {"absent": True}, "found at 2, expected not to be", id="there though it may not"),
        pytest.param("x", {"in": "stdot"}, "no output `stdot`; did you mean `stdout`?", id="no such output"),
        pytest.param("(", {}, "not a regular expression: missing )", id="no pattern"),
    ],
)
def test_what_is_not_as_expected_does_not_pass(
    tmp_path: Path, pattern: str, config: dict[str, Any], words: str
) -> None:
    verdict = judge(tmp_path, pattern, outputs={"stdout": "3 failed"}, **config)

    assert not verdict.passed
    assert words in verdict.message


def test_an_output_that_is_missing_does_not_pass_as_absent(tmp_path: Path) -> None:
    assert not judge(tmp_path, "x", outputs={}, absent=True).passed


def test_the_evidence_has_the_match_with_its_place_and_no_more_than_500_characters(tmp_path: Path) -> None:
    verdict = judge(tmp_path, "b+", outputs={"stdout": "a" + "b" * 1000})

    assert verdict.evidence["match"] == {"offset": 1, "text": "b" * 500}


def test_the_end_of_a_long_output_is_searched(tmp_path: Path) -> None:
    verdict = judge(tmp_path, "start|end", outputs={"stdout": "start" + "x" * STREAM_TAIL_BYTES + "end"})

    assert verdict.evidence["match"] == {"offset": STREAM_TAIL_BYTES + 5, "text": "end"}


def test_a_pattern_that_explodes_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matching, "TIME_LIMIT_S", 0.5)
    began = time.monotonic()

    verdict = judge(tmp_path, "(a+)+$", outputs={"stdout": "a" * 100 + "b"})

    assert (verdict.passed, "no result within 0.5 s" in verdict.message) == (False, True)
    assert time.monotonic() - began < 30


@pytest.mark.parametrize(
    ("pattern", "length", "is_small"),
    [
        pytest.param("plain text", 65536, True, id="no repetition"),
        pytest.param(r"\d+ passed", 2000, True, id="one repetition, short text"),
        pytest.param(r"\d+ passed", 65536, False, id="one repetition looks at 4e9 characters of a long text"),
        pytest.param(".*a.*b", 2000, False, id="two repetitions"),
        pytest.param("(a+)+", 10, False, id="a repeated group"),
        pytest.param("(a|a)*", 10, False, id="a repeated choice"),
        pytest.param(r"(a)\1", 10, False, id="a reference back"),
        pytest.param("(?=a)", 10, False, id="a look ahead"),
        pytest.param("(a)(?#x)*", 10, False, id="a comment may hide a repetition"),
        pytest.param("a?" * 30 + "a" * 30, 30, False, id="many choices"),
        pytest.param("(?:ab|cd)e", 65536, True, id="one choice"),
        pytest.param("a+(b+)?", 100, True, id="a group that may be left out"),
    ],
)
def test_a_small_worst_case_is_told_from_a_large_one(pattern: str, length: int, is_small: bool) -> None:
    assert (matching.worst_steps(pattern, length=length) <= 10_000_000) is is_small


def test_a_match_in_a_child_process_is_the_same_as_one_here(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "größer 🙂 42 passed"
    here = matching.search(r"\d+ passed", text=text)
    monkeypatch.setattr(matching, "_STEPS_AT_ONCE", 0)

    assert matching.search(r"\d+ passed", text=text) == here == matching.RegexMatch(9, "42 passed")
