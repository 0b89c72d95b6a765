from __future__ import annotations

import json

import pytest

from controlroom.web.live import frames
from runs.models import Event, Run
from tests.controlroom.web.presenters.test_run_page import BREAKS, fan
from tests.factories import make_run, put_step, say

pytestmark = pytest.mark.django_db


def tell(run: Run, kind: str, step: str = "", **data: object) -> int:
    event = say(run, kind, **data)
    Event.objects.filter(run=run, seq=event.seq).update(step=step, attempt=1)
    return event.seq


def fragments_after(run: Run, seq: int) -> dict[str, str]:
    frame = json.loads(frames.run_page_frame(str(run.pk), after=seq - 1, log=0).text)
    return {fragment["target"]: fragment["html"] for fragment in frame["fragments"]}


def test_a_step_that_changed_comes_with_its_node() -> None:
    run = make_run(status="running", source=BREAKS, steps={"first": "running"})
    sent = fragments_after(run, tell(run, "step.claimed", "first"))
    assert list(sent) == ["#run-head", "#step-first", "#node-first", "#events"]
    assert 'id="node-first" data-status="running"' in sent["#node-first"]


def test_a_failure_is_named_as_soon_as_it_is_there() -> None:
    run = make_run(status="running", source=BREAKS)
    put_step(run, "second", "error", attempt=1, reason="it broke")
    sent = fragments_after(run, tell(run, "step.failed", "second", reason="it broke"))
    assert "it broke" in sent["#first-cause"]
    assert "is-first" in sent["#node-second"]


def test_a_retry_takes_the_failure_back() -> None:
    run = make_run(status="queued", source=BREAKS)
    tell(run, "step.failed", "second", reason="it broke")
    sent = fragments_after(run, tell(run, "run.retried", steps=["second", "third"], by="olivia"))
    assert "First failure" not in sent["#first-cause"]
    assert {"#step-second", "#step-third", "#node-third"} <= set(sent)


def test_of_many_steps_the_counts_and_the_fan_out_come_too() -> None:
    run = make_run(status="running", source=fan(30), steps={"s007": "running"})
    sent = fragments_after(run, tell(run, "step.claimed", "s007"))
    assert "running 1" in sent["#steps-tally"]
    assert "1 running, 29 pending" in sent["#fan-s000"]


def test_an_event_of_a_step_that_the_plan_no_longer_has_breaks_nothing() -> None:
    run = make_run(status="running", source=BREAKS)
    assert "#run-head" in fragments_after(run, tell(run, "step.claimed", "nobody"))
