from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries as Queries

from runs.models import Attempt, LogChunk, Proof, Run
from runs.queries.replay import listing
from tests.factories import make_lane, make_plan, make_run, put_step, say

pytestmark = pytest.mark.django_db


def attempt_of(run: Run, key: str = "greet", **fields: object) -> Attempt:
    values = {"number": 1, "worker": "w1", "started_at": timezone.now()} | fields
    return Attempt.objects.create(step=run.steps.get(key=key), **values)


def write(attempt: Attempt, text: bytes, *, offset: int = 0, stream: str = "stdout") -> LogChunk:
    """Output of some seconds ago: the feed does not wait for its neighbours any more."""
    at = timezone.now() - timedelta(seconds=10)
    return LogChunk.objects.create(attempt=attempt, offset=offset, stream=stream, data=text, at=at)


def page(client: Client, run: Run) -> str:
    return client.get(f"/runs/{run.pk}").content.decode()


def test_the_page_has_head_steps_log_and_events(viewer: Client) -> None:
    html = page(viewer, make_run(title="Say hello"))
    for target in ('id="run-head"', 'id="step-greet"', 'id="log"', 'id="events"', 'id="event-1"', 'id="artifacts"'):
        assert target in html


def test_for_a_stranger_there_is_no_such_page(stranger: Client) -> None:
    assert stranger.get(f"/runs/{make_run().pk}").status_code == 404


@pytest.mark.parametrize("piece", ["", "/events", "/custody", "/artifacts", "/map", "/steps/greet"])
def test_an_unknown_run_has_no_page(viewer: Client, piece: str) -> None:
    assert viewer.get(f"/runs/0199aaaa-0000-7000-8000-000000000000{piece}").status_code == 404


@pytest.mark.parametrize("piece", ["", "/events", "/custody", "/artifacts", "/map", "/steps/greet"])
def test_pieces_are_for_people_who_signed_in(client: Client, piece: str) -> None:
    assert client.get(f"/runs/{make_run().pk}{piece}").status_code == 302


def test_the_socket_starts_where_the_page_ends(viewer: Client) -> None:
    run = make_run()
    event = say(run, "run.waiting")
    chunk = write(attempt_of(run), b"hello\n")
    html = page(viewer, run)
    assert f'data-live-after="{event.seq}"' in html
    assert f'data-live-log="{chunk.pk}"' in html


def test_output_is_escaped_and_without_terminal_control(viewer: Client) -> None:
    run = make_run()
    write(attempt_of(run), b"\x1b[31m<script>alert(1)</script>\x1b[0m\n")
    html = page(viewer, run)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "\x1b" not in html


def test_a_chunk_that_others_may_precede_is_left_to_the_socket(viewer: Client) -> None:
    run = make_run()
    attempt = attempt_of(run)
    settled = write(attempt, b"settled\n")
    at = timezone.now() + timedelta(minutes=1)  # after 2 s it counts in any case, and a busy machine is slow
    LogChunk.objects.create(attempt=attempt, offset=8, stream="stdout", data=b"newcomer\n", at=at)
    html = page(viewer, run)
    assert f'data-live-log="{settled.pk}"' in html
    assert "newcomer" not in html


def test_many_events_open_at_their_end_and_go_back_by_a_button(viewer: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "SHOWN", 3)
    run = make_run()
    for _ in range(5):
        say(run, "run.waiting")
    assert re.findall(r'id="event-(\d+)"', page(viewer, run)) == ["4", "5", "6"]
    earlier = viewer.get(f"/runs/{run.pk}/events?before=4").content.decode()
    assert re.findall(r'id="event-(\d+)"', earlier) == ["1", "2", "3"]
    assert 'id="earlier"' not in earlier


@pytest.mark.parametrize("before", ["x", "-3", "9" * 30])
def test_a_strange_place_in_the_log_shows_nothing(viewer: Client, before: str) -> None:
    answer = viewer.get(f"/runs/{make_run().pk}/events?before={before}")
    assert (answer.status_code, b"event-" in answer.content) == (200, False)


def opened(client: Client, run: Run, key: str = "greet", query: str = "") -> str:
    answer = client.get(f"/runs/{run.pk}/steps/{key}{query}", headers={"HX-Request": "true"})
    return answer.content.decode()


def test_an_opened_step_tells_of_its_attempt_verdicts_and_outputs(viewer: Client) -> None:
    run = make_run(status="error")
    put_step(run, "greet", "error", attempt=1, reason="exit code 3", outputs={"exit_code": 3})
    step = run.steps.get()
    attempt_of(run, finished_at=timezone.now(), exit_code=3, error_class="failed", error_message="it said no")
    Proof.objects.create(step=step, attempt=1, position=0, verifier="exit_code", passed=False, message="expected 0")
    html = opened(viewer, run)
    for shown in ("it said no", "exit_code failed: expected 0", 'data-kind="integer"', "echo hello", "uses <b>shell"):
        assert shown in html
    assert "exit code 3" in page(viewer, run)


def test_attempts_are_behind_a_picker_that_says_why_each_was_made(viewer: Client) -> None:
    run = make_run(status="error")
    put_step(run, "greet", "error", attempt=2)
    attempt_of(run, outcome="lost", error_message="it vanished", finished_at=timezone.now())
    attempt_of(run, number=2, cause="lost", outcome="error", finished_at=timezone.now())
    latest, first = opened(viewer, run), opened(viewer, run, query="?attempt=1")
    assert "Retry after the previous worker was lost." in latest
    assert "it vanished" in first
    assert "First attempt." in first


@pytest.mark.parametrize("number", ["0", "-1", "x", "9" * 30, "٣"])
def test_a_strange_attempt_shows_the_latest(viewer: Client, number: str) -> None:
    run = make_run(status="running", steps={"greet": "running"})
    attempt_of(run)
    assert "Attempt 1" in opened(viewer, run, query=f"?attempt={number}")


def test_a_step_without_htmx_is_a_page_of_its_own(viewer: Client) -> None:
    html = viewer.get(f"/runs/{make_run().pk}/steps/greet").content.decode()
    assert "<html" in html
    assert "From the plan." in html


def test_a_step_that_the_plan_does_not_have_is_not_there(viewer: Client) -> None:
    assert viewer.get(f"/runs/{make_run().pk}/steps/nobody").status_code == 404


@pytest.mark.parametrize("piece", ["/map", "/steps/greet"])
def test_a_stranger_sees_no_piece_of_a_run(stranger: Client, piece: str) -> None:
    assert stranger.get(f"/runs/{make_run().pk}{piece}").status_code == 404


def test_the_map_shows_what_is_asked_for(viewer: Client) -> None:
    run = make_run(version=make_plan(many_steps(12)))
    assert 'id="fan-s0"' in viewer.get(f"/runs/{run.pk}/map").content.decode()
    assert 'id="node-s11"' in viewer.get(f"/runs/{run.pk}/map?unfold=s0").content.decode()
    assert "No steps have run yet" in viewer.get(f"/runs/{run.pk}/map?map=waterfall").content.decode()
    assert "No steps have run yet" in viewer.get(f"/runs/{run.pk}?map=waterfall").content.decode()


def test_the_page_of_a_thousand_steps_is_bounded(viewer: Client) -> None:
    steps = "".join(
        f"  - {{id: s{n}, needs: [s{max(n - 1, 0)}], uses: shell, with: {{run: 'true'}}}}\n" for n in range(1, 1000)
    )
    first = "pulser: 1\nslug: thousand\ntitle: Thousand\nsteps:\n  - {id: s0, uses: shell, with: {run: 'true'}}\n"
    run = make_run(version=make_plan(first + steps))
    put_step(run, "s0", "success", outputs={"text": "x" * 900_000})
    assert len(page(viewer, run)) < 2_000_000


def test_titles_and_reasons_cannot_become_markup(viewer: Client) -> None:
    evil = "<script>alert(1)</script>"
    run = make_run(status="error", title=evil, reason=evil)
    put_step(run, "greet", "error", attempt=1, reason=evil, outputs={evil: evil})
    attempt_of(run, worker=evil, error_message=evil, finished_at=timezone.now())
    assert evil not in page(viewer, run)
    assert evil not in opened(viewer, run)
    assert evil not in viewer.get(f"/runs/{run.pk}/map?map=waterfall").content.decode()


def test_the_first_failure_is_named_on_top(viewer: Client) -> None:
    run = make_run(status="error")
    put_step(run, "greet", "error", attempt=1, reason="it broke")
    attempt_of(run, exit_code=7, finished_at=timezone.now())
    html = page(viewer, run)
    assert "First failure:" in html
    assert "exit 7" in html
    assert 'data-log-step="greet"' in html


def test_who_must_act_next_is_said_with_the_end_of_the_lease(viewer: Client) -> None:
    run = make_run(status="running", steps={"greet": "running"})
    attempt_of(run, lease_expires=timezone.now() + timedelta(seconds=30))
    html = viewer.get(f"/runs/{run.pk}/custody?custody=&custody=greet").content.decode()
    assert 'id="custody-greet" hx-swap-oob="true"' in html
    assert "<b>w1</b>" in html
    assert "the attempt is lost and retried" in html


def test_a_finished_run_has_nobody_who_must_act(viewer: Client) -> None:
    run = make_run(status="success", steps={"greet": "success"})
    assert viewer.get(f"/runs/{run.pk}/custody?custody=&custody=greet").content.strip() == b""


def test_a_page_gets_the_custodies_that_it_shows_and_no_others(viewer: Client) -> None:
    run = make_run(status="running", steps={"greet": "running"})
    assert viewer.get(f"/runs/{run.pk}/custody").content.strip() == b""
    html = viewer.get(f"/runs/{run.pk}/custody?custody=").content.decode()
    assert 'id="custody"' in html
    assert "custody-greet" not in html


def test_a_waiting_run_says_for_what_and_what_happens_then(viewer: Client) -> None:
    run = make_run(status="waiting")
    soon = timezone.now() + timedelta(hours=8)
    put_step(run, "greet", "waiting", wait_message="Publish it?", deadline_at=soon)
    html = viewer.get(f"/runs/{run.pk}").content.decode()
    assert "for operator: Publish it?" in html
    assert "then it is rejected." in html


def test_a_run_in_a_paused_lane_says_who_paused_it_and_who_goes_on(viewer: Client) -> None:
    run = make_run(lane=make_lane("B", paused=True, paused_by="olivia", paused_reason="deploy freeze"))
    html = viewer.get(f"/runs/{run.pk}").content.decode()
    assert "lane B is paused by olivia: deploy freeze" in html
    assert "<b>an operator to resume lane B</b>; then it starts when the lane has a free slot." in html


def test_parent_and_children_are_linked(viewer: Client) -> None:
    parent = make_run(status="error")
    child = make_run(parent=parent)
    assert f'href="/runs/{child.pk}"' in page(viewer, parent)
    assert f'href="/runs/{parent.pk}"' in page(viewer, child)


def many_steps(number: int) -> str:
    """A plan with that many steps side by side."""
    steps = "".join(f"  - {{id: s{one}, uses: shell, with: {{run: 'true'}}}}\n" for one in range(number))
    return f"pulser: 1\nslug: many-{number}\ntitle: Many\nsteps:\n{steps}"


def test_the_number_of_queries_does_not_grow_with_steps(
    viewer: Client,
    django_assert_num_queries: Queries,
    django_assert_max_num_queries: Queries,
) -> None:
    runs = [make_run(version=make_plan(many_steps(number))) for number in (3, 60)]
    for run in runs:
        for step in run.steps.all():
            attempt_of(run, step.key)
        page(viewer, run)  # the graph of a plan is kept
    with django_assert_max_num_queries(24) as few:
        page(viewer, runs[0])
    with django_assert_num_queries(len(few)):
        page(viewer, runs[1])
