"""The process that matches where matching may take for ever."""

from __future__ import annotations

import os
import signal

import pytest

from pulser.verifiers import regex_process
from pulser.verifiers.regex_process import MatchError, match_in_child

EXPLODES, AS = "(a+)+$", "a" * 100 + "b"


@pytest.fixture(autouse=True)
def _none_left() -> None:
    while regex_process._idle:
        regex_process._idle.pop().end()


def kept() -> list[int]:
    return [each._process.pid for each in regex_process._idle]


def test_one_that_has_answered_is_asked_again() -> None:
    assert match_in_child("b+", "abb", within_s=60) == (1, "bb")
    first = kept()
    assert match_in_child("c", "größer 🙂 \ud800 c", within_s=60) == (11, "c")
    assert match_in_child("x", "y" * 300_000, within_s=60) is None
    assert kept() == first


def test_one_that_takes_too_long_is_killed() -> None:
    match_in_child("a", "a", within_s=60)
    (pid,) = kept()

    with pytest.raises(MatchError, match=r"no result within 0.2 s"):
        match_in_child(EXPLODES, AS, within_s=0.2)

    assert kept() == []
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_one_that_was_killed_meanwhile_is_replaced() -> None:
    match_in_child("a", "a", within_s=60)
    (pid,) = kept()
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)

    assert match_in_child("b", "ab", within_s=60) == (1, "b")


def test_one_of_another_process_is_left_alone() -> None:
    match_in_child("a", "a", within_s=60)
    (mine,) = regex_process._idle
    mine._asker = 1
    try:
        assert match_in_child("b", "ab", within_s=60) == (1, "b")
        assert mine not in regex_process._idle
    finally:
        mine.end()


def test_what_is_no_pattern_is_said_and_costs_no_process() -> None:
    with pytest.raises(MatchError, match="not a regular expression: missing"):
        match_in_child("(", "a", within_s=60)
    assert len(kept()) == 1


def test_one_that_is_left_alone_with_a_hard_question_ends_by_itself() -> None:
    asked = regex_process._Child()
    asked._process.stdin.write(b'["' + EXPLODES.encode() + b'", "' + AS.encode() + b'", 1]\n')

    assert asked._process.wait(60) == -signal.SIGALRM
    asked.end()
