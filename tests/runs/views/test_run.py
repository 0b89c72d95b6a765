from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries as Queries

from runs.models import Attempt, LogChunk, Proof, Run
from runs.views import run as run_views
from tests.factories import make_plan, make_run, put_step, say

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


@pytest.mark.parametrize("piece", ["", "/events", "/custody", "/artifacts"])
def test_an_unknown_run_has_no_page(viewer: Client, piece: str) -> None:
    assert viewer.get(f"/runs/0199aaaa-0000-7000-8000-000000000000{piece}").status_code == 404


@pytest.mark.parametrize("piece", ["", "/events", "/custody", "/artifacts"])
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


def test_a_long_log_opens_at_its_end(viewer: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_views, "LOG_SHOWN", 10)
    run, size = make_run(), 6
    attempt = attempt_of(run)
    for number in range(4):
        write(attempt, b"line %d" % number, offset=number * size)
    html = page(viewer, run)
    assert "line 3" in html
    assert "line 1" not in html
    assert "Earlier output is left out" in html


def test_a_chunk_that_others_may_precede_is_left_to_the_socket(viewer: Client) -> None:
    run = make_run()
    attempt = attempt_of(run)
    settled = write(attempt, b"settled\n")
    LogChunk.objects.create(attempt=attempt, offset=8, stream="stdout", data=b"fresh\n", at=timezone.now())
    html = page(viewer, run)
    assert f'data-live-log="{settled.pk}"' in html
    assert "fresh" not in html


def test_many_events_open_at_their_end_and_go_back_by_a_button(viewer: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_views, "EVENTS_SHOWN", 3)
    run = make_run()
    for _ in range(5):
        say(run, "run.waiting")
    assert re.findall(r'id="event-(\d+)"', page(viewer, run)) == ["4", "5", "6"]
    earlier = viewer.get(f"/runs/{run.pk}/events?before=4").content.decode()
    assert re.findall(r'id="event-(\d+)"', earlier) == ["1", "2", "3"]
    assert 'id="earlier"' not in earlier


@pytest.mark.parametrize("before", ["x", "", "-3", "9" * 30])
def test_a_strange_place_in_the_log_shows_nothing(viewer: Client, before: str) -> None:
    answer = viewer.get(f"/runs/{make_run().pk}/events?before={before}")
    assert (answer.status_code, b"event-" in answer.content) == (200, False)


def test_a_step_tells_of_its_attempts_verdicts_and_outputs(viewer: Client) -> None:
    run = make_run(status="error")
    put_step(run, "greet", "error", attempt=1, reason="exit code 3", outputs={"exit_code": 3})
    step = run.steps.get()
    attempt_of(run, finished_at=timezone.now(), exit_code=3, error_class="failed", error_message="it said no")
    Proof.objects.create(step=step, attempt=1, position=0, verifier="exit_code", passed=False, message="expected 0")
    html = page(viewer, run)
    for shown in ("exit code 3", "failed: it said no", "exit_code refused: expected 0", "&quot;exit_code&quot;: 3"):
        assert shown in html


def test_who_must_act_next_is_said_with_the_end_of_the_lease(viewer: Client) -> None:
    run = make_run(status="running", steps={"greet": "running"})
    attempt_of(run, lease_expires=timezone.now() + timedelta(seconds=30))
    html = viewer.get(f"/runs/{run.pk}/custody").content.decode()
    assert 'id="custody-greet" hx-swap-oob="true"' in html
    assert "<b>w1</b>" in html
    assert "the attempt is lost, and another one follows" in html


def test_a_finished_run_has_nobody_who_must_act(viewer: Client) -> None:
    run = make_run(status="success", steps={"greet": "success"})
    assert viewer.get(f"/runs/{run.pk}/custody").content.strip() == b""


def test_parent_and_children_are_linked(viewer: Client) -> None:
    parent = make_run(status="error")
    child = make_run(parent=parent)
    assert f'href="/runs/{child.pk}"' in page(viewer, parent)
    assert f'href="/runs/{parent.pk}"' in page(viewer, child)


def test_the_number_of_queries_does_not_grow_with_steps(
    viewer: Client,
    django_assert_num_queries: Queries,
    django_assert_max_num_queries: Queries,
) -> None:
    one = make_run()
    many = make_run(version=make_plan(MANY_STEPS))
    for run in (one, many):
        for step in run.steps.all():
            write(attempt_of(run, step.key), b"hello\n")
    with django_assert_max_num_queries(20) as few:
        page(viewer, one)
    with django_assert_num_queries(len(few)):
        page(viewer, many)


MANY_STEPS = "pulser: 1\nslug: many\ntitle: Many\nsteps:\n" + "".join(
    f"  - {{id: s{number}, uses: shell, with: {{run: 'true'}}}}\n" for number in range(12)
)
