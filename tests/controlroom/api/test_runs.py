from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from controlroom.api.schemas import RunOut, RunPage
from runs.models import Attempt, Event, Run, Session, Step
from tests.controlroom.api.callers import Caller, as_role, problem_in
from tests.controlroom.api.conftest import Rows
from tests.factories import make_lane, make_plan, make_run, make_session, start

GREETING = """
pulser: 1
slug: greeting
title: A greeting
params:
  type: object
  required: [name]
  properties: {name: {type: string}, times: {type: integer, default: 1}}
steps:
  - {id: greet, uses: shell, with: {run: "echo hello"}}
"""
SUMMARY = ["id", "title", "status", "lane", "session", "plan", "version", "params", "environment", "priority"]
SUMMARY += ["retry_count", "trigger", "created_at", "started_at", "finished_at", "seq"]


def test_a_start_answers_201_with_the_run_and_its_place(operator: Caller) -> None:
    make_plan(GREETING)
    answer = operator.post("/runs", {"plan": "greeting", "params": {"name": "Ada"}, "title": "For Ada", "lane": "B"})
    run = answer.json()
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"/api/v1/runs/{run['id']}"
    assert (run["title"], run["lane"], run["trigger"], run["params"]) == (
        "For Ada",
        "B",
        "api",
        {"name": "Ada", "times": 1},
    )


def test_a_run_has_exactly_the_fields_of_the_contract(viewer: Caller) -> None:
    run = start()
    found = viewer.get(f"/runs/{run.pk}").json()
    assert list(found) == [*SUMMARY, "steps"]
    assert list(found["steps"][0]) == ["id", "status", "outputs", "attempt", "attempts"]
    RunOut.model_validate(found)


def test_attempts_come_in_order_with_what_went_wrong(viewer: Caller) -> None:
    run = start()
    step = Step.objects.get(run=run)
    first = {"worker": "w1", "started_at": run.created_at, "finished_at": run.created_at, "outcome": "error"}
    Attempt.objects.create(step=step, number=2, worker="w2", started_at=run.created_at)
    Attempt.objects.create(step=step, number=1, exit_code=3, error_class="failed", error_message="no", **first)
    one, two = viewer.get(f"/runs/{run.pk}").json()["steps"][0]["attempts"]
    assert (one["number"], one["exit_code"], one["error"]) == (1, 3, {"class": "failed", "message": "no"})
    assert (two["number"], two["error"], two["finished_at"]) == (2, None, None)


def test_times_are_rfc_3339_with_microseconds_and_z(viewer: Caller) -> None:
    run = start()
    moment = run.created_at.replace(microsecond=0)
    Run.objects.filter(pk=run.pk).update(created_at=moment)
    assert viewer.get(f"/runs/{run.pk}").json()["created_at"] == moment.strftime("%Y-%m-%dT%H:%M:%S.000000Z")


def test_a_run_is_read_in_one_statement(viewer: Caller, django_assert_num_queries: Any) -> None:
    run = start()
    viewer.get(f"/runs/{run.pk}")  # notes that the token was used
    with django_assert_num_queries(2):  # the token, the run
        viewer.get(f"/runs/{run.pk}")


def test_a_list_shows_the_same_as_a_run_without_its_steps(viewer: Caller) -> None:
    run = start()
    page = viewer.get("/runs").json()
    whole = viewer.get(f"/runs/{run.pk}").json()
    whole.pop("steps")
    assert page == {"items": [whole], "next": None}
    RunPage.model_validate(page)


def test_the_client_command_is_told_apart(operator: Caller) -> None:
    make_plan(slug="hello")
    run = operator.post("/runs", {"plan": "hello"}, headers={"User-Agent": "controlroom-cli/0.1.0"}).json()
    assert run["trigger"] == "cli"


def test_an_older_version_can_be_started(operator: Caller) -> None:
    make_plan(GREETING)
    make_plan(GREETING.replace("A greeting", "Another greeting"))
    runs = [
        operator.post("/runs", {"plan": plan, "params": {"name": "x"}}).json() for plan in ("greeting@1", "greeting")
    ]
    assert [run["version"] for run in runs] == [1, 2]


class TestIdempotency:
    body = {"plan": "hello", "title": "once"}

    @pytest.fixture(autouse=True)
    def plan(self, db: None) -> None:
        make_plan(slug="hello")

    def send(self, caller: Caller, key: str, **changes: Any) -> Any:
        return caller.post("/runs", self.body | changes, headers={"Idempotency-Key": key})

    def test_a_repeat_answers_200_with_the_same_run(self, operator: Caller) -> None:
        first, second = self.send(operator, "k1"), self.send(operator, "k1")
        assert (first.status_code, second.status_code) == (201, 200)
        assert first.json()["id"] == second.json()["id"]
        assert Run.objects.count() == 1

    def test_order_and_spaces_do_not_make_another_body(self, operator: Caller) -> None:
        self.send(operator, "k1")
        text = '{"title":   "once",\n "plan": "hello"}'
        assert operator.post("/runs", text, headers={"Idempotency-Key": "k1"}).status_code == 200

    def test_the_same_key_with_another_body_is_refused(self, operator: Caller) -> None:
        self.send(operator, "k1")
        document = problem_in(self.send(operator, "k1", title="twice"), 422)
        assert document["errors"][0]["path"] == "header.Idempotency-Key"
        assert Run.objects.count() == 1

    def test_callers_do_not_share_keys(self, operator: Caller) -> None:
        self.send(operator, "k1")
        assert self.send(as_role("operator"), "k1").status_code == 201

    def test_a_refused_start_does_not_use_up_the_key(self, operator: Caller) -> None:
        problem_in(self.send(operator, "k1", environment="moon"), 422)
        assert self.send(operator, "k1").status_code == 201


BAD_STARTS = [
    ({}, 422, "body.plan", "the plan is required"),
    ({"plan": 7}, 422, "body.plan", "a plan is named by text"),
    ({"plan": "greeting", "parms": {}}, 422, "body.parms", "unknown fields are slips"),
    ({"plan": "greeting", "params": []}, 422, "body.params", "params are an object"),
    ({"plan": "greeting", "params": {}}, 422, "name", "a required param is missing"),
    ({"plan": "greeting", "params": {"name": 5}}, 422, "name", "a param has the wrong type"),
    ({"plan": "greeting", "params": {"name": "x"}, "lane": "Z"}, 422, "lane", "there is no such lane"),
    ({"plan": "greeting", "params": {"name": "x"}, "session": 10**9}, 422, "session", "session not found"),
    ({"plan": "greeting", "params": {"name": "x"}, "session": "1"}, 422, "body.session", "a session is a number"),
    ({"plan": "greeting", "params": {"name": "x"}, "title": "x" * 501}, 422, "body.title", "a title has a bound"),
    ({"plan": "greeting", "params": {"name": "x"}, "priority": 1.5}, 422, "body.priority", "a priority is whole"),
    ({"plan": "greeting", "params": {"name": "x"}, "priority": 10**12}, 422, "body.priority", "and has a bound"),
    ({"plan": "greeting", "params": {"name": "x"}, "environment": "moon"}, 422, "body.environment", "one of three"),
    ({"plan": "greeting", "params": {"name": "a\0b"}}, 422, "body", "NUL cannot be stored"),
    ({"plan": "greetin", "params": {}}, 404, None, "there is no such plan"),
    ({"plan": "greeting@", "params": {"name": "x"}}, 404, None, "nothing is no version"),
    ({"plan": "greeting@9", "params": {}}, 404, None, "there is no such version"),
    ({"plan": "greeting", "params": {"name": "x" * 300_000}}, 413, None, "params have a bound"),
    (
        {"plan": "greeting", "params": {"name": "x" * 262_140}},
        413,
        None,
        "a body that fits may hold params that do not",
    ),
    ([], 422, "body", "a body is an object"),
]


@pytest.mark.parametrize(("body", "status", "path", "why"), BAD_STARTS, ids=[row[3] for row in BAD_STARTS])
def test_a_bad_start_is_refused_and_stores_nothing(
    operator: Caller, rows: Rows, body: Any, status: int, path: str | None, why: str
) -> None:
    make_plan(GREETING)
    before = rows()
    document = problem_in(operator.post("/runs", body), status)
    assert path is None or path in [error["path"] for error in document["errors"]], why
    assert rows() == before


def test_an_unknown_plan_names_the_nearest(operator: Caller) -> None:
    make_plan(GREETING)
    assert "greeting" in problem_in(operator.post("/runs", {"plan": "greetin"}), 404)["detail"]


def test_no_run_starts_in_an_archived_session(operator: Caller) -> None:
    make_plan(slug="hello")
    session = make_session("old")
    Session.objects.filter(pk=session.pk).update(archived_at=session.created_at)
    document = problem_in(operator.post("/runs", {"plan": "hello", "session": session.pk}), 422)
    assert document["errors"][0]["path"] == "session"


@pytest.mark.parametrize("run_id", ["17", "nothing", "0" * 32, "01a1fd88-9ada-7399-9f00-e67da6239361", "a%00b", "é"])
def test_an_id_of_no_run_answers_404(viewer: Caller, run_id: str) -> None:
    for path in ("", "/events", "/log", "/artifacts"):
        problem_in(viewer.get(f"/runs/{run_id}{path}"), 404)


class TestFilters:
    @pytest.fixture(autouse=True)
    def runs(self, db: None) -> None:
        make_lane("B")
        self.red = make_run(title="Red roof", status="error", lane="B")
        self.blue = make_run(title="Blue sky", status="running", session="night")
        self.gone = make_run(title="Gone", status="success", archived_at=self.red.created_at)

    def titles(self, caller: Caller, **query: Any) -> list[str]:
        return [run["title"] for run in caller.get("/runs", **query).json()["items"]]

    def test_newest_come_first_and_archived_ones_are_hidden(self, viewer: Caller) -> None:
        assert self.titles(viewer) == ["Blue sky", "Red roof"]

    @pytest.mark.parametrize(
        ("query", "titles"),
        [
            ({"status": "error"}, ["Red roof"]),
            ({"status": ["error", "running"]}, ["Blue sky", "Red roof"]),
            ({"lane": "B"}, ["Red roof"]),
            ({"lane": "nowhere"}, []),
            ({"q": "ROOF"}, ["Red roof"]),
            ({"archived": "true"}, ["Gone"]),
            ({"archived": "1"}, ["Gone"]),
            ({"archived": "0"}, ["Blue sky", "Red roof"]),
            ({"archived": "all"}, ["Gone", "Blue sky", "Red roof"]),
            ({"plan": "nothing"}, []),
            ({"since": "2000-01-01T00:00:00Z", "lane": "B"}, ["Red roof"]),
            ({"until": "2000-01-01T00:00:00Z"}, []),
        ],
    )
    def test_each_filter_narrows_the_list(self, viewer: Caller, query: dict[str, Any], titles: list[str]) -> None:
        assert self.titles(viewer, **query) == titles

    def test_session_plan_and_time_filter(self, viewer: Caller) -> None:
        assert self.titles(viewer, session=self.blue.session_id) == ["Blue sky"]
        assert self.titles(viewer, plan=self.red.plan_version.plan.slug) == ["Red roof"]
        moment = (self.blue.created_at - timedelta(microseconds=1)).isoformat()
        assert self.titles(viewer, since=moment) == ["Blue sky"]
        assert self.titles(viewer, until=moment) == ["Red roof"]

    @pytest.mark.parametrize(
        ("query", "path"),
        [
            ({"limit": 0}, "query.limit"),
            ({"limit": 201}, "query.limit"),
            ({"limit": "many"}, "query.limit"),
            ({"status": "done"}, "query.status.0"),
            ({"session": "x"}, "query.session"),
            ({"session": 2**70}, "query.session"),
            ({"since": "yesterday"}, "query.since"),
            ({"since": "0.5"}, "query.since"),
            ({"until": "1700000000"}, "query.until"),
            ({"since": "2026-01-01T00:00:00"}, "query.since"),
            ({"archived": "maybe"}, "query.archived"),
            ({"q": "x" * 201}, "query.q"),
            ({"q": "a\0b"}, "query.q"),
            ({"cursor": "made-up"}, "query.cursor"),
            ({"cursor": "x" * 501}, "query.cursor"),
        ],
    )
    def test_a_bad_filter_is_refused(self, viewer: Caller, query: dict[str, Any], path: str) -> None:
        document = problem_in(viewer.get("/runs", **query), 422)
        assert [error["path"] for error in document["errors"]] == [path]


class TestPaging:
    def test_pages_follow_one_another_without_gap_or_repeat(self, viewer: Caller) -> None:
        runs = [str(start().pk) for _ in range(5)]
        Run.objects.update(created_at=Run.objects.first().created_at)  # type: ignore[union-attr]  # ties too
        seen, cursor = [], None
        while True:
            page = viewer.get("/runs", limit=2, **({"cursor": cursor} if cursor else {})).json()
            seen += [run["id"] for run in page["items"]]
            cursor = page["next"]
            if cursor is None:
                break
        assert seen == sorted(runs, reverse=True)

    def test_a_run_that_comes_between_does_not_shift_the_pages(self, viewer: Caller) -> None:
        old = [str(start().pk) for _ in range(2)]
        first = viewer.get("/runs", limit=1).json()
        start()
        second = viewer.get("/runs", limit=1, cursor=first["next"]).json()
        assert [first["items"][0]["id"], second["items"][0]["id"]] == old[::-1]

    @pytest.mark.parametrize("change", [{"lane": "A"}, {"archived": "all"}, {"q": "H"}])
    def test_a_cursor_holds_only_for_its_filters(self, viewer: Caller, change: dict[str, str]) -> None:
        for _ in range(2):
            start()
        cursor = viewer.get("/runs", limit=1).json()["next"]
        problem_in(viewer.get("/runs", limit=1, cursor=cursor, **change), 422)

    def test_a_cursor_holds_for_another_limit(self, viewer: Caller) -> None:
        for _ in range(2):
            start()
        cursor = viewer.get("/runs", limit=1).json()["next"]
        assert len(viewer.get("/runs", limit=50, cursor=cursor).json()["items"]) == 1

    def test_a_cursor_of_another_list_is_refused(self, viewer: Caller) -> None:
        for name in ("one", "two"):
            make_session(name)
        cursor = viewer.get("/sessions", limit=1).json()["next"]
        problem_in(viewer.get("/lanes", cursor=cursor), 422)

    def test_a_page_costs_three_statements(self, viewer: Caller, django_assert_num_queries: Any) -> None:
        for _ in range(3):
            start()
        viewer.get("/runs")
        with django_assert_num_queries(3):  # the token, which runs, the runs
            viewer.get("/runs")


def test_a_start_that_is_refused_says_nothing_in_the_log(operator: Caller) -> None:
    make_plan(GREETING)
    operator.post("/runs", {"plan": "greeting"})
    assert not Event.objects.exists()
