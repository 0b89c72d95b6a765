"""The board's lines: every view, whole and narrowed, and how it grew."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, Self

import pytest

from bench import board
from bench.board import BESIDE, FILTERS, SEARCHES, VIEWS, Watched


class Browser:
    """Takes no time, and remembers what it was asked for."""

    asked: list[str]

    def __init__(self, *_: Any, **__: Any) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def get(self, path: str) -> bytes:
        self.asked.append(path)
        return b""


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    Browser.asked = []
    monkeypatch.setattr(board, "Line", Browser)
    bench: Any = SimpleNamespace(
        room=SimpleNamespace(url=""), cookie=str, record=SimpleNamespace(rows=lambda _: [(3, 15)])
    )
    return Watched(bench)


def test_each_view_has_a_line_for_each_filter_for_two_and_for_each_search_and_other_pages_one(watched: Watched) -> None:
    names = [figure.name for figure in watched.figures(10)]
    assert len(names) == len(VIEWS) * (len(FILTERS) + len(SEARCHES) + 2) + len(BESIDE)
    assert names[:2] == ["10: lanes, all runs", "10: lanes, status"]
    assert {"/?view=table&session=15", "/?view=lanes&plan=flaky&session=15"} <= set(Browser.asked)


def test_the_second_time_each_view_says_how_much_longer_it_took(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    took = {10: 2.0, 20: 3.0}
    figures = []
    for size, ms in took.items():
        monkeypatch.setattr(board, "_ms", lambda *_, ms=ms: ms)
        figures += list(watched.figures(size))
    grown = [figure for figure in figures if figure.unit == "times"]
    assert [(figure.name, figure.median, figure.met) for figure in grown] == [
        (f"20: {view}, the most of all but searches", 1.5, "yes") for view in VIEWS
    ]
    assert f"20: lanes, {next(iter(SEARCHES))} (1.5x)" in [figure.name for figure in figures]
