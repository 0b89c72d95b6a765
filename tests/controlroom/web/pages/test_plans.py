from __future__ import annotations

from html import unescape

import pytest
from django.test import Client
from django.utils import timezone

from pulser.catalogue import compiled_plan
from pulser.models import Plan, PlanVersion
from runs.models import Run, Session
from tests.factories import make_lane, make_plan, make_session, start

pytestmark = pytest.mark.django_db

SOURCE = """
pulser: 1
slug: release
title: Release
description: Builds and publishes.
params:
  type: object
  required: [repo]
  properties:
    repo: {type: string, title: Repository, description: Where the sources are}
    depth: {type: integer, default: 1}
    labels: {type: array, items: {type: string}}
steps:
  - {id: build, uses: shell, with: {run: "true"}}
"""
ROW = {"has:p.labels": "1", "was:p.labels": "1", "i:p.labels": "0", "p.labels.0": "a"}


@pytest.fixture(autouse=True)
def _house(db: None) -> None:
    make_lane()
    make_session()
    make_plan(SOURCE)


def test_a_forgotten_slash_leads_to_the_plans(viewer: Client) -> None:
    assert viewer.get("/plans").headers["Location"] == "/plans/"


def test_plans_are_listed_with_their_version(viewer: Client) -> None:
    html = viewer.get("/plans/").content.decode()
    assert 'href="/plans/release/"' in html
    assert "version 1" in html


def test_the_form_keeps_the_order_of_the_document(viewer: Client) -> None:
    html = viewer.get("/plans/release/").content.decode()
    places = [html.index(f'data-field="p.{name}"') for name in ("repo", "depth", "labels")]
    assert places == sorted(places)
    assert "Where the sources are" in html


def test_starting_leads_to_the_run(operator: Client) -> None:
    fields = {"p.repo": "here", "p.depth": "3", "title": "Go", "environment": "dev"} | ROW
    answer = operator.post("/plans/release/start", fields)
    run = Run.objects.get()
    assert (answer.status_code, answer.headers["Location"]) == (302, f"/runs/{run.pk}")
    assert run.params == {"repo": "here", "depth": 3, "labels": ["a"]}
    assert (run.title, run.trigger) == ("Go", "board")


@pytest.mark.parametrize(
    ("fields", "said", "why"),
    [
        ({"p.depth": "three", "p.repo": "x"}, "expected a whole number", "no number"),
        ({"how:p.labels": "json", "p.labels": "[1,", "p.repo": "x"}, "expected JSON", "no JSON"),
        ({"p.depth": "1.5", "p.repo": "x"}, "whole number", "a number, and not a whole one"),
        ({}, "repo", "a required value is not there"),
        ({"p.repo": "x", "lane": "nowhere"}, "lane nowhere not found", "a lane that is not there"),
        ({"p.repo": "x", "session": "999999"}, "session not found", "a session that is not there"),
        ({"p.repo": "x", "environment": "moon"}, "environment", "an environment that is none"),
        ({"p.repo": "x", "title": "t" * 501}, "title", "a title past its bound"),
    ],
)
def test_what_does_not_fit_is_said_and_starts_nothing(
    operator: Client, fields: dict[str, str], said: str, why: str
) -> None:
    answer = operator.post("/plans/release/start", {"environment": "dev"} | fields)
    html = answer.content.decode()
    assert answer.status_code in (404, 422), why
    assert said in html[html.index('<form class="start"') :]
    assert Run.objects.count() == 0


def test_what_was_typed_stays_in_the_form(operator: Client) -> None:
    answer = operator.post("/plans/release/start", {"p.repo": "my repo", "p.depth": "x", "environment": "dev"})
    assert b'value="my repo"' in answer.content


def test_a_viewer_starts_nothing(viewer: Client) -> None:
    answer = viewer.post("/plans/release/start", {"p.repo": "here", "environment": "dev"})
    assert (answer.status_code, Run.objects.count()) == (403, 0)


def test_a_stranger_sees_no_plans(stranger: Client) -> None:
    assert [stranger.get(url).status_code for url in ("/plans/", "/plans/release/")] == [403, 403]


def test_an_unknown_plan_is_not_found(viewer: Client) -> None:
    assert viewer.get("/plans/nothing/").status_code == 404


def test_an_error_stands_beside_its_field_and_in_the_summary(operator: Client) -> None:
    html = operator.post("/plans/release/start", {"p.repo": "x", "p.depth": "three"}).content.decode()
    assert '<a href="#p.depth">depth</a>: expected a whole number, got three' in html
    assert 'id="p.depth-error">expected a whole number, got three<' in html


def test_an_address_fills_in_the_form(viewer: Client) -> None:
    make_lane("B")
    html = viewer.get("/plans/release/?p.repo=here&p.labels=a&title=Night&lane=B&environment=prod").content.decode()
    assert 'name="p.repo" aria-required="true" aria-describedby="p.repo-help" type="text" value="here"' in html
    assert 'name="p.labels.0" type="text" value="a"' in html
    assert 'value="Night"' in html
    assert "<option selected>B</option>" in html
    assert "<option selected>prod</option>" in html


def test_what_the_address_cannot_say_is_told(viewer: Client) -> None:
    answer = viewer.get("/plans/release/?p.depth=deep&p.nothing=1")
    assert answer.status_code == 200
    assert "from the URL, p.depth=deep: expected a number" in answer.content.decode()


def test_a_link_with_these_values_leads_to_them(operator: Client) -> None:
    typed = {"p.repo": "here & there", "p.depth": "3", "title": "Go", "do": "link"} | ROW
    html = operator.post("/plans/release/start", typed, headers={"HX-Request": "true"}).content.decode()
    link = unescape(html.partition('id="params-link">')[2].partition("<")[0])
    assert 'value="here &amp; there"' in operator.get(link).content.decode()
    assert Run.objects.count() == 0


def test_a_button_in_the_form_works_without_a_script(operator: Client) -> None:
    html = operator.post("/plans/release/start", {"p.repo": "x", "do": "add p.labels"}).content.decode()
    assert '<form class="start"' in html
    assert 'name="p.labels.0"' in html
    assert Run.objects.count() == 0


def test_an_older_version_is_shown_and_started_on_request(operator: Client) -> None:
    make_plan(SOURCE.replace("required: [repo]", "required: [repo, depth]"))
    assert "Version 2 is the latest" in operator.get("/plans/release/?version=1").content.decode()
    operator.post("/plans/release/start", {"version": "1", "p.repo": "x", "environment": "dev"})
    assert Run.objects.get().plan_version.number == 1


@pytest.mark.parametrize("version", ["3", "0", "x", "9" * 30, "%00"])
def test_a_version_that_is_not_there_is_not_found(viewer: Client, version: str) -> None:
    assert viewer.get(f"/plans/release/?version={version}").status_code == 404


def test_a_plan_shows_its_steps_its_source_and_its_last_runs(viewer: Client) -> None:
    run = start(version=Plan.objects.get().latest, params={"repo": "x"}, title="The last one")
    html = viewer.get("/plans/release/").content.decode()
    assert f'href="/runs/{run.pk}">The last one<' in html
    assert 'data-effect="idempotent"' in html
    assert "slug: release" in html


def test_markdown_in_a_description_cannot_become_a_script(viewer: Client) -> None:
    text = "'**Bold** <script>alert(1)</script> [x](javascript:alert(1)) [out](/logout) ![pixel](https://e.org/p.png)'"
    make_plan(SOURCE.replace("Builds and publishes.", text))
    html = viewer.get("/plans/release/").content.decode()
    assert "<strong>Bold</strong>" in html
    assert "<script>alert" not in html
    assert 'href="javascript' not in html
    assert 'href="/logout"' not in html
    assert 'src="https://e.org' not in html


def test_a_plan_that_can_no_longer_be_read_says_so(viewer: Client) -> None:
    PlanVersion.objects.update(document={"pulser": 99})
    compiled_plan.cache_clear()
    answer = viewer.get("/plans/release/")
    assert answer.status_code == 200
    assert "can no longer be read" in answer.content.decode()


def test_the_plan_of_bulk_work_is_started_by_the_board_alone(operator: Client) -> None:
    make_plan(SOURCE.replace("slug: release", "slug: bulk"))
    listed = operator.get("/plans/").content.decode()
    assert "started from the board" in listed
    assert listed.count('href="/plans/bulk/"') == 1, "its name alone leads to it"
    assert 'id="start"' not in operator.get("/plans/bulk/").content.decode()


DEEP = '{"repo":"x","free":' + "[" * 600 + "]" * 600 + "}"


@pytest.mark.parametrize("text", ['{"repo":"\\ud800"}', '{"\\udfff":1}', DEEP], ids=["half", "half a key", "deep"])
@pytest.mark.parametrize("command", ["", "form p", "json p", "link"])
def test_json_that_no_page_and_no_database_can_hold_is_refused(operator: Client, text: str, command: str) -> None:
    answer = operator.post("/plans/release/start", {"how:p": "json", "p": text, "do": command})
    assert (answer.status_code, Run.objects.count()) == (200 if command else 422, 0)
    assert "expected JSON" in answer.content.decode()


@pytest.mark.parametrize("text", ['{"repo":"\\ud800"}', DEEP], ids=["half", "deep"])
def test_an_address_with_such_json_is_told_so(viewer: Client, text: str) -> None:
    answer = viewer.get("/plans/release/", {"params": text})
    assert (answer.status_code, "expected a JSON object" in answer.content.decode()) == (200, True)


EFFECTS = """
pulser: 1
slug: effects
params: {type: object, properties: {word: {type: string, minLength: 1, maxLength: 20}}}
steps:
  - {id: look, uses: shell, with: {run: "true"}}
  - {id: ask, uses: approval, needs: [look]}
  - {id: send, uses: shell, needs: [ask], effect: irreversible, with: {run: "true"}}
  - {id: send-twice, uses: shell, needs: [ask], effect: irreversible, retry: {max_attempts: 2}, with: {run: "true"}}
"""


@pytest.mark.parametrize(
    ("step", "tries", "why"),
    [
        ("look", "4", "by the policy of all plans"),
        ("ask", "1", "nobody is asked again who has said no"),
        ("send", "1", "it cannot be undone, and no retry was asked for"),
        ("send-twice", "2", "it has a retry of its own"),
    ],
)
def test_a_plan_says_how_often_a_step_is_tried(viewer: Client, step: str, tries: str, why: str) -> None:
    make_plan(EFFECTS)
    html = viewer.get("/plans/effects/").content.decode()
    row = html.partition(f'id="row-{step}"')[2].partition("</tr>")[0]
    assert f'<td class="tries">{tries}</td>' in row, why


def test_what_irreversible_means_is_said_where_a_step_is(viewer: Client) -> None:
    make_plan(EFFECTS)
    said = [b"an operator decides" in viewer.get(f"/plans/{slug}/").content for slug in ("effects", "release")]
    assert said == [True, False]


def test_bounds_are_said_in_good_english(viewer: Client) -> None:
    make_plan(EFFECTS)
    assert "at least 1 character, at most 20 characters" in viewer.get("/plans/effects/").content.decode()


def test_a_viewer_is_told_who_starts_runs_and_gets_a_link_to_send(viewer: Client) -> None:
    html = viewer.get("/plans/release/").content.decode()
    form = html.partition('<form class="start"')[2].partition("</form>")[0]
    assert "Only operators can start runs" in form
    assert ">Start<" not in form
    assert 'name="do" value="link"' in form.partition("</button>")[0], "it is what Enter does"
    answer = viewer.post("/plans/release/start", {"p.repo": "here", "do": "link"})
    assert "/plans/release/?p.repo=here" in answer.content.decode()


def test_an_operator_is_not_told_who_starts_runs(operator: Client) -> None:
    assert "Only operators" not in operator.get("/plans/release/").content.decode()


@pytest.mark.parametrize(("has_own", "says"), [(False, True), (True, False)])
def test_what_the_board_starts_is_no_plan_of_somebody(operator: Client, has_own: bool, says: bool) -> None:
    Plan.objects.filter(slug="release").update(archived_at=None if has_own else timezone.now())
    make_plan(SOURCE.replace("slug: release", "slug: bulk"))
    html = operator.get("/plans/").content.decode()
    assert ("No plans yet" in html, "started from the board" in html) == (says, True)


def test_plans_come_before_what_the_board_starts(operator: Client) -> None:
    make_plan(SOURCE.replace("slug: release", "slug: bulk"))
    html = operator.get("/plans/").content.decode()
    assert html.index('href="/plans/release/"') < html.index('href="/plans/bulk/"')


def test_a_run_in_a_session_is_a_plan_away(operator: Client) -> None:
    session = make_session("incident <42>")
    listed = operator.get(f"/plans/?session={session.pk}").content.decode()
    assert "in session <b>incident &lt;42&gt;</b>" in listed
    assert f'href="/plans/release/?session={session.pk}"' in listed
    form = operator.get(f"/plans/release/?session={session.pk}").content.decode()
    assert f'<option value="{session.pk}" selected>' in form
    assert '<details class="wishes" open>' in form


@pytest.mark.parametrize("session", ["x", "999999", "9" * 30, "%00", "-1", "archived"])
def test_a_session_in_which_nothing_starts_is_left_out(operator: Client, session: str) -> None:
    over = make_session("over")
    Session.objects.filter(pk=over.pk).update(archived_at=timezone.now())
    answer = operator.get(f"/plans/?session={over.pk if session == 'archived' else session}")
    assert (answer.status_code, b"in session" in answer.content) == (200, False)
