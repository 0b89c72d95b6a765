"""`/ws/board?FILTERS&view=...`: what the page shows is what the socket keeps true."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from controlroom.web.live import client_runs
from runs.models import Run
from runs.queries.lists.zone import start_of_day
from runs.stream import feed
from tests.controlroom.web.live.sockets import Socket, bearer, cookie, open_socket, outside, tell
from tests.factories import make_plan, make_run, make_session, make_token, make_user, put_step, say, start

pytestmark = pytest.mark.usefixtures("committed")


async def board(query: str = "") -> Any:
    return open_socket(f"/ws/board?{query}", bearer(await outside(make_token, "viewer")))


async def snapshot_of(client: Socket) -> dict[str, int]:
    return (await client.frame())["runs"]


def move(run: Run, status: str) -> int:
    """Put the run into a status, and say so."""
    now = timezone.now()
    ended = now if status in {"success", "error", "cancelled"} else None
    Run.objects.filter(pk=run.pk).update(status=status, started_at=now, finished_at=ended)
    return tell(run).seq


def is_removal(frame: dict[str, Any], run: Run) -> bool:
    return frame["fragments"] == [{"target": f"#run-{run.pk}", "swap": "delete", "html": ""}]


async def test_a_run_that_stops_matching_leaves() -> None:
    run = await outside(make_run, status="running")
    async with await board("status=running") as client:
        assert await snapshot_of(client) == {str(run.pk): 1}
        seq = await outside(move, run, "success")
        frame = await client.frame()
    assert is_removal(frame, run)
    assert frame["seq"] == seq


async def test_a_run_that_begins_to_match_appears_and_goes_again() -> None:
    run = await outside(make_run)
    async with await board("status=error") as client:
        assert await snapshot_of(client) == {}
        await outside(move, run, "error")
        assert 'data-status="error"' in (await client.frame())["fragments"][0]["html"]
        await outside(move, run, "running")
        assert is_removal(await client.frame(), run)
        await outside(move, run, "error")
        assert (await client.frame())["seq"] == 4


async def test_a_run_that_never_matched_is_not_spoken_of() -> None:
    async with await board("status=error") as client:
        await snapshot_of(client)
        run = await outside(start)
        await outside(move, run, "success")
        failed = await outside(start)
        await outside(move, failed, "error")
        assert (await client.frame())["run"] == str(failed.pk)


@pytest.mark.parametrize(
    ("query", "fits", "fits_not"),
    [
        ("lane=B", {"lane": "B"}, {"lane": "A"}),
        ("session={session}", {"session": "release"}, {"session": "elsewhere"}),
        ("plan=deploy", {"source": "deploy"}, {"source": "build"}),
        ("environment=prod", {"environment": "prod"}, {"environment": "dev"}),
        ("trigger=hook", {"trigger": "hook"}, {"trigger": "board"}),
        ("q=night", {"title": "Nightly build"}, {"title": "Daily build"}),
        ("until=2020-01-01T00:00:00Z", {"created_at": timezone.now() - timedelta(days=9_000)}, {}),
        ("lane=B&q=build", {"lane": "B", "title": "build"}, {"lane": "B", "title": "test"}),
    ],
)
async def test_each_filter_holds_for_news(query: str, fits: dict[str, Any], fits_not: dict[str, Any]) -> None:
    session = await outside(make_session, "release")
    async with await board(query.format(session=session.pk)) as client:
        await snapshot_of(client)
        other, ours = await outside(make, **fits_not), await outside(make, **fits)
        await outside(tell, other)
        await outside(tell, ours)
        assert (await client.frame())["run"] == str(ours.pk)


def make(*, source: str = "", **fields: Any) -> Run:
    version = {"version": make_plan(slug=source)} if source else {}
    return make_run(**version, **fields)


async def test_an_archived_run_leaves_and_comes_back() -> None:
    run = await outside(make_run, status="success")
    async with await board() as client:
        await snapshot_of(client)
        await outside(archive, run, timezone.now())
        assert is_removal(await client.frame(), run)
        await outside(archive, run, None)
        assert "data-run" in (await client.frame())["fragments"][0]["html"]


def archive(run: Run, moment: Any) -> None:
    Run.objects.filter(pk=run.pk).update(archived_at=moment)
    tell(run, "run.archived")


async def test_an_archived_run_stays_where_archived_ones_are_shown() -> None:
    run = await outside(make_run, status="success")
    async with await board("archived=1") as client:
        await snapshot_of(client)
        await outside(archive, run, timezone.now())
        assert "data-archived" in (await client.frame())["fragments"][0]["html"]


async def test_filters_that_mean_nothing_match_nothing() -> None:
    """The page says what is wrong with them. That they are equal to no filters must not matter."""
    run, page = await outside(start), await outside(cookie, await outside(make_user))
    async with open_socket("/ws/board?status=odd", page) as strange, await board() as plain:
        assert (await snapshot_of(strange), await snapshot_of(plain)) == ({}, {str(run.pk): 1})
        await outside(tell, run)
        await plain.frame()
        assert await strange.receive_nothing(timeout=0.3)


async def test_what_the_page_has_fetched_beside_the_snapshot_leaves_as_well() -> None:
    """`Show more` brings runs of which the server was not told."""
    run = await outside(make_run, status="success")
    async with await board("status=running") as client:
        await snapshot_of(client)
        await client.send_json_to({"type": "have", "runs": {str(run.pk): 1}})
        assert is_removal(await client.frame(), run)


async def test_a_run_that_leaves_the_time_range_leaves_the_board(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "LOOK_AGAIN_INTERVAL", 0.0)
    monkeypatch.setattr(feed, "POLL_INTERVAL", 0.1)
    run = await outside(make_run)
    async with await board("within=1h") as client:
        assert await snapshot_of(client) == {str(run.pk): 1}
        await outside(Run.objects.filter(pk=run.pk).update, created_at=timezone.now() - timedelta(minutes=61))
        assert is_removal(await client.frame(), run)


async def test_today_is_that_of_the_cookie_that_came_along() -> None:
    """Days begin at 10:00 UTC in Kiritimati and at 11:00 in Niue: what was made as the earlier one began is in that."""
    run = await outside(make_run)
    began = {zone: start_of_day(timezone.now(), zone) for zone in ("Pacific/Kiritimati", "Pacific/Niue")}
    earlier, later = sorted(began, key=lambda zone: began[zone])
    await outside(Run.objects.filter(pk=run.pk).update, created_at=began[earlier])
    secret = await outside(make_token, "viewer")
    for zone, shown in ((earlier, {str(run.pk): 1}), (later, {})):
        headers = [*bearer(secret), (b"cookie", f"tz={zone}".encode())]
        async with open_socket("/ws/board?within=today", headers) as client:
            assert await snapshot_of(client) == shown


async def test_a_run_that_asks_a_person_appears_and_goes_when_it_is_answered() -> None:
    run = await outside(make_run, status="waiting")
    async with await board("waits_for=person") as client:
        assert await snapshot_of(client) == {}
        await outside(put_step, run, "greet", "waiting")
        await outside(tell, run)
        assert (await client.frame())["run"] == str(run.pk)
        await outside(put_step, run, "greet", "success")
        await outside(tell, run)
        assert is_removal(await client.frame(), run)


async def test_a_deleted_run_leaves_the_board(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "LOOK_AGAIN_INTERVAL", 0.0)
    monkeypatch.setattr(feed, "POLL_INTERVAL", 0.1)
    run = await outside(make_run, status="success")
    async with await board() as client:
        await snapshot_of(client)
        await outside(Run.objects.filter(pk=run.pk).delete)
        assert is_removal(await client.frame(), run)


async def test_a_table_gets_rows() -> None:
    async with await board("view=table") as client:
        await snapshot_of(client)
        run = await outside(start, title="Nightly")
        (fragment,) = (await client.frame())["fragments"]
    assert fragment["target"] == f"#run-{run.pk}"
    assert fragment["html"].lstrip().startswith("<tr") or "row" in fragment["html"]
    assert "Nightly" in fragment["html"]


async def test_a_time_line_is_told_that_something_changed() -> None:
    """Also of a run that does not match: which bars it has drawn, the page alone knows."""
    run = await outside(make_run, status="running")
    async with await board("view=timeline&status=running") as client:
        assert await snapshot_of(client) == {}
        seq = await outside(move, run, "success")
        assert await client.frame() == {"run": str(run.pk), "seq": seq, "fragments": []}


async def test_the_table_opens_with_the_newest_runs_of_all_lanes() -> None:
    runs = [await outside(start, lane=name) for name in "AB"]
    async with await board("view=table") as client:
        assert await snapshot_of(client) == {str(run.pk): 1 for run in runs}


async def test_a_program_follows_a_run_that_matched_once_to_its_end() -> None:
    async with await board("format=events&status=running") as client:
        await snapshot_of(client)
        other, run = await outside(start), await outside(make_run, status="running")
        await outside(tell, other)
        await outside(tell, run)
        assert [event["seq"] for event in (await client.frame())["events"]] == [1, 2]
        await outside(move, run, "success")
        await outside(archive, run, timezone.now())
        assert [event["seq"] for event in await client.events(2)] == [3, 4]


async def test_who_was_told_of_many_runs_is_asked_what_it_still_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_runs, "CHECKED_RUNS", 2)
    runs = [await outside(start) for _ in range(3)]
    async with await board() as client:
        await snapshot_of(client)
        late = await outside(start)
        assert (await client.frame())["run"] == str(late.pk)
        assert set(await snapshot_of(client)) == {str(run.pk) for run in [*runs, late]}
        await client.send_json_to({"type": "have", "runs": {str(late.pk): 1}})
        assert [(await client.frame())["run"] for _ in runs] == [str(run.pk) for run in runs]


async def test_an_older_reading_takes_nothing_away() -> None:
    """The client has seen event 3; that the run did not pass with event 2 says nothing."""
    run = await outside(start)
    await outside(say, run, "run.started")
    async with await board("status=error") as client:
        await snapshot_of(client)
        await client.send_json_to({"type": "have", "runs": {str(run.pk): 3}})
        assert await client.receive_nothing(timeout=0.3)
        await outside(tell, run)
        assert is_removal(await client.frame(), run)


def test_a_stranger_gets_no_board_however_it_filters(client: Client) -> None:
    client.force_login(make_user(""))
    assert client.get("/", {"status": "running"}).status_code == 403
