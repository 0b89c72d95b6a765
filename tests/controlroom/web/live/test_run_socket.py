"""`/ws/runs/{id}`: fragments for its page, events for programs."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest
from django.db import connections, transaction
from django.utils import timezone

from controlroom.web.live import frames
from runs import hints
from runs.models import Attempt, Event, LogChunk, Run, Step
from tests.controlroom.web.live.sockets import Socket, bearer, open_socket, outside, tell
from tests.factories import make_run, make_token, put_step, say

pytestmark = pytest.mark.usefixtures("committed")


async def watched(*, query: str = "", **fields: Any) -> tuple[Run, Any]:
    run = await outside(make_run, **fields)
    secret = await outside(make_token, "viewer")
    return run, open_socket(f"/ws/runs/{run.pk}?{query}", bearer(secret))


async def test_events_come_once_and_in_order_from_the_start() -> None:
    run, opening = await watched(query="format=events")
    async with opening as client:
        first = (await client.frame())["events"][0]
        assert (first["seq"], first["kind"], first["run"]) == (1, "run.queued", str(run.pk))


async def test_a_client_resumes_after_the_last_event_it_has() -> None:
    run, opening = await watched(query="format=events&after=2")
    for _ in range(5):
        await outside(say, run, "run.started")
    async with opening as client:
        assert [event["seq"] for event in await client.events(4)] == [3, 4, 5, 6]


async def test_a_hint_brings_the_next_event() -> None:
    run, opening = await watched(query="format=events")
    async with opening as client:
        await client.frame()
        event = await outside(tell, run)
        assert (await client.frame())["seq"] == event.seq


@pytest.mark.usefixtures("quick_poll")
async def test_an_event_whose_hint_was_lost_comes_with_the_poll() -> None:
    run, opening = await watched(query="format=events")
    async with opening as client:
        await client.frame()
        event = await outside(say, run, "run.started")
        assert (await client.frame())["seq"] == event.seq


async def test_a_long_history_comes_in_batches() -> None:
    run, opening = await watched(query="format=events&after=1")
    rows = [Event(run=run, seq=seq, kind="run.started", at=timezone.now()) for seq in range(2, 452)]
    await outside(Event.objects.bulk_create, rows)
    async with opening as client:
        frames = [await client.frame() for _ in range(3)]
    assert [len(frame["events"]) for frame in frames] == [200, 200, 50]
    assert [frame["seq"] for frame in frames] == [201, 401, 451]


async def test_a_flood_of_changes_is_joined() -> None:
    run, opening = await watched(query="format=events")
    async with opening as client:
        await client.frame()
        began = time.monotonic()
        for _ in range(50):
            await outside(tell, run)
        flooded_s = time.monotonic() - began
        frames = await frames_up_to(client, 51)
    assert [event["seq"] for frame in frames for event in frame["events"]] == list(range(2, 52))
    assert len(frames) <= 2 + flooded_s / 0.2 + 1


async def frames_up_to(client: Socket, seq: int) -> list[dict[str, Any]]:
    frames = [await client.frame()]
    while frames[-1]["seq"] < seq:
        frames.append(await client.frame())
    return frames


async def test_concurrent_writers_leave_neither_gap_nor_repetition() -> None:
    run, opening = await watched(query="format=events&after=1")
    writers = [threading.Thread(target=write_events, args=(run, 25)) for _ in range(4)]
    async with opening as client:
        for writer in writers:
            writer.start()
        events = await client.events(100)
        for writer in writers:
            await asyncio.to_thread(writer.join)
    assert [event["seq"] for event in events] == list(range(2, 102))


def write_events(run: Run, count: int) -> None:
    for _ in range(count):
        with transaction.atomic():
            Run.objects.select_for_update().get(pk=run.pk)
            event = say(Run(pk=run.pk), "run.started")
        hints.publish(str(run.pk), seq=event.seq)
    connections.close_all()


async def test_a_page_gets_its_head_the_changed_steps_and_the_new_events() -> None:
    run, opening = await watched(query="after=1", status="running")
    await outside(put_step, run, "greet", "running")
    event = await outside(say_of_step, run, "step.claimed")
    async with opening as client:
        frame = await client.frame()
    assert (frame["run"], frame["seq"]) == (str(run.pk), event.seq)
    targets = [(fragment["target"], fragment["swap"]) for fragment in frame["fragments"]]
    assert targets == [("#run-head", "outerHTML"), ("#step-greet", "outerHTML"), ("#events", "beforeend")]
    assert 'id="step-greet" data-status="running"' in frame["fragments"][1]["html"]


def say_of_step(run: Run, kind: str) -> Event:
    event = say(run, kind)
    Event.objects.filter(run=run, seq=event.seq).update(step="greet", attempt=1)
    return event


async def test_steps_that_a_retry_resets_are_drawn_anew() -> None:
    run, opening = await watched(query="after=1")
    await outside(say, run, "run.retried", steps=["greet"])
    async with opening as client:
        frame = await client.frame()
    assert "#step-greet" in {fragment["target"] for fragment in frame["fragments"]}


async def test_output_is_told_as_it_is_written() -> None:
    run, opening = await watched(query=f"after={2**31 - 1}", status="running")
    attempt = await outside(make_attempt, run)
    async with opening as client:
        chunk = await outside(write_output, attempt, 0, b"hello")
        frame = await client.frame()
    assert [fragment["target"] for fragment in frame["fragments"]] == ["#log-news"]
    assert f'id="log-{chunk.pk}" data-step="greet" value="1"' in frame["fragments"][0]["html"]


def make_attempt(run: Run) -> Attempt:
    put_step(run, "greet", "running")
    step = Step.objects.get(run=run, key="greet")
    return Attempt.objects.create(step=step, number=1, worker="w1", started_at=timezone.now())


def write_output(attempt: Attempt, offset: int, data: bytes) -> LogChunk:
    chunk = LogChunk.objects.create(attempt=attempt, offset=offset, stream="stdout", data=data, at=timezone.now())
    hints.publish(str(attempt.step.run_id), log=chunk.pk)
    return chunk


@pytest.mark.usefixtures("quick_poll")
async def test_output_whose_hint_was_lost_comes_with_the_poll() -> None:
    run, opening = await watched(query="after=1", status="running")
    attempt = await outside(make_attempt, run)
    async with opening as client:
        chunk = await outside(
            LogChunk.objects.create, attempt=attempt, offset=0, stream="stdout", data=b"late", at=timezone.now()
        )
        assert f'id="log-{chunk.pk}"' in (await client.frame())["fragments"][0]["html"]


async def test_output_resumes_after_the_last_chunk_that_a_page_has() -> None:
    run = await outside(make_run, status="running")
    attempt = await outside(make_attempt, run)
    chunks = [await outside(write_output, attempt, offset, f"part {offset}".encode()) for offset in range(3)]
    headers = bearer(await outside(make_token))
    async with open_socket(f"/ws/runs/{run.pk}?after=1&log={chunks[1].pk}", headers) as client:
        (fragment,) = (await client.frame())["fragments"]
    assert f'id="log-{chunks[2].pk}"' in fragment["html"]
    assert await outside(nothing_new, run, chunks[2])


def nothing_new(run: Run, chunk: LogChunk) -> bool:
    return frames.run_page_frame(str(run.pk), after=1, log=chunk.pk).text == ""


async def test_output_that_may_still_get_a_predecessor_waits_for_it() -> None:
    """Ids are given before their transactions end, and these end in another order."""
    run, opening = await watched(query="after=1", status="running")
    attempt = await outside(make_attempt, run)
    begun, end = threading.Event(), threading.Event()
    slow = threading.Thread(target=write_slowly, args=(attempt, begun, end))
    async with opening as client:
        slow.start()
        await asyncio.to_thread(begun.wait, 60)
        second = await outside(write_output, attempt, 100, b"second")
        assert await client.receive_nothing(timeout=0.4)
        end.set()
        await asyncio.to_thread(slow.join)
        html = (await client.frame())["fragments"][0]["html"]
    assert f'id="log-{second.pk}"' in html


def write_slowly(attempt: Attempt, begun: threading.Event, end: threading.Event) -> None:
    with transaction.atomic():
        LogChunk.objects.create(attempt=attempt, offset=0, stream="stdout", data=b"first", at=timezone.now())
        begun.set()
        end.wait(60)
    connections.close_all()
