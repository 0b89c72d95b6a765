"""The same story in memory and in PostgreSQL: the driver tells the same of both, along the arrows of the tables."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pulser.catalogue import compiled_plan
from pulser.engine.graph import Graph
from pulser.engine.outcomes import Failed, Outcome, Success
from pulser.engine.states import RUN_MOVES, STEP_MOVES, RunStatus
from pulser.language.catalogue import ErrorClass
from pulser.models import Plan, PlanVersion
from runs.commands import approve, cancel, reject, retry
from runs.models import Event, Lane, Run
from runs.transitions import (
    claim_from_run,
    create_run,
    expire,
    finish_attempt,
    hand_back,
    lose_lease,
    requeue_due,
    start_next_run,
)
from runs.transitions.claim import Claim
from runs.transitions.create import NewRun
from tests.factories import make_actor, make_lane, make_plan, make_session, numbers
from tests.pulser.engine.plans import graphs
from tests.pulser.engine.simulator import ASK, Simulation, failed
from tests.runs.helpers import ALICE, assert_log_folds_to_rows, statuses
from tests.runs.transitions.plans import JOIN, LAUNCH, ONE, TIDY, TWO

pytestmark = pytest.mark.django_db
OLIVIA = make_actor()
STORIES = 60  # enough for every arrow that a story can take
VOLATILE = {"until"}  # as of each store's own clock
# Each example is a run in the database of one test; none of them can be made smaller without all the statements again.
COMMITTED = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.generate],
)
scripts = st.lists(st.integers(0, 30), max_size=60)


class Replay:
    """Makes with the real verbs what a story made in memory."""

    def __init__(self, graph: Graph, lane: Lane) -> None:
        self.graph, self.lane = graph, lane
        self.run = _create(graph, lane)
        self.run_id = str(self.run.pk)
        self.claims: dict[str, Claim] = {}

    def play(self, played: list[tuple[str, str]]) -> Replay:
        for name, key in played:
            self._note(getattr(self, name)(*([key] if key else [])))
        return self

    def _note(self, claim: object) -> None:
        if isinstance(claim, Claim):
            assert claim.run_id == self.run_id
            self.claims[claim.key] = claim

    def start(self) -> Claim | None:
        return start_next_run(self.lane.pk, ALICE)

    def claim(self) -> Claim | None:
        return claim_from_run(self.run_id, ALICE)

    def succeed(self, key: str) -> None:
        self._report(key, Success({"ok": True}))

    def succeed_empty(self, key: str) -> None:
        self._report(key, Success({"ok": False}))

    def go_on(self, key: str) -> Claim | None:
        return self._report(key, Success({"ok": True}), go_on=True)

    def fail(self, key: str) -> None:
        self._report(key, failed(self.graph, key, tries=self.claims[key].tries))

    def refuse(self, key: str) -> None:
        self._report(key, Failed(ErrorClass.PERMANENT, "no"))

    def suspend(self, key: str) -> None:
        self._report(key, ASK)

    def _report(self, key: str, outcome: Outcome, *, go_on: bool = False) -> Claim | None:
        finished = finish_attempt(self.claims[key], outcome, go_on=go_on)
        assert finished.accepted
        return finished.next

    def lose(self, key: str) -> None:
        assert lose_lease(self.run_id, key, number=self.claims[key].number, how="process")

    def hand_back(self, key: str) -> None:
        assert hand_back(self.run_id, key, number=self.claims[key].number)

    def back(self, key: str) -> None:
        self._let_pass(key, "next_attempt_at")
        assert requeue_due(self.run_id, key)

    def approve(self, key: str) -> None:
        approve(self.run_id, key, actor=OLIVIA)

    def reject(self, key: str) -> None:
        reject(self.run_id, key, actor=OLIVIA)

    def expire(self, key: str) -> None:
        self._let_pass(key, "deadline_at")
        assert expire(self.run_id, key)

    def cancel(self) -> None:
        cancel(self.run_id, actor=OLIVIA)

    def retry(self) -> None:
        retry(self.run_id, actor=OLIVIA)

    def _let_pass(self, key: str, moment: str) -> None:
        self.run.steps.filter(key=key).update(**{moment: self.run.created_at})


def _create(graph: Graph, lane: Lane) -> Run:
    slug = f"story-{next(numbers)}"
    document = graph.plan.model_dump(mode="json", by_alias=True, exclude_unset=True) | {"slug": slug}
    plan = Plan.objects.create(slug=slug)
    version = PlanVersion.objects.create(plan=plan, number=1, source="", document=document, digest="")
    new = NewRun(
        version_id=version.pk,
        number=1,
        params={"wanted": True},
        title="drawn",
        environment="dev",
        priority=0,
        trigger="test",
        actor="olivia",
        backlog=1000,
        lane=lane.name,
    )
    return Run.objects.get(pk=create_run(new, graph).run_id)


def told(events: list[Any]) -> list[tuple[Any, ...]]:
    """Of what both stores know: a run's own events say more in PostgreSQL, which knows names and numbers."""
    return [
        (
            event.kind,
            event.step,
            event.attempt,
            {name: value for name, value in event.data.items() if event.step and name not in VOLATILE},
        )
        for event in events
    ]


def assert_both_tell_the_same(story: Simulation, lane: Lane) -> None:
    replay = Replay(story.graph, lane).play(story.played)

    assert told(list(Event.objects.filter(run=replay.run).in_order())) == told(story.events)
    assert statuses(replay.run) == {key: row.status.value for key, row in story.rows.items()}
    assert_log_folds_to_rows(replay.run)


@COMMITTED
@given(graphs(), scripts)
def test_a_story_is_the_same_in_memory_and_in_postgres(graph: Graph, script: list[int]) -> None:
    make_session()
    assert_both_tell_the_same(Simulation(graph).play(script), make_lane())


@COMMITTED
@given(graphs(), scripts, scripts)
def test_a_story_with_a_retry_is_so_too(graph: Graph, script: list[int], again: list[int]) -> None:
    make_session()
    story = Simulation(graph).play(script)
    if story.status != RunStatus.SUCCESS:
        story.let("retry")
        story.play(again)
    assert_both_tell_the_same(story, make_lane())


NOTE_ARROWS = """
CREATE TEMP TABLE arrows (kind text, was text, is_now text);
CREATE FUNCTION pg_temp.note_arrow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO pg_temp.arrows VALUES (TG_TABLE_NAME, OLD.status, NEW.status);
    RETURN NEW;
END $$;
CREATE TRIGGER note_arrow AFTER UPDATE ON runs_step FOR EACH ROW
WHEN (OLD.status <> NEW.status) EXECUTE FUNCTION pg_temp.note_arrow();
CREATE TRIGGER note_arrow AFTER UPDATE ON runs_run FOR EACH ROW
WHEN (OLD.status <> NEW.status) EXECUTE FUNCTION pg_temp.note_arrow()
"""
Arrows = set[tuple[str, str, str]]
"""Table, from, to."""
# Stories that chance rarely finds: what happens to the first step after the start.
TOLD = [
    (ONE, ["suspend", "approve"]),
    (LAUNCH, ["lose", "approve"]),
    (ONE.replace('{run: "true"}', '{run: "true"}, retry: {max_attempts: 1}'), ["lose"]),
]
# No story takes these: a plan that cannot be read, and an `if` that cannot be judged.
RARE = {("runs_run", "queued", "error"), ("runs_step", "pending", "error")}


@pytest.fixture
def arrows() -> Callable[[], Arrows]:
    """The changes of status that PostgreSQL has seen in this test."""
    with connection.cursor() as cursor:
        cursor.execute(NOTE_ARROWS)

    def read() -> Arrows:
        with connection.cursor() as cursor:
            cursor.execute("SELECT DISTINCT kind, was, is_now FROM arrows")
            return set(cursor.fetchall())

    return read


def test_no_statement_takes_an_arrow_that_the_tables_lack(arrows: Callable[[], Arrows]) -> None:
    lane, chance = make_lane(), random.Random(7)
    make_session()
    for story in (*_told(), *_by_chance(chance)):
        Replay(story.graph, lane).play(story.play().played)

    known = {("runs_step", source, move.target) for move in STEP_MOVES.values() for source in move.sources}
    known |= {("runs_run", source, move.target) for move in RUN_MOVES.values() for source in move.sources}
    assert arrows() <= known
    assert known - arrows() == RARE


def _told() -> Iterator[Simulation]:
    for source, what in TOLD:
        story = _new_story(source).let("start")
        for name in what:
            story.let(name, next(iter(story.rows)))
        yield story


def _by_chance(chance: random.Random) -> Iterator[Simulation]:
    for _ in range(STORIES):
        story = _new_story(chance.choice((TWO, JOIN, TIDY, LAUNCH)))
        for _ in range(2):
            story.play([chance.randrange(30) for _ in range(40)])
            if story.status != RunStatus.SUCCESS:
                story.let("retry")
        yield story


def _new_story(source: str) -> Simulation:
    return Simulation(compiled_plan(make_plan(source).pk))
