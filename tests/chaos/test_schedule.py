from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest

from chaos.load import schedule
from chaos.plans import Author
from chaos.schedule import Kind, plan_of_attack
from pulser.language.loader import load
from pulser.tools import python
from pulser.tools.registry import installed_catalogue

KINDS = [
    Kind("kill"),
    Kind("stop", 33.0, 37.0, alone="frozen"),
    Kind("cut", 1.0, 3.0, alone="Redis"),
    Kind("late", 3.0, 5.0, alone="Redis"),
    Kind("deaf", alone="deaf", is_slow=True),
]


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("seconds", [60.0, 300.0])
def test_the_same_seed_makes_the_same_attack_and_another_seed_another(seed: int, seconds: float) -> None:
    plan = plan_of_attack(KINDS, seed=seed, seconds=seconds)

    assert plan == plan_of_attack(KINDS, seed=seed, seconds=seconds)
    assert plan != plan_of_attack(KINDS, seed=seed + 1, seconds=seconds)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("seconds", [60.0, 300.0])
def test_every_fault_strikes_and_is_over_in_time(seed: int, seconds: float) -> None:
    plan = plan_of_attack(KINDS, seed=seed, seconds=seconds)

    assert {strike.kind for strike in plan} == {kind.name for kind in KINDS}
    assert max(strike.until for strike in plan) <= seconds


@pytest.mark.parametrize("seed", range(20))
def test_faults_of_the_same_process_do_not_overlap(seed: int) -> None:
    plan = plan_of_attack(KINDS, seed=seed, seconds=300.0)
    redis = [strike for strike in plan if strike.kind in ("cut", "late")]

    assert all(before.until < after.at for before, after in pairwise(redis))


def test_the_same_seed_makes_the_same_load(tmp_path: Path) -> None:
    def load_of(seed: int) -> object:
        plans = Author(seed=seed, ledger=tmp_path, long_s=6.0).write()
        return plans, schedule(plans, seed=seed, seconds=60.0, per_second=1.0)

    assert load_of(7) == load_of(7)
    assert load_of(7) != load_of(8)


@pytest.mark.parametrize("seed", range(5))
def test_the_plans_of_the_load_are_right_and_each_is_started(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(python, "_listed", ("chaos.tools:*",))
    plans = Author(seed=seed, ledger=tmp_path, long_s=6.0).write()

    problems = [load(json.dumps(plan), catalogue=installed_catalogue()).problems for plan in plans]
    assert problems == [()] * len(plans)
    assert {start.plan for start in schedule(plans, seed=seed, seconds=10.0, per_second=1.0)} == {
        plan["slug"] for plan in plans
    }
