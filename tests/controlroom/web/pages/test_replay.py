from __future__ import annotations

import re

import pytest
from django.test import Client

from runs.models import Run
from tests.factories import start
from tests.runs.execution.plans import ONCE, plan, shell
from tests.runs.helpers import event, run_plan, wait_until

pytestmark = pytest.mark.django_db


@pytest.fixture
def run(transactional_db: None) -> Run:
    return run_plan(
        plan(
            shell("good", "echo fine"),
            shell("bad", "echo broken; exit 3", "good", retry=ONCE),
            shell("after", "true", "bad"),
        )
    )


def statuses(html: str) -> dict[str, str]:
    return dict(re.findall(r'id="step-([a-z]+)" data-status="([a-z]+)"', html))


def pieces(client: Client, run: Run, name: object) -> str:
    answer = client.get(f"/runs/{run.pk}/at/{name}")
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_pieces_show_the_run_as_of_an_event(viewer: Client, run: Run) -> None:
    seq = event(run, "step.claimed", step="bad").seq
    html = pieces(viewer, run, seq)

    assert statuses(html) == {"good": "success", "bad": "running", "after": "pending"}
    assert f"As of event {seq} of" in html
    assert "<code>bad</code> attempt 1 started on" in html
    assert 'id="first-cause"></div>' in html
    assert "First failure" in pieces(viewer, run, run.seq)


def test_nothing_ticks_and_nothing_can_be_pressed_in_the_past(operator: Client, run: Run) -> None:
    html = pieces(operator, run, event(run, "step.claimed", step="bad").seq)

    assert "data-tick" not in html
    assert "data-verb" not in html


def test_from_a_moment_that_is_shown_only_what_looks_otherwise_is_sent(viewer: Client, run: Run) -> None:
    claimed = event(run, "step.claimed", step="bad").seq
    pieces(viewer, run, claimed - 1)
    html = pieces(viewer, run, f"{claimed}?shown={claimed - 1}")

    assert statuses(html) == {"bad": "running"}
    assert re.findall(r'id="node-([a-z]+)"', html) == ["bad"]
    assert 'id="run-head"' in html and 'id="map-bar"' in html and 'id="steps-pane"' not in html


@pytest.mark.parametrize("shown", ["", "0", "x", "-1", "٣", "9" * 40])
def test_from_a_moment_that_nobody_knows_all_is_sent(viewer: Client, run: Run, shown: str) -> None:
    html = pieces(viewer, run, f"3?shown={shown}")

    assert set(statuses(html)) == {"good", "bad", "after"} and 'id="steps-pane"' in html


def test_a_waterfall_is_sent_as_a_whole(viewer: Client, run: Run) -> None:
    pieces(viewer, run, "5?map=waterfall")
    html = pieces(viewer, run, "6?map=waterfall&shown=5")

    assert 'id="changed"' in html and 'id="waterfall"' in html


def test_a_link_shows_the_whole_page_as_of_an_event(viewer: Client, run: Run) -> None:
    seq = event(run, "step.succeeded", step="good").seq

    def shown() -> str:
        return viewer.get(f"/runs/{run.pk}?at={seq}").content.decode()

    wait_until(lambda: "fine" in shown())  # for two seconds lines wait for whoever else is writing, in any database
    html = shown()
    assert f'data-replaying="{seq}"' in html
    assert statuses(html)["bad"] == "pending"
    assert f'<a class="button primary small" href="/runs/{run.pk}" data-back' in html
    assert "broken" not in html, "the log ends there"


def test_the_way_back_has_the_present(viewer: Client, run: Run) -> None:
    html = pieces(viewer, run, "now")

    assert statuses(html) == {"good": "success", "bad": "error", "after": "skipped"}
    assert '<div class="then" id="then" data-seq="now" hidden>' in html


def test_an_opened_step_and_the_map_are_as_of_the_event_too(viewer: Client, run: Run) -> None:
    seq = event(run, "step.claimed", step="good").seq
    body = viewer.get(f"/runs/{run.pk}/steps/good?at={seq}", headers={"HX-Request": "true"}).content.decode()
    drawn = viewer.get(f"/runs/{run.pk}/map?map=graph&at={seq}").content.decode()

    assert "Outputs" not in body
    assert 'id="node-bad" data-status="pending"' in drawn


@pytest.mark.parametrize("at", ["0", "999", "-1", "x", "1e3", "9" * 40, "٣"])
def test_an_event_that_the_run_has_not_is_not_found(viewer: Client, at: str) -> None:
    run = start()
    addresses = [f"/runs/{run.pk}?at={at}", f"/runs/{run.pk}/map?at={at}", f"/runs/{run.pk}/steps/greet?at={at}"]

    assert {viewer.get(address).status_code for address in addresses} == {404}
    assert viewer.get(f"/runs/{run.pk}/at/{at}").status_code == 404


def test_no_event_asked_for_is_the_present(viewer: Client) -> None:
    assert viewer.get(f"/runs/{start().pk}?at=").status_code == 200


@pytest.mark.parametrize("path", ["?at=1", "/at/1", "/at/now", "/ticks", "/events", "/events/1"])
def test_a_stranger_sees_nothing_of_the_past(stranger: Client, path: str) -> None:
    assert stranger.get(f"/runs/{start().pk}{path}").status_code == 404


def test_events_are_listed_by_a_filter(viewer: Client, run: Run) -> None:
    html = viewer.get(f"/runs/{run.pk}/events?group=step&step=bad").content.decode()

    assert "attempt 1 started on" in html and "Queued by" not in html
    assert "No events match." in viewer.get(f"/runs/{run.pk}/events?group=approval").content.decode()


def test_the_button_for_earlier_events_keeps_the_filter(viewer: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runs.queries.replay.listing.SHOWN", 1)
    run = run_plan(plan(shell("a", "true")))

    assert "&amp;group=step&amp;text=a" in viewer.get(f"/runs/{run.pk}/events?group=step&text=a").content.decode()


def test_an_event_shows_its_data_escaped(viewer: Client) -> None:
    run = start(title="<script>alert(1)</script>")
    html = viewer.get(f"/runs/{run.pk}/events/1").content.decode()

    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html and "<script>" not in html
    assert viewer.get(f"/runs/{run.pk}/events/2").status_code == 404


def test_an_event_about_an_artifact_leads_to_it(viewer: Client) -> None:
    run = run_plan(plan(shell("a", "echo hi > 'a&b.txt'", artifacts=[{"path": "a&b.txt", "kind": "file"}])))
    html = viewer.get(f"/runs/{run.pk}/events?group=artifact").content.decode()
    href = re.search(r'href="([^"]*named[^"]*)"', html)

    assert href is not None
    answer = viewer.get(href[1].replace("&amp;", "&"))
    assert (answer.status_code, answer.headers["Location"]) == (
        302,
        f"/runs/{run.pk}/artifacts/{run.artifacts.get().pk}/view",
    )
