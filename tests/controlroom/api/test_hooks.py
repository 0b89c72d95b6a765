from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F

from pulser.models import Plan
from runs.models import Delivery, Hook, Run
from tests.controlroom.api.callers import Caller, as_role, problem_in
from tests.controlroom.api.conftest import Rows
from tests.factories import make_lane, make_plan, make_session

SECRET = "correct horse"
BODY = b'{"name": "Ada"}'
NAMED = """
pulser: 1
slug: named
params: {type: object, properties: {name: {type: string}}, additionalProperties: false}
steps:
  - {id: greet, uses: shell, with: {run: "echo hello"}}
"""


@pytest.fixture(autouse=True)
def plan(db: None) -> Plan:
    return make_plan(NAMED).plan


@pytest.fixture
def signed_hook(plan: Plan) -> Hook:
    return Hook.objects.create(slug="from-git", plan=plan, secret=SECRET)


def github(body: bytes, secret: str = SECRET) -> dict[str, str]:
    return {"X-Hub-Signature-256": "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}


def standard(
    body: bytes, *, key: bytes = SECRET.encode(), identity: str = "msg_1", at: float | None = None
) -> dict[str, str]:
    stamp = str(int(time.time() if at is None else at))
    digest = hmac.new(key, f"{identity}.{stamp}.".encode() + body, hashlib.sha256).digest()
    signature = "v1," + base64.b64encode(digest).decode()
    return {"webhook-id": identity, "webhook-timestamp": stamp, "webhook-signature": f"v1,bm9uZQ== {signature}"}


def test_a_plan_has_a_hook_of_its_slug(operator: Caller) -> None:
    answer = operator.post("/hooks/named", BODY)
    run = Run.objects.get()
    assert answer.status_code == 202
    assert answer.headers["Location"] == f"/api/v1/runs/{run.pk}"
    assert list(answer.json().items()) == list(operator.get(f"/runs/{run.pk}").json().items())
    assert (run.params, run.trigger) == ({"name": "Ada"}, "hook")


def test_no_body_is_no_params(operator: Caller) -> None:
    assert operator.post("/hooks/named").json()["params"] == {}


def test_a_hook_says_lane_and_session_of_its_runs(operator: Caller, plan: Plan) -> None:
    Hook.objects.create(slug="nightly", plan=plan, lane=make_lane("C"), session=make_session("night"))
    run = operator.post("/hooks/nightly").json()
    assert (run["lane"], run["session"]) == ("C", make_session("night").pk)


def test_a_github_signature_does_without_a_token(nobody: Caller, signed_hook: Hook) -> None:
    answer = nobody.post("/hooks/from-git", BODY, headers=github(BODY))
    assert answer.status_code == 202
    assert Run.objects.get().actor == "hook from-git"


def test_standard_webhooks_do_as_well(nobody: Caller, signed_hook: Hook) -> None:
    assert nobody.post("/hooks/from-git", BODY, headers=standard(BODY)).status_code == 202


def test_a_password_for_a_proxy_does_not_get_in_the_way_of_a_signature(nobody: Caller, signed_hook: Hook) -> None:
    headers = github(BODY) | {"Authorization": "Basic cHJveHk6cHJveHk="}
    assert nobody.post("/hooks/from-git", BODY, headers=headers).status_code == 202


def test_a_secret_of_standard_webhooks_is_base64(nobody: Caller, signed_hook: Hook) -> None:
    Hook.objects.update(secret="whsec_" + base64.b64encode(b"24 bytes of random").decode())
    headers = standard(BODY, key=b"24 bytes of random")
    assert nobody.post("/hooks/from-git", BODY, headers=headers).status_code == 202


UNSIGNED: dict[str, Callable[[], dict[str, str]]] = {
    "nothing": dict,
    "another secret": lambda: github(BODY, "guess"),
    "another body": lambda: github(b"{}"),
    "no hex at all": lambda: {"X-Hub-Signature-256": "sha256=é"},
    "only the word": lambda: {"X-Hub-Signature-256": "sha256="},
    "an old time stamp": lambda: standard(BODY, at=time.time() - 3600),
    "a time stamp to come": lambda: standard(BODY, at=time.time() + 3600),
    "another id than was signed": lambda: standard(BODY) | {"webhook-id": "msg_2"},
    "a time stamp that is none": lambda: standard(BODY) | {"webhook-timestamp": "now"},
    "only a part of the headers": lambda: {"webhook-signature": "v1,AAAA"},
    "a wrong token beside a right signature": lambda: github(BODY) | {"Authorization": "Bearer cr_wrong"},
}


@pytest.mark.parametrize("what", UNSIGNED)
def test_a_hook_with_a_wrong_signature_starts_nothing(nobody: Caller, signed_hook: Hook, rows: Rows, what: str) -> None:
    before = rows()
    answer = nobody.post("/hooks/from-git", BODY, headers=UNSIGNED[what]())
    problem_in(answer, 401)
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert rows() == before and not Delivery.objects.exists()


def test_a_hook_without_a_secret_takes_no_signature(nobody: Caller, operator: Caller) -> None:
    operator.post("/hooks/named")  # its row is there
    problem_in(nobody.post("/hooks/named", BODY, headers=github(BODY, "")), 401)


def test_an_unknown_hook_looks_like_a_wrong_signature_to_strangers(nobody: Caller) -> None:
    problem_in(nobody.post("/hooks/nothing", BODY, headers=github(BODY)), 401)


def test_a_viewers_token_starts_nothing(viewer: Caller) -> None:
    problem_in(viewer.post("/hooks/named", BODY), 403)
    assert not Run.objects.exists()


@pytest.mark.parametrize("header", ["Idempotency-Key", "webhook-id", "X-GitHub-Delivery"])
def test_a_repeated_delivery_answers_200_with_the_first_run(operator: Caller, header: str) -> None:
    first, second = (operator.post("/hooks/named", BODY, headers={header: "d-1"}) for _ in range(2))
    assert (first.status_code, second.status_code) == (202, 200)
    assert first.json()["id"] == second.json()["id"]
    assert "Location" not in second.headers
    assert Run.objects.count() == 1


def test_a_delivery_is_repeated_although_the_plan_asks_for_more_by_now(operator: Caller) -> None:
    first = operator.post("/hooks/named", BODY, headers={"webhook-id": "d-1"})
    make_plan(NAMED.replace("type: object,", "type: object, required: [surname],", 1))
    second = operator.post("/hooks/named", BODY, headers={"webhook-id": "d-1"})
    assert (second.status_code, second.json()["id"]) == (200, first.json()["id"])


def test_the_same_key_with_another_body_is_refused(operator: Caller) -> None:
    operator.post("/hooks/named", BODY, headers={"Idempotency-Key": "d-1"})
    problem_in(operator.post("/hooks/named", {"name": "Bob"}, headers={"Idempotency-Key": "d-1"}), 422)
    assert Run.objects.count() == 1


def test_keys_belong_to_one_hook(operator: Caller, plan: Plan) -> None:
    Hook.objects.create(slug="other", plan=plan)
    answers = [operator.post(f"/hooks/{slug}", BODY, headers={"webhook-id": "d-1"}) for slug in ("named", "other")]
    assert [answer.status_code for answer in answers] == [202, 202]


def test_whoever_sends_a_key_the_first_run_is_the_same(operator: Caller) -> None:
    operator.post("/hooks/named", BODY, headers={"webhook-id": "d-1"})
    assert as_role("operator").post("/hooks/named", BODY, headers={"webhook-id": "d-1"}).status_code == 200


def test_after_seven_days_a_key_starts_a_run_again(operator: Caller) -> None:
    operator.post("/hooks/named", BODY, headers={"webhook-id": "d-1"})
    Run.objects.update(created_at=F("created_at") - timedelta(days=7, seconds=1))
    assert operator.post("/hooks/named", BODY, headers={"webhook-id": "d-1"}).status_code == 202


BAD_DELIVERIES: list[tuple[Any, str, int, str]] = [
    (b"name=Ada", "application/x-www-form-urlencoded", 415, "forms are not taken"),
    (BODY, "text/plain", 415, "the type must be said"),
    (b"{", "application/json", 422, "no JSON"),
    (b"[1]", "application/json", 422, "no object"),
    (b"null", "application/json", 422, "nothing is no object"),
    (b'{"name": NaN}', "application/json", 422, "NaN is not valid JSON"),
    (b'{"name": "\xff"}', "application/json", 422, "no UTF-8"),
    (b'{"name": "\\u0000"}', "application/json", 422, "NUL cannot be stored"),
    (b'{"name": "\\ud800"}', "application/json", 422, "half a character"),
    (b'{"name": 1e999}', "application/json", 422, "beyond all numbers"),
    (b'{"name": ' + b"9" * 5000 + b"}", "application/json", 422, "a number without end"),
    (b"[" * 100_000, "application/json", 422, "levels without end"),
    (b'{"name": ' * 150 + b"1" + b"}" * 150, "application/json", 422, "more levels than are kept"),
    (b'{"name": 5}', "application/json", 422, "a wrong type"),
    (b'{"nom": "x"}', "application/json", 422, "an unknown param"),
]


@pytest.mark.parametrize(("body", "type_", "status", "why"), BAD_DELIVERIES, ids=[row[3] for row in BAD_DELIVERIES])
def test_a_bad_delivery_starts_nothing_and_is_kept(
    operator: Caller, rows: Rows, body: bytes, type_: str, status: int, why: str
) -> None:
    before = rows()
    problem_in(operator.post("/hooks/named", body, type=type_), status)
    assert rows() == before, why
    kept = Delivery.objects.get()
    assert (bytes(kept.body), kept.status, kept.run) == (body, status, None)


def test_a_delivery_past_its_bound_is_not_kept(operator: Caller) -> None:
    problem_in(operator.post("/hooks/named", b'{"name": "' + b"x" * 262_144 + b'"}'), 413)
    assert not Delivery.objects.exists()


@pytest.mark.parametrize("key", ["", "x" * 256, "naïve", "a\tb"])
def test_a_key_is_printable_and_bounded(operator: Caller, key: str) -> None:
    document = problem_in(operator.post("/hooks/named", BODY, headers={"Idempotency-Key": key}), 422)
    assert document["errors"][0]["path"] == "header.Idempotency-Key"
    assert not Run.objects.exists()


def test_a_delivery_is_kept_without_its_secrets(nobody: Caller, signed_hook: Hook) -> None:
    headers = github(BODY) | {"X-GitHub-Event": "push", "Cookie": "a=b", "X-Api-Key": "s3cret"}
    nobody.post("/hooks/from-git", BODY, headers=headers | {"X-GitHub-Delivery": "d-1"})
    kept = Delivery.objects.get()
    assert (kept.key, kept.run, kept.status) == ("d-1", Run.objects.get(), 202)
    assert set(kept.headers) == {"Content-Type", "X-GitHub-Event", "X-GitHub-Delivery"}


def test_hooks_that_are_not_in_use_answer_404(operator: Caller, plan: Plan) -> None:
    Hook.objects.create(slug="closed", plan=plan, enabled=False)
    for slug in ("closed", "nothing"):
        problem_in(operator.post(f"/hooks/{slug}", BODY), 404)
    Plan.objects.update(archived_at=plan.created_at)
    problem_in(operator.post("/hooks/named", BODY), 404)
    assert not Run.objects.exists()


def test_a_hook_beyond_the_backlog_is_told_when_to_come_again(operator: Caller, settings: Any) -> None:
    settings.CONTROLROOM_BACKLOG = 1
    operator.post("/hooks/named", BODY)

    answer = operator.post("/hooks/named", BODY)

    assert "CONTROLROOM" not in problem_in(answer, 429)["detail"]
    assert int(answer.headers["Retry-After"]) > 0
    assert [delivery.status for delivery in Delivery.objects.order_by("pk")] == [202, 429]
    assert Run.objects.count() == 1


def test_a_secret_that_decodes_to_nothing_is_no_empty_key(nobody: Caller, plan: Plan) -> None:
    Hook.objects.create(slug="odd", plan=plan, secret="whsec_")

    problem_in(nobody.post("/hooks/odd", BODY, headers=standard(BODY, key=b"")), 401)
