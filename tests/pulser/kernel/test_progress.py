"""What a tool says about how far it is: passed on seldom, and without harm."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from pulser.kernel import progress as module
from pulser.kernel.progress import LARGEST, Progress
from tests.pulser.kernel.memory import MemoryReporter


@pytest.fixture
def reporter() -> MemoryReporter:
    return MemoryReporter()


@pytest.fixture
def progress(reporter: MemoryReporter) -> Progress:
    return Progress(reporter, name="the step")


def test_it_is_reported_at_most_once_a_second_and_at_the_end(progress: Progress, reporter: MemoryReporter) -> None:
    for done in range(1, 101):
        progress(done, 100)
    progress.flush()
    progress.flush()

    assert reporter.progress_reports == [(1, 100), (100, 100)]


def test_long_work_reports_less_often(reporter: MemoryReporter, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(10_000))  # seconds: one goes by with each look
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: float(next(clock))))
    progress = Progress(reporter, name="the step")
    for done in range(3_600):
        progress(done, 3_600)

    assert 100 < len(reporter.progress_reports) < 400


def test_a_server_that_is_away_disturbs_no_work(progress: Progress, reporter: MemoryReporter) -> None:
    reporter.away = 1

    progress(1, 2)

    assert (reporter.away, reporter.progress_reports) == (0, [])


@pytest.mark.parametrize(("number", "reported"), [(-1, 0), (2**80, LARGEST), (2.9, 2)])
def test_strange_numbers_are_bounded(
    progress: Progress, reporter: MemoryReporter, number: float, reported: int
) -> None:
    progress(number, number)

    assert reporter.progress_reports == [(reported, reported)]
