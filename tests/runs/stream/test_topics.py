from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest

from runs.accounts.callers import Caller
from runs.stream.refusals import Refusal, RefusalReason
from runs.stream.topics import CHANGED_MAX, KEPT_BYTES, KEPT_MAX, Subscription, Topic
from tests.factories import make_actor

JOIN_S = 0.1


def enter(topic: Topic) -> Subscription:
    watch = Subscription(topic, Caller(make_actor()))
    topic.watches.add(watch)
    return watch


async def test_the_first_change_is_told_at_once() -> None:
    topic = Topic("board", join_s=60)
    watch = enter(topic)
    topic.touch("run-1")
    assert await asyncio.wait_for(watch.news(), 30) == {"run-1"}


async def test_further_changes_are_joined() -> None:
    topic = Topic("board", join_s=JOIN_S)
    watch = enter(topic)
    topic.touch("run-1")
    await watch.news()
    for number in range(100):
        topic.touch(f"run-{number}")
        await asyncio.sleep(0)
    assert len(await watch.news()) == 100


async def test_what_is_read_in_a_round_is_read_once_for_all() -> None:
    topic, asked = Topic("run-1", join_s=JOIN_S), []

    async def read(keys: list[int]) -> dict[int, str]:
        asked.append(keys)
        await asyncio.sleep(0)
        return {key: f"frame {key}" for key in keys}

    answers = await asyncio.gather(*(topic.shared([1, 2], read) for _ in range(50)))
    assert answers == [{1: "frame 1", 2: "frame 2"}] * 50
    assert asked == [[1, 2]]


async def test_an_answer_from_before_a_change_is_not_kept() -> None:
    topic = Topic("run-1", join_s=JOIN_S)
    watch = enter(topic)

    async def read_while_it_changes(keys: list[int]) -> dict[int, str]:
        topic.touch("run-1")
        await watch.news()
        return dict.fromkeys(keys, "old")

    async def read(keys: list[int]) -> dict[int, str]:
        return dict.fromkeys(keys, "new")

    await topic.shared([1], read_while_it_changes)
    assert await topic.shared([1], read) == {1: "new"}


async def test_a_viewer_who_never_takes_its_news_is_told_to_come_back() -> None:
    watch = enter(Topic("board", join_s=JOIN_S))
    watch.wake(f"run-{number}" for number in range(CHANGED_MAX + 1))
    with pytest.raises(Refusal) as refusal:
        await watch.news()
    assert refusal.value.reason == RefusalReason.RECONNECT


async def test_a_round_lasts_until_all_who_wait_for_its_answers_have_them() -> None:
    """Else each of many viewers would read everything anew on a machine that is slow already."""
    topic, asked = Topic("board", join_s=0.01), []
    watches = [enter(topic) for _ in range(5)]

    async def read_slowly(keys: list[int]) -> dict[int, str]:
        asked.append(keys)
        await asyncio.sleep(0.1)
        return dict.fromkeys(keys, "card")

    async def look(watch: Subscription) -> None:
        await watch.news()
        await topic.shared([1], read_slowly)

    topic.touch("run-1")
    looking = [asyncio.create_task(look(watch)) for watch in watches]
    await asyncio.sleep(0.05)  # in the middle of the reading
    topic.touch("run-2")
    await asyncio.gather(*looking)
    assert asked == [[1]]


async def test_who_is_to_look_again_is_told_once() -> None:
    topic = Topic("board", join_s=JOIN_S)
    watch = enter(topic)
    topic.look_again()
    assert await asyncio.wait_for(watch.news(), 60) == set()
    assert watch.is_to_look_again()
    assert not watch.is_to_look_again()


@dataclass(frozen=True)
class Answer:
    size: int
    more: bool = False


async def read_times(topic: Topic, sizes: list[int]) -> int:
    """How often it is read when each of these answers is asked for twice."""
    asked: list[int] = []

    async def read(keys: list[int]) -> dict[int, Answer]:
        asked.extend(keys)
        return {key: Answer(sizes[key]) for key in keys}

    for key in [*range(len(sizes))] * 2:
        await topic.shared([key], read)
    return len(asked)


async def test_answers_are_kept_up_to_a_number_of_bytes() -> None:
    assert await read_times(Topic("run-1", join_s=JOIN_S), [KEPT_BYTES // 4] * 3) == 3
    assert await read_times(Topic("run-1", join_s=JOIN_S), [KEPT_BYTES // 4] * 9) == 18


async def test_an_answer_that_is_too_large_alone_is_not_kept() -> None:
    assert await read_times(Topic("run-1", join_s=JOIN_S), [KEPT_BYTES + 1]) == 2


async def test_answers_are_kept_up_to_a_number() -> None:
    topic = Topic("run-1", join_s=JOIN_S)
    await read_times(topic, [0] * (KEPT_MAX * 3))
    assert len(topic._kept) <= KEPT_MAX


async def test_a_flood_of_changes_between_two_rounds_takes_bounded_room_and_sends_the_viewers_away() -> None:
    topic = Topic("board", join_s=JOIN_S)
    watch = enter(topic)
    for number in range(CHANGED_MAX * 3):
        topic.touch(f"run-{number}")
    assert len(topic._changed) <= CHANGED_MAX + 1
    with pytest.raises(Refusal) as refusal:
        await watch.news()
    assert refusal.value.reason == RefusalReason.RECONNECT


async def test_a_viewer_who_was_sent_away_and_does_not_go_gathers_nothing_without_end() -> None:
    watch = enter(Topic("board", join_s=JOIN_S))
    for number in range(CHANGED_MAX * 3):
        watch.wake([f"run-{number}"])
    assert len(watch._changed) <= CHANGED_MAX
