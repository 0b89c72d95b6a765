from __future__ import annotations

import pytest

from bench.figures import Figure, Table, Target, at_least, at_most, percentile


@pytest.mark.parametrize(
    ("target", "rounds", "met"),
    [
        (at_most(4), [9, 4, 1], "yes"),  # the median counts, and to reach it exactly is enough
        (at_most(4), [1, 4.01, 9], "NO"),
        (at_least(100), [99, 100, 300], "yes"),
        (at_least(100), [99.9, 99, 300], "NO"),
        (None, [1], ""),
    ],
)
def test_the_median_is_held_against_the_target(target: Target | None, rounds: list[float], met: str) -> None:
    assert Figure("work", "ms", rounds, target).met == met


def test_a_line_shows_target_median_unit_and_spread() -> None:
    line = Figure("40 sequential steps", "ms a step", [3.5, 2.25, 4.75], at_most(4)).line

    assert " ".join(line.split()) == "40 sequential steps <= 4 3.50 ms a step 2.25 .. 4.75 yes"


def test_lines_stand_below_their_columns(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table()
    table.head("Speed")
    table.show([Figure("a", "ms", [1.0], at_most(4)), Figure("b", "runs/s", [123456.7, 9.1], at_least(100))])

    _, _, head, _, first, second = capsys.readouterr().out.splitlines()
    for line in (first, second):
        assert line.index("yes") == head.index("met")
        assert line[: head.index("median") + len("median")][-1].isdigit()


def test_the_last_line_names_what_is_missed() -> None:
    table = Table()
    table.show(
        [Figure("slow", "s", [2.0], at_most(1)), Figure("quick", "s", [0.5], at_most(1)), Figure("seen", "s", [1])]
    )

    assert table.summary == "1 of 2 targets are missed: slow."


def test_the_last_line_claims_nothing_where_nothing_is_asked_for() -> None:
    table = Table()
    table.show([Figure("seen", "s", [1.0])])

    assert table.summary == "Nothing here has a target."


def test_the_last_line_says_when_all_is_met() -> None:
    table = Table()
    table.show([Figure("quick", "s", [0.5], at_most(1))])

    assert table.summary == "All 1 targets are met."


@pytest.mark.parametrize(("share", "value"), [(0.5, 50), (0.99, 99), (1.0, 100), (0.001, 1)])
def test_a_percentile_is_the_smallest_value_that_enough_do_not_exceed(share: float, value: int) -> None:
    assert percentile(list(range(100, 0, -1)), share) == value
