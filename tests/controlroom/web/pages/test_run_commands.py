from __future__ import annotations

import json

import pytest
from django.http import HttpResponseBase
from django.test import Client
from django.utils import timezone

from runs.models import Event, Run
from tests.factories import make_run, make_user

pytestmark = pytest.mark.django_db

APPROVAL = """
pulser: 1
slug: asks
title: Asks
steps:
  - {id: sign-off, uses: approval, with: {role: operator, message: "Go?"}}
"""
NOBODY_KNOWN = "/runs/0199aaaa-0000-7000-8000-000000000000"
VERBS = ["retry", "cancel", "archive", "unarchive", "steps/sign-off/approve", "steps/sign-off/reject"]


def toast(answer: HttpResponseBase) -> dict[str, str]:
    return dict(json.loads(answer.headers["X-Toast"]))


def waiting_run() -> Run:
    return make_run(status="waiting", source=APPROVAL, steps={"sign-off": "waiting"})


def test_retry_queues_a_failed_run_again(operator: Client) -> None:
    run = make_run(status="error", steps={"greet": "error"})
    answer = operator.post(f"/runs/{run.pk}/retry")
    run.refresh_from_db()
    assert (answer.status_code, run.status) == (200, "queued")


def test_cancel_ends_a_run_that_waits_for_its_lane(operator: Client) -> None:
    run = make_run(status="queued")
    answer = operator.post(f"/runs/{run.pk}/cancel")
    run.refresh_from_db()
    assert answer.status_code == 200
    assert run.cancel_requested_at is not None


def test_archive_offers_to_take_it_back(operator: Client) -> None:
    run = make_run(status="success")
    answer = operator.post(f"/runs/{run.pk}/archive")
    assert toast(answer)["undo"] == f"/runs/{run.pk}/unarchive"


def test_undo_brings_the_card_back(operator: Client) -> None:
    run = make_run(status="success", archived_at=timezone.now())
    answer = operator.post(f"/runs/{run.pk}/unarchive")
    run.refresh_from_db()
    assert run.archived_at is None
    assert f'id="run-{run.pk}"' in answer.content.decode()


def test_the_answer_is_the_piece_that_was_pressed(operator: Client) -> None:
    run = make_run(status="success")
    answer = operator.post(f"/runs/{run.pk}/archive", headers={"HX-Request": "true", "HX-Target": "run-head"})
    assert answer.content.decode().strip().startswith('<header class="run-head" id="run-head"')


@pytest.mark.parametrize(("verb", "kind"), [("approve", "approval.given"), ("reject", "approval.rejected")])
def test_a_decision_is_kept_with_who_and_why(operator: Client, verb: str, kind: str) -> None:
    run = waiting_run()
    answer = operator.post(f"/runs/{run.pk}/steps/sign-off/{verb}", {"comment": "looked\0 at it"})
    said = Event.objects.get(run=run, kind=kind).data
    assert answer.status_code == 200
    assert said["comment"] == "looked at it"


@pytest.mark.parametrize(
    ("verb", "status", "why"),
    [
        ("retry", "running", "only what ended can run again"),
        ("cancel", "success", "there is nothing left to end"),
        ("archive", "running", "the board must show what works"),
        ("steps/greet/approve", "running", "nobody asked"),
    ],
)
def test_a_move_that_is_not_allowed_is_refused_with_its_reason(
    operator: Client, verb: str, status: str, why: str
) -> None:
    run = make_run(status=status)
    answer = operator.post(f"/runs/{run.pk}/{verb}")
    assert answer.status_code == 409, why
    assert toast(answer)["tone"] == "refused"
    assert toast(answer)["text"]


@pytest.mark.parametrize("verb", VERBS)
def test_a_viewer_may_press_nothing(viewer: Client, verb: str) -> None:
    run = waiting_run()
    before = Event.objects.filter(run=run).count()
    assert viewer.post(f"/runs/{run.pk}/{verb}").status_code in (403, 409)
    assert Event.objects.filter(run=run).count() == before


@pytest.mark.parametrize("verb", VERBS)
def test_for_a_stranger_there_is_no_such_run(stranger: Client, verb: str) -> None:
    assert stranger.post(f"/runs/{waiting_run().pk}/{verb}").status_code == 404


@pytest.mark.parametrize("verb", VERBS)
def test_an_unknown_run_is_not_found(operator: Client, verb: str) -> None:
    assert operator.post(f"{NOBODY_KNOWN}/{verb}").status_code == 404


@pytest.mark.parametrize("verb", VERBS[1:])  # by GET, retry is the dialog that asks
def test_a_verb_is_never_a_link(operator: Client, verb: str) -> None:
    assert operator.get(f"/runs/{waiting_run().pk}/{verb}").status_code == 405


@pytest.mark.parametrize("verb", VERBS)
def test_another_site_cannot_press_for_somebody(db: None, verb: str) -> None:
    careful = Client(enforce_csrf_checks=True)
    careful.force_login(make_user("operator"))
    assert careful.post(f"/runs/{waiting_run().pk}/{verb}").status_code == 403


def test_whoever_signed_out_is_led_to_the_door(client: Client, db: None) -> None:
    answer = client.post(f"/runs/{make_run().pk}/cancel")
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/login")


def test_a_button_on_a_page_at_no_address_still_works(operator: Client) -> None:
    run = make_run(status="error")
    headers = {"HX-Request": "true", "HX-Current-URL": "http://["}
    answer = operator.post(f"/runs/{run.pk}/archive", headers=headers)
    assert (answer.status_code, f'id="run-{run.pk}"' in answer.content.decode()) == (200, True)
