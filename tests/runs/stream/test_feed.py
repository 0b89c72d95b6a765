"""The feed heals: what Redis loses, the log still has."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from controlroom.http.callers import caller_of_scope
from runs import hints
from runs.stream import batches, feed, versions
from runs.stream.feed import Feed
from tests.controlroom.web.live.sockets import bearer, open_socket, outside, tell
from tests.factories import make_token, say, start

pytestmark = pytest.mark.usefixtures("committed")


async def make_caller() -> Any:
    secret = await outside(make_token)
    return await outside(caller_of_scope, {"headers": bearer(secret)})


async def heard_by(watch: Any) -> set[str]:
    return await asyncio.wait_for(watch.news(), 60)


async def test_after_redis_cut_the_subscription_nothing_is_missing() -> None:
    run = await outside(start)
    async with open_socket(f"/ws/runs/{run.pk}?format=events", bearer(await outside(make_token))) as client:
        await client.frame()
        await outside(hints.redis_client().execute_command, "CLIENT", "KILL", "TYPE", "PUBSUB")
        await outside(say, run, "run.started")
        assert (await client.frame())["seq"] == 2
        await outside(tell, run)
        assert (await client.frame())["seq"] == 3


@pytest.mark.usefixtures("quick_poll")
async def test_without_redis_the_poll_brings_the_news(settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    run = await outside(start)
    async with open_socket(f"/ws/runs/{run.pk}?format=events", bearer(await outside(make_token))) as client:
        await client.frame()
        await outside(say, run, "run.started")
        assert (await client.frame())["seq"] == 2


async def test_many_viewers_cost_one_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    run = await outside(start)
    readings = []

    def counted(run_id: str, *, after: int) -> Any:
        readings.append(after)
        return batch(run_id, after=after)

    batch = batches.batch
    monkeypatch.setattr(batches, "batch", counted)
    source, caller = feed.current(), await make_caller()
    async with source.watching(str(run.pk), caller) as watch:
        await heard_by(watch)  # the first look
        found = await asyncio.gather(*(source.events(watch, str(run.pk), after=0) for _ in range(50)))
    assert readings == [0]
    assert {batch.seq for batch in found if batch} == {1}


async def test_the_poll_interval_is_a_parameter() -> None:
    run = await outside(start)
    source = Feed(poll_interval=0.05, join_interval=0.0)
    async with source.watching(str(run.pk), await make_caller()) as watch:
        await heard_by(watch)
        await outside(say, run, "run.started")
        assert await heard_by(watch) == {str(run.pk)}


async def test_what_a_hint_has_told_the_poll_does_not_tell_again(monkeypatch: pytest.MonkeyPatch) -> None:
    run = await outside(start)
    source, looked, look = Feed(poll_interval=0.05, join_interval=0.0), asyncio.Semaphore(0), versions.read_versions

    def counted(*args: Any, **kwargs: Any) -> Any:
        found = look(*args, **kwargs)
        loop.call_soon_threadsafe(looked.release)
        return found

    loop = asyncio.get_running_loop()
    monkeypatch.setattr(versions, "read_versions", counted)
    async with source.watching(feed.BOARD, await make_caller()) as watch:
        await outside(tell, run)
        assert await heard_by(watch) == {str(run.pk)}
        for _ in range(3):  # one may have begun before the hint came
            await asyncio.wait_for(looked.acquire(), 60)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(watch.news(), 0.1)


async def test_a_database_that_does_not_answer_is_outlived(monkeypatch: pytest.MonkeyPatch) -> None:
    run = await outside(start)
    source = Feed(poll_interval=0.05, join_interval=0.0)
    look, failures = versions.read_versions, iter([feed.DatabaseError("gone"), RuntimeError("worse")])

    def flaky(*args: Any, **kwargs: Any) -> Any:
        for failure in failures:
            raise failure
        return look(*args, **kwargs)

    monkeypatch.setattr(versions, "read_versions", flaky)
    async with source.watching(str(run.pk), await make_caller()) as watch:
        assert await heard_by(watch) == {str(run.pk)}


async def test_the_feed_sleeps_when_the_last_viewer_left_and_wakes_again() -> None:
    run = await outside(start)
    source, caller = Feed(), await make_caller()
    for _ in range(2):
        async with source.watching(feed.BOARD, caller), source.watching(str(run.pk), caller) as watch:
            assert not source.is_asleep
            await outside(tell, run)
            assert await heard_by(watch) == {str(run.pk)}
        assert source.is_asleep
