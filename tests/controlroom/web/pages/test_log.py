from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from runs.models import Run
from tests.controlroom.api.callers import streamed
from tests.factories import make_run, put_step, say, start
from tests.runs.queries.logs.test_lines import TWO
from tests.runs.queries.logs.writing import attempt_of, write

pytestmark = pytest.mark.django_db

PIECES = ["", "/lines", "/find?q=x", "/error", "/download"]


def ask(client: Client, run: Run, piece: str = "/lines", **query: Any) -> Any:
    return client.get(f"/runs/{run.pk}/log{piece}", query)


def lines(client: Client, run: Run, **query: Any) -> list[int]:
    html = ask(client, run, **query).content.decode()
    return [int(number) for number in re.findall(r'id="L(\d+)"', html)]


@pytest.fixture
def run(db: None) -> Run:
    run = start(TWO)
    write(attempt_of(run, "one"), b"first\nsecond\n")
    write(attempt_of(run, "two"), b"third\n", stream="stderr")
    return run


@pytest.mark.parametrize("piece", PIECES)
def test_a_log_is_for_people_who_signed_in(client: Client, run: Run, piece: str) -> None:
    assert client.get(f"/runs/{run.pk}/log{piece}").status_code == 302


@pytest.mark.parametrize("piece", PIECES)
def test_for_a_stranger_there_is_no_log(stranger: Client, run: Run, piece: str) -> None:
    assert stranger.get(f"/runs/{run.pk}/log{piece}").status_code == 404


@pytest.mark.parametrize("piece", PIECES)
def test_an_unknown_run_has_no_log(viewer: Client, piece: str) -> None:
    assert viewer.get(f"/runs/0199aaaa-0000-7000-8000-000000000000/log{piece}").status_code == 404


def test_a_page_of_lines_says_where_it_is(viewer: Client, run: Run) -> None:
    html = ask(viewer, run, **{"from": 2, "count": 1}).content.decode()
    assert 'data-first="2" data-total="3"' in html
    assert re.findall(r'id="L(\d+)"', html) == ["2"]
    assert ">second</code>" in html


def test_without_a_place_the_end_is_shown(viewer: Client, run: Run) -> None:
    assert lines(viewer, run, count=2) == [2, 3]


@pytest.mark.parametrize(
    "query", [{"from": "x"}, {"from": "-1"}, {"count": "many"}, {"attempt": "one"}, {"from": "9" * 40}]
)
def test_strange_numbers_are_as_good_as_none(viewer: Client, run: Run, query: dict[str, str]) -> None:
    assert lines(viewer, run, **query) == [1, 2, 3]


def test_one_step_has_its_own_numbers(viewer: Client, run: Run) -> None:
    html = ask(viewer, run, step="two").content.decode()
    assert 'id="L1"' in html
    assert 'data-stream="stderr">third<' in html
    assert f'href="/runs/{run.pk}/log?step=two#L1"' in html


@pytest.mark.parametrize("query", [{"step": "three"}, {"step": "\0"}, {"until": "99"}])
def test_what_is_not_there_is_not_found(viewer: Client, run: Run, query: dict[str, str]) -> None:
    assert ask(viewer, run, **query).status_code == 404


@pytest.mark.parametrize("until", ["yesterday", "2026-13-41T00:00:00Z", "1e9"])
def test_a_time_that_is_none_is_refused(viewer: Client, run: Run, until: str) -> None:
    assert ask(viewer, run, until=until).status_code == 400


def test_a_log_as_of_a_moment_or_an_event(viewer: Client) -> None:
    run, now = make_run(), timezone.now()
    write(attempt_of(run), b"early\n", at=now - timedelta(seconds=90))
    event = say(run, "run.waiting")
    write(attempt_of(run), b"late\n", at=event.at + timedelta(seconds=1))
    type(event).objects.filter(pk=event.pk).update(at=now - timedelta(seconds=60))
    for until in (
        event.seq,
        (now - timedelta(seconds=60)).isoformat(),
        f"{now - timedelta(seconds=60):%Y-%m-%dT%H:%M:%S}",
    ):
        html = ask(viewer, run, until=until).content.decode()
        assert ("early" in html, "late" in html) == (True, False)


def test_markup_in_output_is_text(viewer: Client) -> None:
    run = make_run()
    write(attempt_of(run), b"\x1b[31m<script>alert(1)</script>\x1b[0m \" & '\n")
    html = " ".join(ask(viewer, run).content.decode().split())
    assert '<span class="a a-red">&lt;script&gt;alert(1)&lt;/script&gt;</span>' in html
    assert "<script" not in html
    assert "\x1b" not in html


def test_matches_are_told_as_numbers_with_their_text(viewer: Client, run: Run) -> None:
    found = ask(viewer, run, "/find", q="SECOND").json()
    assert found == {"matches": [{"line": 2, "text": "second"}], "is_capped": False, "stopped_at": None, "of": ""}


def test_a_search_for_nothing_finds_nothing(viewer: Client, run: Run) -> None:
    assert ask(viewer, run, "/find").json()["matches"] == []


def test_the_first_error_is_told(viewer: Client, run: Run) -> None:
    assert ask(viewer, run, "/error").json()["matches"] == []
    write(attempt_of(run, "two"), b"fatal: no\n")
    assert ask(viewer, run, "/error").json()["matches"] == [{"line": 4, "text": "fatal: no"}]


def test_a_download_is_a_file_with_the_bytes_themselves(viewer: Client, run: Run) -> None:
    write(attempt_of(run, "two"), b"\x1b[31m\xff\n")
    answer = ask(viewer, run, "/download", step="two")
    assert answer.headers["Content-Disposition"] == f'attachment; filename="run-{run.short_id}-two.log"'
    assert (answer.headers["Content-Type"], answer.headers["X-Content-Type-Options"]) == (
        "text/plain; charset=utf-8",
        "nosniff",
    )
    assert streamed(answer) == b"third\n\x1b[31m\xff\n"


@pytest.mark.parametrize(
    ("status", "step", "words"),
    [
        ("running", "", "No output yet."),
        ("success", "", "This run has no output."),
        ("success", "greet", "This step has no output."),
    ],
)
def test_silence_is_explained(viewer: Client, status: str, step: str, words: str) -> None:
    assert words in ask(viewer, make_run(status=status), step=step).content.decode()


def test_a_step_that_ended_in_silence_is_told_from_one_that_may_yet_speak(viewer: Client) -> None:
    run = start(TWO)
    put_step(run, "two", "running")
    attempt_of(run, "one")
    attempt_of(run, "two", finished_at=None)
    said = [ask(viewer, run, step=key).content.decode() for key in ("one", "two")]
    assert ["This step has no output." in said[0], "No output yet." in said[1]] == [True, True]


def test_a_log_that_was_cut_says_so(viewer: Client) -> None:
    run = make_run(status="success")
    write(attempt_of(run, log_cut=True), b"much\n")
    assert "The log of greet was truncated at 64 MiB" in ask(viewer, run).content.decode()


def test_the_page_offers_the_steps_that_were_taken(viewer: Client, run: Run) -> None:
    attempt_of(run, "two", number=2)
    html = ask(viewer, run, "", step="two", attempt=2).content.decode()
    assert '<option value="one" data-attempts="1">' in html
    assert '<option value="two" data-attempts="2" selected>' in html
    assert f'data-live="/ws/runs/{run.pk}"' in html


def test_a_page_of_the_past_does_not_listen(viewer: Client, run: Run) -> None:
    assert "data-live=" not in ask(viewer, run, "", until="1").content.decode()
