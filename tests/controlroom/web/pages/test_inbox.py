from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries as Queries

from runs.commands import approve
from runs.models import Run
from tests.controlroom.web.pages.conftest import signed_in
from tests.factories import make_actor, make_run, put_step

pytestmark = pytest.mark.django_db

ASKS = """
pulser: 1
slug: asks
title: Asks
steps:
  - {id: sign-off, uses: approval, with: {role: operator, message: "Go?"}}
"""
INBOX = {"HX-Request": "true", "HX-Target": "inbox"}


def asking(**fields: object) -> Run:
    run = make_run(status="waiting", source=ASKS, title=str(fields.pop("title", "Asks")))
    put_step(run, "sign-off", "waiting", wait_message="Go?", **fields)
    return run


def test_what_waits_for_my_role_is_listed_with_its_question(operator: Client) -> None:
    run = asking(deadline_at=timezone.now() + timedelta(hours=2))
    html = operator.get("/inbox").content.decode()
    assert f'id="question-{run.pk}-sign-off"' in html
    assert "<blockquote>Go?</blockquote>" in html
    assert "then it is rejected" in html


def test_the_nearest_deadline_comes_first(operator: Client) -> None:
    later = asking(deadline_at=timezone.now() + timedelta(hours=2))
    sooner = asking(deadline_at=timezone.now() + timedelta(hours=1))
    html = operator.get("/inbox").content.decode()
    assert html.index(str(sooner.pk)) < html.index(str(later.pk))


def test_what_asks_for_another_role_is_not_mine() -> None:
    asking(wait_role="admin")
    assert "Nothing is waiting for you" in signed_in("operator").get("/inbox").content.decode()
    assert "Nothing is waiting for you" not in signed_in("admin").get("/inbox").content.decode()


def test_a_parked_step_is_asked_about_in_other_words(operator: Client) -> None:
    asking(wait_kind="lost")
    html = operator.get("/inbox").content.decode()
    assert "Run again" in html
    assert "Mark as failed" in html


def test_a_timer_waits_for_nobody(operator: Client) -> None:
    asking(wait_role="", wait_kind="timer")
    assert "Nothing is waiting for you" in operator.get("/inbox").content.decode()


def test_a_decision_answers_with_the_rest_of_the_inbox(operator: Client) -> None:
    first, second = asking(), asking()
    answer = operator.post(f"/runs/{first.pk}/steps/sign-off/approve", {"comment": "fine"}, headers=INBOX)
    html = answer.content.decode()
    assert answer["HX-Trigger"] == "inbox-changed", "the number in the bar is counted anew"
    assert str(first.pk) not in html
    assert str(second.pk) in html


def test_who_was_faster_is_said(operator: Client) -> None:
    run = asking()
    approve(str(run.pk), "sign-off", actor=make_actor(name="bob"))
    answer = operator.post(f"/runs/{run.pk}/steps/sign-off/reject", headers=INBOX)
    assert answer.status_code == 409
    assert json.loads(answer.headers["X-Toast"])["text"] == "sign-off was already approved by bob"


def test_the_badge_counts_what_waits(operator: Client) -> None:
    assert operator.get("/inbox/count").content == b""
    asking(), asking()
    assert ">2<" in operator.get("/inbox/count").content.decode()


def test_many_questions_take_few_queries(operator: Client, django_assert_max_num_queries: Queries) -> None:
    for _ in range(5):
        asking()
    with django_assert_max_num_queries(8):
        operator.get("/inbox/list")


def test_markup_in_a_question_is_text(operator: Client) -> None:
    run = asking(title="<b>bold</b>")
    put_step(run, "sign-off", "waiting", wait_message="<img src=x>")
    html = operator.get("/inbox").content.decode()
    assert "<img" not in html
    assert "<b>bold" not in html


def test_a_viewer_has_an_inbox_that_is_empty_and_decides_nothing(viewer: Client) -> None:
    run = asking()
    assert "Nothing is waiting for you" in viewer.get("/inbox").content.decode()
    assert viewer.post(f"/runs/{run.pk}/steps/sign-off/approve", headers=INBOX).status_code == 403


@pytest.mark.parametrize("path", ["/inbox", "/inbox/list", "/inbox/count"])
def test_a_stranger_has_no_inbox(stranger: Client, path: str) -> None:
    assert stranger.get(path).status_code == 403
