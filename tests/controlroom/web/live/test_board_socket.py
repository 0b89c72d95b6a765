"""`/ws/board`: a snapshot, then a card for each run that changes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runs.models import Run
from tests.controlroom.web.live.sockets import bearer, open_socket, outside, tell
from tests.factories import make_run, make_session, make_token, say, start

pytestmark = pytest.mark.usefixtures("committed")


async def board(query: str = "") -> Any:
    return open_socket(f"/ws/board?{query}", bearer(await outside(make_token, "viewer")))


async def test_the_first_frame_says_what_the_board_shows() -> None:
    run = await outside(start)
    await outside(hide, await outside(make_run, status="success"))
    async with await board() as client:
        assert await client.frame() == {"type": "snapshot", "runs": {str(run.pk): run.seq}}


def hide(run: Run) -> None:
    Run.objects.filter(pk=run.pk).update(archived_at=run.finished_at)


async def test_archived_runs_are_in_the_snapshot_when_asked_for() -> None:
    run = await outside(make_run, status="success")
    await outside(hide, run)
    async with await board("archived=1") as client:
        assert (await client.frame())["runs"] == {str(run.pk): run.seq}


async def test_a_new_run_appears_as_a_card() -> None:
    async with await board() as client:
        await client.frame()
        run = await outside(start, title="Nightly")
        frame = await client.frame()
    (fragment,) = frame["fragments"]
    assert (frame["run"], frame["seq"]) == (str(run.pk), run.seq)
    assert (fragment["target"], fragment["swap"]) == (f"#run-{run.pk}", "outerHTML")
    assert "Nightly" in fragment["html"]


@pytest.mark.usefixtures("quick_poll")
async def test_a_run_whose_hint_was_lost_appears_with_the_poll() -> None:
    async with await board() as client:
        await client.frame()
        run = await outside(make_run, title="Unheard")
        await outside(say, run, "run.started")
        assert (await client.frame())["run"] == str(run.pk)


@pytest.mark.usefixtures("quick_poll")
async def test_what_was_there_before_is_no_news() -> None:
    for _ in range(3):
        await outside(start)
    async with await board() as client:
        await client.frame()
        assert await client.receive_nothing(timeout=0.8)


async def test_a_board_of_one_session_hears_of_no_other() -> None:
    session = await outside(make_session, "release")
    async with await board(f"session={session.pk}") as client:
        assert (await client.frame())["runs"] == {}
        await outside(start)
        ours = await outside(start, session=session)
        assert (await client.frame())["run"] == str(ours.pk)


async def test_a_client_that_comes_back_gets_what_it_lacks() -> None:
    same, changed, unknown = [await outside(start) for _ in range(3)]
    await outside(say, changed, "run.started")
    async with await board() as client:
        await client.frame()
        await client.send_json_to({"type": "have", "runs": {str(same.pk): 1, str(changed.pk): 1}})
        frames = [await client.frame() for _ in range(2)]
        assert [frame["run"] for frame in frames] == [str(changed.pk), str(unknown.pk)]
        assert await client.receive_nothing(timeout=0.3)


@pytest.mark.parametrize(
    "form", [{"type": "have"}, {"type": "snapshot"}, {}], ids=["said", "as it was sent", "untyped"]
)
async def test_a_map_may_come_back_in_the_form_of_the_snapshot(form: dict[str, str]) -> None:
    run = await outside(start)
    await outside(say, run, "run.started")
    async with await board() as client:
        await client.frame()
        await client.send_json_to({**form, "runs": {str(run.pk): 1}})
        assert (await client.frame())["run"] == str(run.pk)


async def test_a_run_that_was_archived_meanwhile_leaves() -> None:
    run = await outside(make_run, status="success")
    await outside(say, run, "run.archived")
    await outside(hide, run)
    async with await board() as client:
        await client.frame()
        await client.send_json_to({"type": "have", "runs": {str(run.pk): 1}})
        assert await client.frame() == removal_of(run, seq=2)


def removal_of(run: Run, *, seq: int) -> dict[str, Any]:
    target = {"target": f"#run-{run.pk}", "swap": "delete", "html": ""}
    return {"run": str(run.pk), "seq": seq, "fragments": [target]}


async def test_a_run_that_was_deleted_meanwhile_leaves() -> None:
    run = await outside(make_run, status="success")
    await outside(Run.objects.filter(pk=run.pk).delete)
    async with await board() as client:
        await client.frame()
        await client.send_json_to({"type": "have", "runs": {str(run.pk): 7}})
        assert await client.frame() == removal_of(run, seq=7)


async def test_a_client_that_has_nothing_gets_all_cards() -> None:
    runs = [str((await outside(start)).pk) for _ in range(3)]
    async with await board() as client:
        await client.frame()
        await client.send_json_to({"type": "have", "runs": {}})
        assert [(await client.frame())["run"] for _ in runs] == runs


async def test_programs_get_the_events_of_all_runs() -> None:
    old = await outside(start)
    async with await board("format=events") as client:
        await client.frame()
        await outside(tell, old)
        frame = await client.frame()
        assert (frame["run"], [event["seq"] for event in frame["events"]]) == (str(old.pk), [2])
        new = await outside(start)
        frame = await client.frame()
        assert (frame["run"], [event["seq"] for event in frame["events"]]) == (str(new.pk), [1])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "no JSON"),
        ("[]", "no object"),
        ('{"type": "want", "runs": {}}', "an unknown type"),
        ('{"type": "have"}', "no runs"),
        ('{"type": "have", "runs": ["a"]}', "runs are no map"),
        ('{"type": "have", "runs": {"x": 1}}', "an id that is none"),
        ('{"type": "have", "runs": {"0190a5a0-0000-7000-8000-000000000000": "1"}}', "a seq that is none"),
        ('{"type": "have", "runs": {"0190a5a0-0000-7000-8000-000000000000": true}}', "nor is this"),
        ('{"type": "have", "runs": {"0190a5a0-0000-7000-8000-000000000000": 99999999999}}', "too large a seq"),
        ("[" * 100_000, "too deep"),
        (json.dumps({"type": "have", "runs": {}, "more": "x" * 300_000}), "too long"),
    ],
)
async def test_a_frame_of_junk_closes_the_socket(text: str, reason: str) -> None:
    async with await board() as client:
        await client.frame()
        await client.send_to(text_data=text)
        assert await client.close_code() == 4400, reason


async def test_a_binary_frame_closes_the_socket() -> None:
    async with await board() as client:
        await client.frame()
        await client.send_to(bytes_data=b"\x00")
        assert await client.close_code() == 4400
