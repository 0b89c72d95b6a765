from __future__ import annotations

import pytest

from chaos.memory import Samples, growth_of, name_of


def test_a_process_that_fills_up_and_stays_there_is_flat() -> None:
    assert growth_of("web", [50_000, 80_000, 90_000, *[95_000] * 9]).is_flat


def test_a_process_that_grows_on_is_caught() -> None:
    growth = growth_of("web", [100_000 + 5_000 * number for number in range(20)])
    assert not growth.is_flat
    assert growth.share > 0.2


def test_a_single_peak_is_no_growth() -> None:
    assert growth_of("web", [*[100_000] * 10, 900_000, *[100_000] * 10]).is_flat


def test_a_process_that_came_late_is_not_judged() -> None:
    samples = Samples(supervisor=1, count=10)
    samples.by_process["web 1"] = [1.0] * 10
    samples.by_process["web 2"] = [1.0] * 3

    assert [growth.name for growth in samples.growths()] == ["web 1"]


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("python -m celery worker --queues steps --hostname steps@%h", "worker"),
        ("python -m celery worker --hostname control@%h --beat", "control"),
        ("python -m daphne --bind 127.0.0.1", "web"),
        ("postgres: controlroom-1: postgres postgres [local] idle", "PostgreSQL session"),
        ("/venv/bin/postgres -D /data", "PostgreSQL"),
        ("sleep 1", "other"),
    ],
)
def test_processes_are_named_by_what_they_do(command: str, name: str) -> None:
    assert name_of(command) == name
