from __future__ import annotations

import pytest
from django.test import Client

from runs.models import Run
from tests.factories import make_lane, make_plan, make_session

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
    places = [html.index(f'name="param-{name}"') for name in ("repo", "depth", "labels")]
    assert places == sorted(places)
    assert "Where the sources are" in html


def test_starting_leads_to_the_run(operator: Client) -> None:
    fields = {"param-repo": "here", "param-depth": "3", "param-labels": '["a"]', "title": "Go", "environment": "dev"}
    answer = operator.post("/plans/release/start", fields)
    run = Run.objects.get()
    assert (answer.status_code, answer.headers["Location"]) == (302, f"/runs/{run.pk}")
    assert run.params == {"repo": "here", "depth": 3, "labels": ["a"]}
    assert (run.title, run.trigger) == ("Go", "board")


@pytest.mark.parametrize(
    ("fields", "said", "why"),
    [
        ({"param-depth": "three", "param-repo": "x"}, "expected a whole number", "no number"),
        ({"param-labels": "[1,", "param-repo": "x"}, "expected JSON", "no JSON"),
        ({"param-depth": "1.5", "param-repo": "x"}, "whole number", "a number, and not a whole one"),
        ({}, "repo", "a required value is not there"),
        ({"param-repo": "x", "lane": "nowhere"}, "there is no lane nowhere", "a lane that is not there"),
        ({"param-repo": "x", "session": "999999"}, "there is no such session", "a session that is not there"),
        ({"param-repo": "x", "environment": "moon"}, "environment", "an environment that is none"),
        ({"param-repo": "x", "title": "t" * 501}, "title", "a title past its bound"),
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
    answer = operator.post("/plans/release/start", {"param-repo": "my repo", "param-depth": "x", "environment": "dev"})
    assert b'value="my repo"' in answer.content


def test_a_viewer_starts_nothing(viewer: Client) -> None:
    answer = viewer.post("/plans/release/start", {"param-repo": "here", "environment": "dev"})
    assert (answer.status_code, Run.objects.count()) == (403, 0)


def test_a_stranger_sees_no_plans(stranger: Client) -> None:
    assert [stranger.get(url).status_code for url in ("/plans/", "/plans/release/")] == [403, 403]


def test_an_unknown_plan_is_not_found(viewer: Client) -> None:
    assert viewer.get("/plans/nothing/").status_code == 404
