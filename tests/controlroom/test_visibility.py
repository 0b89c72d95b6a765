"""Rights are part of the finding: of a run that is not visible, no page and no call shows or moves anything."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.test import Client
from django.urls import URLPattern, reverse
from django.utils import timezone

from controlroom.api import api
from controlroom.web.pages.urls import urlpatterns
from runs.models import Artifact, Attempt, Event, LogChunk, Run, Step
from runs.models.run import RunQuerySet
from runs.queries.lists.counts import by_status
from runs.queries.lists.facets import FACETS, facet
from runs.queries.lists.filters import RunFilters
from runs.queries.related import newest_of_plan
from tests.controlroom.api.callers import Caller, as_role
from tests.factories import make_actor, make_plan, make_run, make_user, put_step, say

pytestmark = pytest.mark.django_db

MARK = "hiddenmark"
KEY = "ask"
ASKING = """
pulser: 1
slug: asking
steps:
  - {id: ask, uses: approval, with: {message: Well}}
  - {id: work, uses: shell, needs: [ask], with: {run: "true"}}
"""


@pytest.fixture
def run(settings: Any, tmp_path: Any) -> Run:
    """A run that waits for an operator, with a log, a file and an event that all say the mark."""
    settings.MEDIA_ROOT = tmp_path
    run = make_run(version=make_plan(ASKING), status="waiting", title=f"{MARK} title")
    put_step(run, KEY, "waiting", wait_message=f"{MARK} message", attempt=1)
    step = Step.objects.get(run=run, key=KEY)
    now = timezone.now()
    attempt = Attempt.objects.create(
        step=step, number=1, worker=f"{MARK}-worker", error_message=f"{MARK} error", started_at=now, lease_expires=now
    )
    LogChunk.objects.create(attempt=attempt, stream="stdout", offset=0, data=f"{MARK} line\n".encode(), at=now)
    Artifact.objects.create(
        run=run, step=step, attempt=1, name=f"{MARK}.txt", size=1, content=ContentFile(b"x", name=f"{MARK}.txt")
    )
    say(run, "run.archived", by=f"{MARK}-person")
    return run


@pytest.fixture
def hidden(run: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The run, once nobody may see any."""
    monkeypatch.setattr(RunQuerySet, "visible_to", lambda self, _actor: self.none())
    return run


@pytest.fixture
def operator() -> Client:
    client = Client(raise_request_exception=True)
    client.force_login(make_user("operator"))
    return client


def body_of(answer: Any) -> str:
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return str(content.decode(errors="replace"))


def about_a_run() -> list[str]:
    return [str(one.name) for one in urlpatterns if isinstance(one, URLPattern) and "run_id" in str(one.pattern)]


def about_no_run() -> list[str]:
    return [str(one.name) for one in urlpatterns if isinstance(one, URLPattern) and "<" not in str(one.pattern)]


def address(name: str, run: Run) -> str:
    pattern = next(one for one in urlpatterns if one.name == name)
    artifact = Artifact.objects.filter(run=run).values_list("pk", flat=True).first()
    known = {"run_id": run.pk, "key": KEY, "seq": 1, "artifact_id": artifact}
    return reverse(name, kwargs={part: known[part] for part in pattern.pattern.converters})


def answers_of(client: Client, url: str) -> Iterator[Any]:
    """To both methods; one of them may not be allowed."""
    given = {"step": KEY, "attempt": "1", "name": f"{MARK}.txt", "from": "0"}
    for answer in (client.get(url, given), client.post(url, given)):
        if answer.status_code != 405:
            yield answer


@pytest.mark.parametrize("name", about_a_run())
def test_a_page_of_a_hidden_run_is_not_there(operator: Client, hidden: Run, name: str) -> None:
    answers = list(answers_of(operator, address(name, hidden)))
    assert answers
    for answer in answers:
        assert MARK not in body_of(answer)
        assert answer.status_code == 404 or (name, answer.status_code, answer.content) == ("bulk_end", 200, b"")


@pytest.mark.parametrize("name", about_no_run())
def test_a_page_about_all_runs_shows_no_hidden_one(operator: Client, hidden: Run, name: str) -> None:
    queries: list[dict[str, str]] = [
        {},
        {"q": MARK},
        {"q": str(hidden.pk)},
        {"view": "table"},
        {"view": "timeline"},
        {"archived": "1"},
        {"lane": "A", "below": str(hidden.pk)},
        {"a": str(hidden.pk), "b": str(hidden.pk)},
        {"status": "waiting"},
    ]
    for query in queries:
        answer = operator.get(reverse(name), query)
        said = body_of(answer).replace(f'value="{MARK}"', "").replace(f"q={MARK}", "")
        assert f"{MARK} title" not in said and f"{MARK} message" not in said, query
        assert f"/runs/{hidden.pk}" not in said, query


def test_counts_leave_out_what_is_hidden(operator: Client, hidden: Run) -> None:
    actor = make_actor()
    assert operator.get("/inbox/count").content == b""
    assert {count.number for count in by_status(actor, RunFilters()).values()} == {0}
    assert {one.count.number for name in FACETS for one in facet(actor, RunFilters(), name=name)} <= {0}
    assert operator.get("/sessions").context["listed"][0].unfinished == 0


def test_none_of_the_related_runs_is_hidden(hidden: Run) -> None:
    assert not newest_of_plan(make_actor(), hidden.plan_version.plan_id, most=5)


API_CALLS = [
    (method.upper(), path.removeprefix("/api/v1"))
    for path, methods in api.get_openapi_schema()["paths"].items()
    for method in methods
    if "{run_id}" in path and not path.endswith("/stream")
]


@pytest.mark.parametrize(("method", "path"), API_CALLS)
def test_a_call_about_a_hidden_run_finds_none(hidden: Run, method: str, path: str) -> None:
    artifact = Artifact.objects.get(run=hidden)
    place = path.format(run_id=hidden.pk, step=KEY, artifact_id=artifact.pk)
    answer = as_role("operator").send(method, place, {} if method == "POST" else None)
    assert answer.status_code == 404
    assert MARK not in body_of(answer)


@pytest.mark.django_db(transaction=True)
def test_the_stream_of_a_hidden_run_is_not_there(hidden: Run) -> None:
    assert as_role("viewer").get(f"/runs/{hidden.pk}/events/stream").status_code == 404


def test_a_repeat_does_not_show_a_run_that_is_hidden_by_now(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    caller, key = as_role("operator"), {"Idempotency-Key": "once"}
    assert caller.post("/hooks/asking", {}, headers=key).status_code == 202
    monkeypatch.setattr(RunQuerySet, "visible_to", lambda self, _actor: self.none())
    assert caller.post("/hooks/asking", {}, headers=key).status_code == 404


def test_the_list_of_runs_leaves_out_what_is_hidden(hidden: Run) -> None:
    caller: Caller = as_role("operator")
    for query in ({}, {"q": MARK}, {"status": "waiting"}, {"archived": "all"}):
        assert caller.get("/runs", **query).json()["items"] == []


def test_nothing_of_a_hidden_run_was_moved(operator: Client, hidden: Run) -> None:
    before = Event.objects.filter(run=hidden).count()
    for name in about_a_run():
        operator.post(address(name, hidden), {"comment": "x", "run": str(hidden.pk), "action": "cancel"})
    assert Event.objects.filter(run=hidden).count() == before


@pytest.mark.parametrize("name", ["run", "run_log", "run_events", "run_artifacts", "run_step"])
def test_a_run_that_is_visible_shows_all_of_it(operator: Client, run: Run, name: str) -> None:
    assert MARK in body_of(operator.get(address(name, run)))
