"""Each property, with a story that breaks it: a checker that cannot fail shows nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from chaos import check
from chaos.check import Policy, Verdict
from chaos.facts import AttemptFact, RunFact, StepFact
from chaos.ledger import Line, parse
from pulser.engine.fold import LoggedEvent

RUN = "01a1-run"
POLICIES = {("plan", key): Policy(max_attempts=3, is_irreversible=key == "send") for key in ("a", "b", "send", "tidy")}
DEADLINE = datetime(2030, 1, 1, tzinfo=UTC)


def attempt(number: int = 1, outcome: str = "success", **fields: Any) -> AttemptFact:
    return AttemptFact(number, outcome=outcome, **{"started": 100.0, "finished": 101.0, **fields})


def step(key: str = "a", status: str = "success", *attempts: AttemptFact, **fields: Any) -> StepFact:
    attempts = attempts or (attempt(),)
    return StepFact(key, status, attempt=len(attempts), attempts=attempts, **fields)


def run(*steps: StepFact, **fields: Any) -> RunFact:
    return RunFact(RUN, **{"plan": "plan", "title": "one", "steps": {step.key: step for step in steps}, **fields})


def events(*said: tuple[Any, ...]) -> list[LoggedEvent]:
    """(kind, step, attempt, data), numbered from 1."""
    return [LoggedEvent(seq, *words) for seq, words in enumerate(said, start=1)]


def ledger(*words: str) -> list[Line]:
    """`a begin` and the like, of the one run."""
    return parse(f"{RUN}/{key}\t{word}\t1\t0.0" for key, word in (text.split() for text in words))


GOOD_LOG = events(
    ("run.queued", "", None, {"steps": ["a"]}),
    ("run.started",),
    ("step.queued", "a"),
    ("step.claimed", "a", 1),
    ("step.succeeded", "a", 1, {"outputs": None}),
    ("run.succeeded",),
)
GOOD_RUN = run(step(), seq=6, events=GOOD_LOG)


def broken(verdict: Verdict) -> bool:
    assert verdict.checked > 0
    return bool(verdict.violations)


def test_a_good_run_breaks_nothing() -> None:
    lines = ledger("a begin", "a end")
    verdicts = [
        check.every_start_is_one_run({"one": RUN}, [GOOD_RUN]),
        check.all_has_ended([GOOD_RUN]),
        check.nothing_is_leaked([GOOD_RUN]),
        check.nothing_succeeds_twice([GOOD_RUN]),
        check.retries_keep_to_the_policy([GOOD_RUN], lines, of=POLICIES),
        check.the_log_is_complete([GOOD_RUN]),
        check.sockets_heard_all([GOOD_RUN], {"board": {RUN: [(e.seq, e.kind) for e in GOOD_LOG]}}),
    ]
    assert [verdict for verdict in verdicts if broken(verdict)] == []


def test_a_start_that_made_two_runs_is_caught() -> None:
    twin = replace(GOOD_RUN, id="01a1-twin")
    assert broken(check.every_start_is_one_run({"one": RUN}, [GOOD_RUN, twin]))


def test_a_start_that_was_answered_and_made_no_run_is_caught() -> None:
    assert broken(check.every_start_is_one_run({"one": RUN}, []))


def test_a_run_that_nobody_started_is_caught() -> None:
    assert broken(check.every_start_is_one_run({"one": RUN}, [GOOD_RUN, run(title="ghost")]))


def test_a_run_that_goes_on_for_ever_is_caught() -> None:
    assert broken(check.all_has_ended([run(step(status="queued"), status="running")]))


def test_a_run_that_waits_for_nobody_is_caught() -> None:
    waits = step("a", "waiting", attempt(outcome="", finished=None), wait_message="why", deadline=DEADLINE)
    assert broken(check.all_has_ended([run(waits, status="waiting")]))


def test_waiting_for_a_person_without_deadline_or_reason_is_caught() -> None:
    fields: dict[str, Any] = {"wait_role": "operator", "wait_message": "why", "deadline": DEADLINE}
    complete = step("a", "waiting", **fields)
    assert not broken(check.all_has_ended([run(complete, status="waiting")]))
    for missing in ({"deadline": None}, {"wait_message": ""}):
        assert broken(check.all_has_ended([run(step("a", "waiting", **fields | missing), status="waiting")]))


def test_an_ended_run_with_an_open_step_is_caught() -> None:
    assert broken(check.all_has_ended([run(step(status="backoff"), status="error")]))


def test_a_slot_that_is_kept_is_caught() -> None:
    assert broken(check.nothing_is_leaked([run(step(), status="running")]))


def test_a_lease_that_is_kept_is_caught() -> None:
    assert broken(check.nothing_is_leaked([run(step("a", "success", attempt(has_lease=True)))]))


def test_an_attempt_left_open_is_caught() -> None:
    assert broken(check.nothing_is_leaked([run(step("a", "error", attempt(outcome="", finished=None)))]))


def test_an_irreversible_call_made_twice_is_caught() -> None:
    sent = run(step("send"))
    assert not broken(check.no_deed_is_done_twice([sent], ledger("send begin"), of=POLICIES))
    assert broken(check.no_deed_is_done_twice([sent], ledger("send begin", "send begin"), of=POLICIES))


def test_an_irreversible_step_that_succeeded_without_its_call_is_caught() -> None:
    assert broken(check.no_deed_is_done_twice([run(step("send"))], [], of=POLICIES))


def test_a_step_that_succeeded_twice_in_the_log_is_caught() -> None:
    twice = events(("step.succeeded", "a", 1), ("step.succeeded", "a", 2))
    assert broken(check.nothing_succeeds_twice([run(step(), events=twice)]))


def test_two_attempts_that_both_succeeded_are_caught() -> None:
    assert broken(check.nothing_succeeds_twice([run(step("a", "success", attempt(1), attempt(2)))]))


def test_a_step_that_was_claimed_before_its_need_had_ended_is_caught() -> None:
    early = events(("step.claimed", "a", 1), ("step.claimed", "b", 1), ("step.succeeded", "a", 1))
    assert broken(check.needs_come_first([run(step("a"), step("b", needs=("a",)), events=early)], []))


def test_a_step_that_was_called_before_its_need_was_done_is_caught() -> None:
    log = events(("step.claimed", "a", 1), ("step.succeeded", "a", 1), ("step.claimed", "b", 1))
    runs = [run(step("a"), step("b", needs=("a",)), events=log)]
    assert not broken(check.needs_come_first(runs, ledger("a begin", "a end", "b begin")))
    assert broken(check.needs_come_first(runs, ledger("a begin", "b begin", "a end")))


def test_a_finally_step_before_the_end_of_a_main_step_is_caught() -> None:
    log = events(("step.claimed", "tidy", 1), ("step.succeeded", "a", 1))
    assert broken(check.needs_come_first([run(step("a"), step("tidy", is_finally=True), events=log)], []))


def test_one_try_too_many_is_caught() -> None:
    tries = [attempt(number, "error") for number in range(1, 5)]
    assert not broken(check.retries_keep_to_the_policy([run(step("a", "error", *tries[:3]))], [], of=POLICIES))
    assert broken(check.retries_keep_to_the_policy([run(step("a", "error", *tries))], [], of=POLICIES))


def test_a_try_that_a_stopping_worker_handed_back_does_not_count() -> None:
    tries = [attempt(1, "handed_back"), *(attempt(number, "error") for number in range(2, 5))]
    assert not broken(check.retries_keep_to_the_policy([run(step("a", "error", *tries))], [], of=POLICIES))


def test_a_step_lost_more_than_three_times_without_a_person_is_caught() -> None:
    of = {("plan", "a"): Policy(max_attempts=9)}
    lost = run(step("a", "success", *(attempt(number, "lost") for number in range(1, 5))))
    assert broken(check.retries_keep_to_the_policy([lost], [], of=of))
    asked = replace(lost, events=events(("approval.given", "a")))
    assert not broken(check.retries_keep_to_the_policy([asked], [], of=of))


def test_a_call_without_a_claim_is_caught() -> None:
    assert broken(check.retries_keep_to_the_policy([run(step())], ledger("a begin", "a begin"), of=POLICIES))


def test_a_gap_in_the_log_is_caught() -> None:
    assert broken(check.the_log_is_complete([replace(GOOD_RUN, events=[*GOOD_LOG[:3], *GOOD_LOG[4:]])]))


def test_a_log_that_tells_another_status_is_caught() -> None:
    assert broken(check.the_log_is_complete([replace(GOOD_RUN, status="error")]))


def test_a_log_that_tells_other_steps_is_caught() -> None:
    assert broken(check.the_log_is_complete([replace(GOOD_RUN, steps={"a": step("a", "error")})]))


def test_an_event_that_a_socket_missed_heard_twice_or_out_of_order_is_caught() -> None:
    right = [(event.seq, event.kind) for event in GOOD_LOG]
    for wrong in (right[:-1], right[1:], [*right, right[-1]], [right[1], right[0], *right[2:]], []):
        assert broken(check.sockets_heard_all([GOOD_RUN], {"board": {RUN: wrong}}))


def test_a_death_that_was_noticed_late_is_caught() -> None:
    held = run(step("a", "success", attempt(1, "lost", worker="w", started=100.0, finished=145.0), attempt(2)))
    assert not broken(check.the_dead_are_noticed([held], [("w", 110.0)]))
    assert broken(check.the_dead_are_noticed([held], [("w", 104.0)]))


def test_time_in_which_nobody_could_sweep_does_not_count() -> None:
    held = run(step("a", "success", attempt(1, "lost", worker="w", started=100.0, finished=145.0), attempt(2)))
    assert not broken(check.the_dead_are_noticed([held], [("w", 101.0)], blinded=[(110.0, 118.0)]))
    assert broken(check.the_dead_are_noticed([held], [("w", 101.0)], blinded=[(90.0, 102.0)]))


def test_spans_that_overlap_count_once() -> None:
    assert check.covered([(0.0, 5.0), (3.0, 6.0), (4.0, 4.5), (9.0, 20.0)], (1.0, 10.0)) == 6.0


def test_a_deaf_worker_that_was_never_noticed_or_not_restarted_is_caught() -> None:
    assert not broken(check.the_deaf_are_restarted([(31.0, 40.0)]))
    assert not broken(check.the_deaf_are_restarted([(None, 40.0)]))
    for silence in ((None, None), (31.0, None), (31.0, 400.0)):
        assert broken(check.the_deaf_are_restarted([silence]))


def test_the_silence_of_a_worker_counts_from_its_last_work() -> None:
    worked = run(step("a", "success", attempt(worker="w", finished=150.0)))
    assert check.last_work_of(["w"], [worked], since=120.0) == 150.0
    assert check.last_work_of(["w"], [worked], since=170.0) == 170.0
    assert check.last_work_of(["other"], [worked], since=120.0) == 120.0


def test_a_fault_that_never_healed_is_caught() -> None:
    assert not broken(check.all_is_well_again([("kill", 3.0)]))
    assert broken(check.all_is_well_again([("kill", None)]))
