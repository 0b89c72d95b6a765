"""However much there is to tell and however many want to hear it, a process holds a bounded part of it."""

from __future__ import annotations

import uuid

import pytest

from controlroom.web.live import frames
from controlroom.web.live.close_codes import CLOSE_CODES
from runs.accounts.callers import Caller
from runs.stream import feed, sent_versions
from runs.stream.batches import EVENT_BYTES, batch
from runs.stream.feed import Feed
from runs.stream.refusals import Refusal, RefusalReason
from runs.stream.sent_versions import SentVersions
from tests.controlroom.web.live.sockets import bearer, open_socket, outside
from tests.factories import make_actor, make_token, say, start


@pytest.mark.django_db
class TestFrames:
    def test_a_frame_ends_before_its_events_grow_too_large(self) -> None:
        run = start()
        for _ in range(5):
            say(run, "step.succeeded", outputs={"text": "x" * (EVENT_BYTES // 2)})
        sizes, after, more = [], 0, True
        while more:
            found = batch(str(run.pk), after=after)
            sizes.append(len(found.events))
            after, more = found.seq, found.more
            assert found.size < 2 * EVENT_BYTES
        assert (sum(sizes), after) == (6, 6)
        assert len(sizes) >= 3

    def test_an_event_that_is_too_large_alone_comes_alone(self) -> None:
        run = start()
        say(run, "step.succeeded", outputs={"text": "x" * EVENT_BYTES * 2})
        say(run, "run.succeeded")
        places = [1, 2, 3]
        assert [batch(str(run.pk), after=place - 1).events[0]["seq"] for place in places] == places
        found = batch(str(run.pk), after=1)
        assert ([event["seq"] for event in found.events], found.more) == ([2], True)

    def test_the_page_of_a_run_is_told_in_frames_of_the_same_size(self) -> None:
        run = start()
        for _ in range(4):
            say(run, "step.succeeded", outputs={"text": "x" * (EVENT_BYTES // 2)})
        first = frames.run_page_frame(str(run.pk), after=1, log=0)
        assert first.more
        assert first.seq < 5


def make_feed() -> tuple[Feed, Caller]:
    return Feed(poll_interval=3600), Caller(make_actor())


@pytest.mark.usefixtures("committed")
class TestViewers:
    async def test_a_full_house_asks_further_viewers_to_come_back(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(feed, "VIEWERS_MAX", 2)
        source, caller = make_feed()
        async with source.watching(str(uuid.uuid4()), caller), source.watching(feed.BOARD, caller):
            with pytest.raises(Refusal) as refusal:
                async with source.watching(feed.BOARD, caller):
                    pass
            assert refusal.value.reason == RefusalReason.RECONNECT
        async with source.watching(feed.BOARD, caller):
            assert not source.is_full

    async def test_a_socket_beyond_that_is_closed_with_come_back(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(feed, "VIEWERS_MAX", 0)
        run = await outside(start)
        async with open_socket(f"/ws/runs/{run.pk}", bearer(await outside(make_token))) as client:
            assert await client.close_code() == CLOSE_CODES[RefusalReason.RECONNECT]

    async def test_what_boards_have_shown_is_kept_in_mind_up_to_a_number(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sent_versions, "BOARD_RUNS_MAX", 10)
        told = SentVersions()
        told.open_board({})
        for number in range(100):
            told.remember([f"run-{number}"])
        assert told.on_boards == {f"run-{number}" for number in range(90, 100)}
