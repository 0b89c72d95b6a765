"""When a step is tried again by itself, and what runs again when a person says so."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulser.engine.retry import (
    Park,
    RetryDecision,
    decide_handed_back,
    decide_lost,
    decide_retry,
    most_tries,
    steps_to_retry,
)
from pulser.engine.states import StepStatus
from pulser.language.catalogue import Effect, ErrorClass
from pulser.language.document import Retry
from pulser.language.limits import ATTEMPTS_CEILING
from tests.pulser.engine.plans import graph, step

DEFAULT = Retry()


def _decide(policy: Retry = DEFAULT, error: ErrorClass = ErrorClass.FAILED, **given: Any) -> RetryDecision | None:
    known: dict[str, Any] = {"tries": 1, "effect": Effect.IDEMPOTENT, "explicit": False, "chance": 0.0} | given
    return decide_retry(policy, error, **known)


@pytest.mark.parametrize(
    ("policy", "tries", "shortest", "longest"),
    [
        (DEFAULT, 1, 2.5, 5.0),
        (DEFAULT, 2, 5.0, 10.0),
        (DEFAULT, 3, 10.0, 20.0),
        (Retry(max_attempts=100), 6, 80.0, 160.0),
        (Retry(max_attempts=100), 7, 150.0, 300.0),  # 320 s would be next: 300 s is the bound
        (Retry(max_attempts=100), 99, 150.0, 300.0),
        (Retry(initial=1, factor=3, max=20), 3, 4.5, 9.0),
        (Retry(initial=1, factor=3, max=20), 4 - 1, 4.5, 9.0),
        (Retry(initial=0), 1, 0.0, 0.0),
    ],
)
def test_a_pause_doubles_up_to_its_bound_half_fixed_half_random(
    policy: Retry, tries: int, shortest: float, longest: float
) -> None:
    assert _decide(policy, tries=tries, chance=0.0) == RetryDecision(shortest)
    assert _decide(policy, tries=tries, chance=0.5) == RetryDecision((shortest + longest) / 2)


@pytest.mark.parametrize(
    ("error", "is_retried"),
    [
        (ErrorClass.TRANSIENT, True),
        (ErrorClass.TIMEOUT, True),
        (ErrorClass.FAILED, True),
        (ErrorClass.LOST, True),
        (ErrorClass.PERMANENT, False),  # the same call cannot work
    ],
)
def test_all_but_permanent_errors_are_retried_by_default(error: ErrorClass, is_retried: bool) -> None:
    assert (_decide(error=error) is not None) == is_retried


def test_on_chooses_among_all_error_classes() -> None:
    only_permanent = Retry(on=(ErrorClass.PERMANENT,))

    assert _decide(only_permanent, ErrorClass.PERMANENT) is not None
    assert _decide(only_permanent, ErrorClass.FAILED) is None


def test_four_attempts_are_made_and_no_fifth() -> None:
    assert [_decide(tries=tries) is not None for tries in (1, 2, 3, 4, 5)] == [True, True, True, False, False]


def test_an_irreversible_step_is_tried_once_unless_it_says_otherwise_itself() -> None:
    assert _decide(effect=Effect.IRREVERSIBLE) is None
    assert _decide(effect=Effect.IRREVERSIBLE, explicit=True) is not None


@pytest.mark.parametrize(
    ("effect", "explicit", "tries", "why"),
    [
        (Effect.IDEMPOTENT, False, 3, "by its policy, be it its own or the plan's"),
        (Effect.IRREVERSIBLE, True, 3, "it says so itself"),
        (Effect.IRREVERSIBLE, False, 1, "nobody said that a second time is right"),
    ],
)
def test_how_often_a_step_is_tried_at_most(effect: Effect, explicit: bool, tries: int, why: str) -> None:
    assert most_tries(Retry(max_attempts=3), effect=effect, explicit=explicit) == tries, why


@given(
    st.integers(1, ATTEMPTS_CEILING),
    st.floats(0, 1, exclude_max=True),
    st.floats(0, 1000),
    st.floats(1, 100),
    st.floats(0, 1000),
)
def test_a_pause_is_never_negative_nor_beyond_its_bound(
    tries: int, chance: float, initial: float, factor: float, longest: float
) -> None:
    policy = Retry(max_attempts=ATTEMPTS_CEILING, initial=initial, factor=factor, max=longest)
    decision = _decide(policy, tries=tries, chance=chance)

    assert (decision is None) == (tries == ATTEMPTS_CEILING)
    assert decision is None or 0 <= decision.delay <= longest


LOST = [  # policy, tries, lost, effect, what follows, the reason
    (DEFAULT, 1, 1, Effect.IDEMPOTENT, RetryDecision, "another worker takes it at once"),
    (DEFAULT, 2, 2, Effect.PURE, RetryDecision, "a second worker may vanish by chance"),
    (DEFAULT, 3, 3, Effect.IDEMPOTENT, Park, "three vanished: the step is poison"),
    (DEFAULT, 4, 1, Effect.IDEMPOTENT, type(None), "no attempt is left"),
    (DEFAULT, 1, 1, Effect.IRREVERSIBLE, Park, "nobody knows whether it took effect"),
    (Retry(max_attempts=1), 1, 1, Effect.IDEMPOTENT, type(None), "one attempt was all it had"),
    (Retry(on=(ErrorClass.FAILED,)), 1, 1, Effect.IDEMPOTENT, type(None), "the plan does not retry lost ones"),
    (Retry(max_attempts=1), 1, 1, Effect.IRREVERSIBLE, Park, "irreversible counts more than the policy"),
    (DEFAULT, 1, 1, Effect.COMPENSABLE, RetryDecision, "what can be undone can be repeated"),
]


@pytest.mark.parametrize(("policy", "tries", "lost", "effect", "follows", "reason"), LOST)
def test_what_follows_a_lost_attempt(
    policy: Retry, tries: int, lost: int, effect: Effect, follows: type, reason: str
) -> None:
    assert isinstance(decide_lost(policy, tries=tries, lost=lost, effect=effect), follows), reason


def test_a_lost_attempt_is_followed_without_a_pause() -> None:
    assert decide_lost(DEFAULT, tries=1, lost=1, effect=Effect.IDEMPOTENT) == RetryDecision(0.0)


@pytest.mark.parametrize("effect", [Effect.PURE, Effect.IDEMPOTENT, Effect.COMPENSABLE])
def test_what_a_stopping_worker_gave_up_is_tried_again_at_once(effect: Effect) -> None:
    assert decide_handed_back(effect) == RetryDecision(0.0)


def test_an_irreversible_step_that_a_stopping_worker_gave_up_waits_for_a_person() -> None:
    assert isinstance(decide_handed_back(Effect.IRREVERSIBLE), Park)


PLAN = graph(
    step("fetch"),
    step("build", "fetch"),
    step("test", "build"),
    step("lint", "fetch", continue_on_error=True),
    step("report", "lint"),
    finals=(step("tidy"),),
)
WORDS = {"s": "success", "e": "error", "k": "skipped", "c": "cancelled"}
RETRIES = [  # how fetch, build, test, lint, report, tidy ended; from where; what runs again; the reason
    ("s e k s s s", None, "build test tidy", "the failed one, what it kept from running, and `finally`"),
    ("e k k k k s", None, "fetch build test lint report tidy", "everything hangs on the first"),
    ("s s e s s s", None, "test tidy", "only the last one failed"),
    ("s s e e s s", None, "test tidy", "a forgiven failure is not repeated"),
    ("s s s s s e", None, "tidy", "only `finally` failed"),
    ("s c c s s s", None, "build test tidy", "what was cancelled"),
    ("s s e s s s", "build", "build test tidy", "from a step that had succeeded"),
    ("s s e s s s", "lint", "test lint report tidy", "the failed one as well as the one that was named"),
    ("s s e s s s", "tidy", "test tidy", "a `finally` step may be named, and runs once"),
    ("s s s s s s", None, "tidy", "nothing failed, but the run did: its outputs could not be made"),
]


@pytest.mark.parametrize(("ended", "start", "again", "reason"), RETRIES)
def test_which_steps_run_again(ended: str, start: str | None, again: str, reason: str) -> None:
    statuses = {
        key: StepStatus(WORDS[letter]) for key, letter in zip(PLAN.main + PLAN.finals, ended.split(), strict=True)
    }

    assert steps_to_retry(PLAN, statuses, start=start) == again.split(), reason


def test_a_retry_from_a_step_that_is_not_there_is_an_error() -> None:
    with pytest.raises(KeyError):
        steps_to_retry(PLAN, {}, start="deploy")
