"""Starting a run: what is wanted is checked once, whoever asks."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from pulser.language.limits import PARAMS_BYTES
from runs.accounts.actors import Actor
from runs.commands.start import Idempotency, StartResult, find_version, restart, start_run
from runs.errors import Busy, Forbidden, IdempotencyKeyReused, NotFound, StartRefused, TooLarge
from runs.execution.worker_loop import run_worker_loop
from runs.models import Lane, Run, Session
from tests.factories import make_actor, make_lane, make_plan, make_session, start
from tests.runs.execution.plans import plan, shell
from tests.runs.helpers import assert_log_folds_to_rows, event, kinds

pytestmark = pytest.mark.django_db
OLIVIA = make_actor()
SCHEMA = {
    "type": "object",
    "required": ["repo"],
    "properties": {"repo": {"type": "string"}, "depth": {"type": "integer", "default": 1, "minimum": 1}},
}
CLONE = plan(shell("a", "true"), params=SCHEMA, title="Clone")
ANY = plan(shell("a", "true"), params={"type": "object"})


@pytest.fixture(autouse=True)
def lane() -> Lane:
    return make_lane("A")


def _start(source: str = CLONE, params: Any = None, *, actor: Actor = OLIVIA, **wanted: Any) -> StartResult:
    params = {"repo": "x"} if params is None else params
    return start_run(make_plan(source), params=params, actor=actor, trigger="api", **wanted)


def test_a_new_run_is_queued_with_its_defaults() -> None:
    run = _start().run

    assert (run.status, run.title, run.lane.name, run.session.name) == ("queued", "Clone", "A", "default")
    assert run.params == {"repo": "x", "depth": 1}
    assert kinds(run) == ["run.queued"]
    assert event(run, "run.queued").data == {
        "title": "Clone",
        "plan": "drill",
        "version": 1,
        "lane": "A",
        "environment": "dev",
        "trigger": "api",
        "by": "olivia",
        "steps": ["a"],
    }
    assert_log_folds_to_rows(run)


@pytest.mark.parametrize("actor", [make_actor("viewer"), make_actor("")])
def test_who_may_not_act_starts_nothing(actor: Actor) -> None:
    with pytest.raises(Forbidden):
        _start(actor=actor)
    assert not Run.objects.exists()


@pytest.mark.parametrize(
    ("wanted", "path"),
    [
        ({"params": {}}, "repo"),
        ({"params": {"repo": 3}}, "repo"),
        ({"params": {"repo": "x", "depth": 0}}, "depth"),
        ({"params": {"repo": "a\0b"}}, "params"),
        ({"params": {"repo": "a\ud800b"}}, "params"),
        ({"title": "t" * 501}, "title"),
        ({"title": "a\0b"}, "title"),
        ({"priority": 2**31}, "priority"),
        ({"environment": "moon"}, "environment"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(wanted: dict[str, Any], path: str) -> None:
    with pytest.raises(StartRefused) as refusal:
        _start(**wanted)

    assert any(path in problem["path"] for problem in refusal.value.problems)
    assert not Run.objects.exists()


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_number_that_json_does_not_know_is_refused(number: float) -> None:
    with pytest.raises(StartRefused):
        _start(ANY, {"x": [number]})


def test_params_that_are_too_large_are_refused() -> None:
    with pytest.raises(TooLarge):
        _start(params={"repo": "x" * PARAMS_BYTES})


def test_what_is_too_large_is_counted_without_the_sender_s_escapes() -> None:
    assert _start(params={"repo": "ж" * (PARAMS_BYTES // 2 - 20)}).created
    with pytest.raises(TooLarge):
        _start(params={"repo": "ж" * (PARAMS_BYTES // 2)})


def test_a_plan_for_production_does_not_run_elsewhere() -> None:
    source = plan(shell("a", "true"), environments=["prod"])

    with pytest.raises(StartRefused):
        _start(source, {})
    assert _start(source, {}, environment="prod").created


def test_an_archived_session_takes_no_new_run() -> None:
    session = make_session("old")
    session.archived_at = timezone.now()
    session.save()

    with pytest.raises(StartRefused):
        _start(session=session)


def test_a_plan_whose_lane_is_not_there_does_not_start() -> None:
    with pytest.raises(StartRefused, match="lane is Q"):
        _start(plan(shell("a", "true"), lane="Q"), {})


def test_a_repeated_key_gives_the_first_run() -> None:
    key = Idempotency.of("api", "k", b"{}")

    first, second = _start(idempotency=key), _start(idempotency=key)

    assert (first.created, second.created) == (True, False)
    assert first.run == second.run


def test_a_key_with_another_body_is_refused() -> None:
    _start(idempotency=Idempotency.of("api", "k", b"{}"))

    with pytest.raises(IdempotencyKeyReused):
        _start(idempotency=Idempotency.of("api", "k", b"{ }"))
    assert Run.objects.count() == 1


def test_keys_of_two_callers_do_not_meet() -> None:
    runs = {_start(idempotency=Idempotency.of(scope, "k", b"{}")).run.pk for scope in ("hook:a", "hook:b")}

    assert len(runs) == 2


def test_a_repeat_is_answered_although_the_session_was_archived_since() -> None:
    key, session = Idempotency.of("api", "k", b"{}"), make_session("old")
    first = _start(idempotency=key, session=session)
    session.archived_at = timezone.now()
    session.save()

    assert _start(idempotency=key, session=session) == StartResult(first.run, created=False)


def test_a_key_is_free_again_after_seven_days() -> None:
    key = Idempotency.of("api", "k", b"{}")
    old = _start(idempotency=key).run
    Run.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=7, seconds=1))

    assert _start(idempotency=key).created


def test_a_version_is_found_by_slug_and_number() -> None:
    first = make_plan(CLONE)
    second = make_plan(CLONE.replace("Clone", "Clone again"))

    assert find_version("drill") == second
    assert find_version("drill@1") == first


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("dril", "did you mean drill"),
        ("drill@3", "version 3 not found"),
        ("drill@x", "version x not found"),
        ("drill@99999999999999999999", "not found"),
        ("drill@²", "not found"),
        ("", "plan  not found"),
    ],
)
def test_a_version_that_is_not_there_says_what_is(reference: str, said: str) -> None:
    make_plan(CLONE)

    with pytest.raises(NotFound, match=said):
        find_version(reference)


def test_a_restart_is_a_new_run_that_is_linked_to_the_old_one() -> None:
    old = _start(title="Monday", priority=3, environment="staging", correlation_id="c-1").run

    new = restart(old, actor=OLIVIA, params={"repo": "y"})

    assert (new.parent_id, new.trigger, new.params) == (old.pk, "retry", {"repo": "y", "depth": 1})
    assert (new.title, new.priority, new.environment, new.correlation_id) == ("Monday", 3, "staging", "c-1")


def test_a_restart_may_name_another_version() -> None:
    old = _start().run
    make_plan(CLONE.replace("Clone", "Clone again"))

    assert restart(old, actor=OLIVIA).plan_version.number == 1
    assert restart(old, actor=OLIVIA, version=2).plan_version.number == 2
    with pytest.raises(NotFound):
        restart(old, actor=OLIVIA, version=3)


def test_a_default_session_that_was_renamed_is_made_anew() -> None:
    Session.objects.filter(name="default").update(name="ours")

    run = start_run(make_plan(), params={}, actor=make_actor(), trigger="test", lane=make_lane()).run

    assert run.session.name == "default"


def test_a_start_beyond_the_backlog_is_refused(settings: Any) -> None:
    settings.CONTROLROOM_BACKLOG = 2
    first = [start(), start()]

    with pytest.raises(Busy, match="2 runs are already queued"):
        start()

    assert set(Run.objects.values_list("pk", flat=True)) == {run.pk for run in first}


def test_a_run_that_began_makes_room_in_the_backlog(settings: Any) -> None:
    settings.CONTROLROOM_BACKLOG = 1
    start()
    run_worker_loop()

    assert start().status == "queued"


def test_a_repeat_is_answered_whatever_the_backlog(settings: Any) -> None:
    settings.CONTROLROOM_BACKLOG = 1
    key = Idempotency.of("hook:x", "k1", b"{}")
    run = start(idempotency=key)

    assert start(idempotency=key).pk == run.pk


def test_a_session_that_has_just_been_deleted_is_refused() -> None:
    session = make_session("gone soon")
    Session.objects.filter(pk=session.pk).delete()

    with pytest.raises(StartRefused, match="session"):
        start(session=session)
