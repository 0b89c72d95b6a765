"""The contract of a store, which PostgreSQL and memory keep alike."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pulser.engine.advance import EndedStep, StepCounts
from pulser.engine.outcomes import NO_LONGER_WAITING, AttemptEnd, Suspended
from pulser.engine.states import StepStatus
from pulser.engine.store import RunStore
from pulser.engine.times import NOW, Ahead
from pulser.language.catalogue import Effect
from tests.runs.helpers import ALICE
from tests.runs.transitions.plans import JOIN, LAUNCH, ONE, TIDY, TWO, fan
from tests.runs.transitions.stores import Handle, in_memory, in_postgres

pytestmark = pytest.mark.django_db
Make = Callable[[str], Handle]
QUEUED = {"queued_at": NOW, "cause": "ready"}
ENDED = {"outputs": {"n": 1}, "reason": "", "cause": ""}
ASK = Suspended("approval", "reject", for_s=60.0, role="operator", message="Go?")


@pytest.fixture(params=[in_memory, in_postgres], ids=["memory", "postgres"])
def make(request: pytest.FixtureRequest) -> Make:
    return request.param


def succeed(store: RunStore, key: str) -> None:
    """pending -> success, by the table."""
    store.move_steps("release", [key], columns=QUEUED)
    store.move_steps("claim", [key], columns={"attempt": 1})
    assert store.move_steps("succeed", [key], columns=ENDED)


def suspend(store: RunStore, key: str) -> None:
    store.move_steps("release", [key], columns=QUEUED)
    store.move_steps("claim", [key], columns={"attempt": 1})
    assert store.move_steps("suspend", [key], columns=ASK.columns)


def test_what_is_released_can_be_claimed_and_is_said(make: Make) -> None:
    handle = make(fan(2))

    with handle.open() as store:
        store.release(["s0", "s1"])
        assert store.has_claimable
    with handle.open() as store:
        assert store.read_statuses() == {"s0": "queued", "s1": "queued"}
        assert not store.has_claimable
    assert handle.events()[1:] == [("step.queued", "s0"), ("step.queued", "s1")]


def test_what_is_claimed_is_claimable_no_longer(make: Make) -> None:
    handle = make(ONE)

    with handle.open() as store:
        store.release(["greet"])
        assert handle.claim(store)
        assert not store.has_claimable
        assert not handle.claim(store)
    assert handle.events()[1:] == [("step.queued", "greet"), ("step.claimed", "greet")]


def test_only_steps_that_the_table_allows_to_move_do(make: Make) -> None:
    handle = make(fan(2))

    with handle.open() as store:
        store.move_steps("release", ["s0"], columns=QUEUED)
        moved = store.move_steps("claim", ["s0", "s1"], columns={"attempt": 1})
        assert [tuple(step) for step in moved] == [("s0", 1)]
        assert store.read_statuses() == {"s0": "running", "s1": "pending"}
    assert handle.events()[1:] == []


def test_the_fence_holds_back_who_speaks_of_another_attempt(make: Make) -> None:
    with make(ONE).open() as store:
        store.move_steps("release", ["greet"], columns=QUEUED)
        store.move_steps("claim", ["greet"], columns={"attempt": 2})

        assert store.move_steps("succeed", ["greet"], columns=ENDED, fence=1) == []
        assert len(store.move_steps("succeed", ["greet"], columns=ENDED, fence=2)) == 1


def test_needs_are_counted_until_none_is_left(make: Make) -> None:
    with make(JOIN).open() as store:
        assert store.meet_needs({"both": 1}) == []
        assert store.meet_needs({"both": 1}) == ["both"]


def test_several_needs_are_met_at_once(make: Make) -> None:
    with make(JOIN).open() as store:
        assert store.meet_needs({"both": 2}) == ["both"]


def test_needs_of_a_step_that_is_not_pending_are_nobodys(make: Make) -> None:
    with make(TWO).open() as store:
        store.move_steps("cancel", ["second"], columns={"reason": "no", "cause": "cancel"})

        assert store.meet_needs({"second": 1}) == []


def test_main_steps_without_open_needs_are_ready(make: Make) -> None:
    with make(TIDY).open() as store:
        assert store.find_ready() == ["work"]
        store.release(["work"])
    with make(TWO).open() as store:
        store.meet_needs({"second": 1})
        assert sorted(store.find_ready()) == ["first", "second"]


def test_steps_are_counted_by_what_they_ask_for(make: Make) -> None:
    handle = make(fan(6))

    with handle.open() as store:
        store.move_steps("release", ["s0", "s1", "s2", "s3"], columns=QUEUED)
        store.move_steps("claim", ["s1", "s2", "s3"], columns={"attempt": 1})
        store.move_steps("back_off", ["s2"], columns={"next_attempt_at": Ahead(4.0)})
        store.move_steps("back_off", ["s3"], columns={"next_attempt_at": Ahead(60.0)})
        store.move_steps("refuse", ["s4"], columns={"reason": "no", "cause": "permanent"})
        assert store.count_steps() == StepCounts(busy=3, paused=1, pending=1, failed=("s4",))


def test_what_was_released_counts_as_busy(make: Make) -> None:
    with make(fan(2)).open() as store:
        store.release(["s0"])

        assert store.count_steps() == StepCounts(busy=1, pending=1)


def test_the_first_pending_step_of_finally_is_counted(make: Make) -> None:
    with make(TIDY).open() as store:
        succeed(store, "work")
        store.change_run(stop="cancel", cancel_count=1)

        assert store.count_steps() == StepCounts(next_final="sweep", stop="cancel")
        store.move_steps("skip", ["sweep"], columns={"cause": "condition", "reason": "no"})
        assert store.count_steps().next_final == "mop"


@pytest.mark.parametrize(("asked", "idle"), [(0, []), (1, ["work"]), (2, ["work", "sweep", "mop"])])
def test_an_early_end_is_about_main_steps_first(make: Make, asked: int, idle: list[str]) -> None:
    with make(TIDY).open() as store:
        store.change_run(stop="cancel", cancel_count=asked)

        assert store.find_idle() == idle


def test_a_running_step_is_not_idle(make: Make) -> None:
    with make(fan(2)).open() as store:
        store.move_steps("release", ["s0"], columns=QUEUED)
        store.move_steps("claim", ["s0"], columns={"attempt": 1})
        store.change_run(stop="cancel", cancel_count=1)

        assert store.find_idle() == ["s1"]


def test_facts_are_those_of_the_steps_that_were_asked_about(make: Make) -> None:
    with make(TWO).open() as store:
        succeed(store, "first")
        store.move_steps("skip", ["second"], columns={"cause": "condition", "reason": "no"})

        assert store.read_facts(["first"]) == {"first": EndedStep(StepStatus.SUCCESS, "", {"n": 1})}
        assert store.read_facts(["second"]) == {"second": EndedStep(StepStatus.SKIPPED, "condition")}
        assert store.read_facts([]) == {}


def test_a_waiting_step_has_a_deadline_by_the_stores_clock(make: Make) -> None:
    with make(ONE).open() as store:
        suspend(store, "greet")

        assert store.waits_until("greet")[4] == "-"
        assert store.count_steps() == StepCounts(paused=1)


def test_a_reset_step_is_as_new_but_for_its_fence(make: Make) -> None:
    with make(TWO).open() as store:
        succeed(store, "first")
        store.reset_steps({"first": 0})

        assert store.read_facts(["first"]) == {"first": EndedStep(StepStatus.PENDING)}
        assert store.meet_needs({"second": 1}) == ["second"]
        store.move_steps("release", ["first"], columns=QUEUED)
        assert [step.attempt for step in store.move_steps("cancel", ["first"], columns={"reason": ""})] == [1]


def test_what_is_reset_counts_its_needs_anew(make: Make) -> None:
    with make(JOIN).open() as store:
        store.meet_needs({"both": 2})
        store.move_steps("cancel", ["both"], columns={"reason": ""})
        store.reset_steps({"both": 1})

        assert store.meet_needs({"both": 1}) == ["both"]


def test_open_attempts_are_ended_once_and_tell_their_worker(make: Make) -> None:
    handle = make(fan(2))
    with handle.open() as store:
        store.release(["s0", "s1"])
        assert handle.claim(store)

    with handle.open() as store:
        assert store.end_attempts(["s0", "s1"], AttemptEnd("lost")) == {"s0": ALICE.name}
        assert store.end_attempts(["s0", "s1"], AttemptEnd("lost")) == {}


def test_what_is_parked_is_claimable_no_longer(make: Make) -> None:
    with make(ONE).open() as store:
        store.move_steps("release", ["greet"], columns=QUEUED)
        assert store.has_claimable
        store.move_steps("park", ["greet"], columns=ASK.columns)

        assert not store.has_claimable


def test_what_waited_and_queues_again_can_be_claimed(make: Make) -> None:
    handle = make(ONE)
    with handle.open() as store:
        suspend(store, "greet")

    with handle.open() as store:
        assert store.move_steps("requeue", ["greet"], columns={**QUEUED, **NO_LONGER_WAITING})
        assert store.has_claimable


def test_a_run_moves_where_the_table_allows_it_and_says_so(make: Make) -> None:
    handle = make(ONE)

    with handle.open() as store:
        store.move_run("wait", data={}, columns={})
        assert store.status == "waiting"
        with pytest.raises(handle.refused):
            store.move_run("start", data={}, columns={})
        assert store.status == "waiting"
    assert [kind for kind, _ in handle.events()[1:]] == ["run.waiting"]


def test_what_changes_of_a_run_is_seen_by_the_next_writer(make: Make) -> None:
    handle = make(ONE)

    with handle.open() as store:
        store.change_run(stop="timeout", cancel_count=1)
        assert (store.stop, store.cancel_count) == ("timeout", 1)
    with handle.open() as store:
        assert (store.stop, store.cancel_count) == ("timeout", 1)


def test_an_effect_is_the_plans_word(make: Make) -> None:
    with make(LAUNCH).open() as store:
        assert store.effect_of("launch") == Effect.IRREVERSIBLE
    with make(ONE).open() as store:
        assert store.effect_of("greet") == Effect.IDEMPOTENT


def test_expressions_see_the_run_and_its_params(make: Make) -> None:
    with make(ONE).open() as store:
        scope = store.scope

    assert set(scope) == {"params", "run"}
    assert (scope["run"]["plan"], scope["run"]["environment"]) == ("one", "dev")
