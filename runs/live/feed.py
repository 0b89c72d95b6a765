"""The feed: one for each event loop. It hears hints, polls as a floor, and reads the log once for all who watch.

A hint only says where to look, so that a lost one costs time and never news: `POLL_INTERVAL` bounds the delay.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Hashable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from django.db import DatabaseError, InterfaceError, close_old_connections, connections

from runs.actors import NOBODY
from runs.lists.filters import RunFilters
from runs.live import frames
from runs.live.auth import Caller, still_valid
from runs.live.codes import Close, Refusal
from runs.live.frames import Batch, Frame, Standing, Version
from runs.live.listener import Listener
from runs.live.topics import Topic, Watch

logger = logging.getLogger(__name__)

POLL_INTERVAL = 5.0  # seconds
JOIN_INTERVAL = 0.2  # seconds in which further changes of a topic are joined
LOOK_AGAIN_INTERVAL = 30.0  # seconds, at least, until all that boards show is compared with their filters once more
SUBSCRIBE_TIMEOUT = 1.0  # seconds that a new viewer waits for the subscription
BOARD = "board"
SHOWN_MAX = 2_000  # runs on boards that the poll keeps in mind
VIEWERS_MAX = 2_000  # of one process; each costs a buffer

T = TypeVar("T")

_feeds: WeakKeyDictionary[asyncio.AbstractEventLoop, Feed] = WeakKeyDictionary()


def current() -> Feed:
    """The feed of the running event loop."""
    loop = asyncio.get_running_loop()
    if loop not in _feeds:
        _feeds[loop] = Feed()
    return _feeds[loop]


class Feed:
    """Viewers enter by `watching` and read with the other calls. It sleeps while nobody watches.

    `poll_interval` and `join_interval` in seconds; None takes the module's own.
    """

    def __init__(self, *, poll_interval: float | None = None, join_interval: float | None = None) -> None:
        self._poll_interval = poll_interval
        self._join_interval = join_interval
        self._topics: dict[str, Topic] = {}
        self._page_versions: dict[str, Version] = {}
        self._board_seqs: dict[str, int] = {}
        self._shown: dict[str, None] = {}
        self._knows_the_board = False
        self._looking = asyncio.Lock()
        self._look_now = asyncio.Event()
        self._listener: Listener
        self._executor: ThreadPoolExecutor
        self._tasks: list[asyncio.Task[None]] = []
        self._looked_again_at = 0.0

    @property
    def is_asleep(self) -> bool:
        """Nobody watches: no subscription, no poll."""
        return not self._tasks

    @property
    def is_full(self) -> bool:
        return sum(len(topic.watches) for topic in self._topics.values()) >= VIEWERS_MAX

    @asynccontextmanager
    async def watching(self, name: str, caller: Caller) -> AsyncIterator[Watch]:
        """A place at a topic: a run's id, or `BOARD`. Inside, whatever changes after is told: read after entering.

        Raises Refusal(COME_BACK) when the house is full.
        """
        if self.is_full:
            raise Refusal(Close.COME_BACK)
        if not self._tasks:
            self._start()
        topic = self._topics.get(name) or self._open(name)
        watch = Watch(topic, caller)
        topic.watches.add(watch)
        try:
            await self._listener.wait_connected(SUBSCRIBE_TIMEOUT)
            if name == BOARD:
                await self._know_the_board()
            yield watch
        finally:
            topic.watches.discard(watch)
            self._leave(topic)

    def _start(self) -> None:
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="live-feed")
        self._listener = Listener(on_hint=self._take, on_connect=self._look_now.set)
        self._tasks = [asyncio.create_task(self._listener.run()), asyncio.create_task(self._poll())]

    def _open(self, name: str) -> Topic:
        join_s = JOIN_INTERVAL if self._join_interval is None else self._join_interval
        topic = self._topics[name] = Topic(name, join_s=join_s)
        return topic

    async def _know_the_board(self) -> None:
        """What was there before the first viewer came is no news: the poll tells what differs from it."""
        async with self._looking:
            if not self._knows_the_board:
                self._board_seqs = seqs_of(await self._read(partial(frames.look, (), shown=())))
                self._looked_again_at = asyncio.get_running_loop().time()
                self._knows_the_board = True

    def _leave(self, topic: Topic) -> None:
        if topic.watches or self._topics.get(topic.name) is not topic:
            return
        del self._topics[topic.name]
        topic.close()
        if topic.name == BOARD:
            self._knows_the_board = False
            self._shown.clear()
        if not self._topics:
            self._stop()

    def _stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        self._tasks = []
        self._executor.submit(connections.close_all)
        self._executor.shutdown(wait=False)

    async def page(self, watch: Watch, *, after: int, log: int) -> Frame:
        """What a run's page lacks. Look at `more`; a log chunk that is held is told as news soon."""
        run_id = watch.topic.name
        frame = await self._once(watch.topic, ("page", after, log), partial(frames.page, run_id, after=after, log=log))
        if frame.held:
            watch.topic.touch(run_id)
        return frame

    async def events(self, watch: Watch, run_id: str, *, after: int) -> Batch | None:
        """The next events of a run, None when there is no such run."""
        return await self._once(watch.topic, ("events", run_id, after), partial(frames.batch, run_id, after=after))

    async def batches(self, watch: Watch, afters: Mapping[str, int]) -> dict[str, Batch]:
        """The next events of these runs, as far as they fit into one reading; `events` brings the rest."""

        async def answer(keys: list[tuple[str, str, int]]) -> dict[tuple[str, str, int], Batch]:
            found = await self._read(frames.batches, {run_id: after for _, run_id, after in keys})
            return {("events", run_id, afters[run_id]): batch for run_id, batch in found.items()}

        known = await watch.topic.shared([("events", run_id, after) for run_id, after in afters.items()], answer)
        return {batch.run: batch for batch in known.values() if batch is not None}

    async def standings(self, watch: Watch, run_ids: Iterable[str], *, filters: RunFilters) -> dict[str, Standing]:
        """Whether these runs pass the filters, as far as they are there: one query for all who filter alike."""
        return await self._each(watch, run_ids, about=_of(filters), read=partial(frames.standings, filters=filters))

    async def cards(self, watch: Watch, run_ids: Iterable[str], *, view: str) -> dict[str, Frame]:
        """How this view shows these runs, as far as they are there: rendered once for all who look at it."""
        found = await self._each(watch, run_ids, about=view, read=partial(frames.cards, view=view))
        self.remember(found)
        return found

    async def _each(
        self, watch: Watch, run_ids: Iterable[str], *, about: Hashable, read: Callable[[list[str]], Mapping[str, T]]
    ) -> dict[str, T]:
        """What `read` answers for these runs, kept apart from what else is asked about them."""

        async def answer(keys: list[tuple[Hashable, str]]) -> dict[tuple[Hashable, str], T]:
            found = await self._read(read, [run_id for _, run_id in keys])
            return {(about, run_id): one for run_id, one in found.items()}

        known = await watch.topic.shared([(about, run_id) for run_id in run_ids], answer)
        return {run_id: one for (_, run_id), one in known.items()}

    async def snapshot(self, watch: Watch, *, filters: RunFilters, view: str) -> dict[str, int]:
        """What the board shows to this viewer: the seq of each run by its id."""
        read = partial(frames.snapshot, watch.caller.actor, filters=filters, view=view)
        shown: dict[str, int] = await self._once(watch.topic, ("snapshot", view, _of(filters)), read)
        self.remember(shown)
        return shown

    def remember(self, run_ids: Iterable[str]) -> None:
        """These runs are on boards: the poll looks at them, however old they are."""
        self._shown.update(dict.fromkeys(run_ids))
        while len(self._shown) > SHOWN_MAX:
            del self._shown[next(iter(self._shown))]

    async def _once(self, topic: Topic, key: Hashable, read: Callable[[], T]) -> T:
        async def answer(_keys: list[Hashable]) -> dict[Hashable, T]:
            return {key: await self._read(read)}

        known: dict[Hashable, T] = await topic.shared([key], answer)
        return known[key]

    async def _read(self, read: Callable[..., T], *args: Any) -> T:
        """Database and templates are synchronous: one thread of the feed's own reads for everybody.

        It keeps its connection while there is much to read: to take one from the pool costs as much as a reading. The
        next poll gives it back.
        """
        return await asyncio.get_running_loop().run_in_executor(self._executor, partial(_or_let_go, read, *args))

    def _take(self, hint: dict[str, Any]) -> None:
        """Tell the viewers, and note what they were told: the poll need not tell it again."""
        run_id, seq = hint["run"], hint.get("seq", 0)
        if topic := self._topics.get(run_id):
            topic.touch(run_id)
            self._page_versions[run_id] = newest(self._page_versions.get(run_id, NOTHING), (seq, hint.get("log", 0)))
        if seq and (board := self._topics.get(BOARD)):
            board.touch(run_id)
            self._board_seqs[run_id] = max(self._board_seqs.get(run_id, 0), seq)

    async def _poll(self) -> None:
        """Every interval, and at once when the subscription stands again."""
        while True:
            interval = POLL_INTERVAL if self._poll_interval is None else self._poll_interval
            with suppress(TimeoutError):
                async with asyncio.timeout(interval):
                    await self._look_now.wait()
            self._look_now.clear()
            try:
                await self._ask_who_may_stay()
                await self._look_for_changes()
                await self._read(close_old_connections)
            except (DatabaseError, InterfaceError) as error:
                logger.warning("the poll found no database: %s", error)
            except Exception:
                logger.exception("the poll broke, the next one follows")

    async def _ask_who_may_stay(self) -> None:
        watches = [watch for topic in self._topics.values() for watch in topic.watches]
        actors = await self._read(still_valid, {watch.caller.identity for watch in watches})
        for watch in watches:
            actor = actors.get(watch.caller.identity, NOBODY)
            if not actor.can_view:
                watch.refuse(Close.of(actor))

    async def _look_for_changes(self) -> None:
        async with self._looking:
            pages = self._topics.keys() - {BOARD}
            shown = {*self._shown} if self._knows_the_board else None
            versions = await self._read(partial(frames.look, pages, shown=shown))
            self._tell_pages({run_id: version for run_id, version in versions.items() if run_id in pages})
            if shown is not None:
                self._tell_the_board(seqs_of(versions))
                self._look_again()

    def _tell_pages(self, versions: dict[str, Version]) -> None:
        told = self._page_versions
        self._page_versions = {run: newest(told.get(run, NOTHING), version) for run, version in versions.items()}
        for run_id, version in self._page_versions.items():
            if version != told.get(run_id) and (topic := self._topics.get(run_id)):
                topic.touch(run_id)

    def _tell_the_board(self, seqs: dict[str, int]) -> None:
        told = self._board_seqs
        self._board_seqs = {run_id: max(told.get(run_id, 0), seq) for run_id, seq in seqs.items()}
        for run_id, seq in self._board_seqs.items():
            if seq != told.get(run_id) and (topic := self._topics.get(BOARD)):
                topic.touch(run_id)

    def _look_again(self) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._looked_again_at >= LOOK_AGAIN_INTERVAL and (board := self._topics.get(BOARD)):
            self._looked_again_at = now
            board.look_again()


def _or_let_go(read: Callable[..., T], *args: Any) -> T:
    """Read; a connection on which that failed is not used again."""
    try:
        return read(*args)
    except (DatabaseError, InterfaceError):
        connections.close_all()
        raise


def _of(filters: RunFilters) -> Hashable:
    """Filters with problems are equal to those without, and nothing passes them."""
    return filters, bool(filters.problems)


NOTHING: Version = (0, 0)


def newest(one: Version, other: Version) -> Version:
    """Of a run's seq and its last log chunk, the later ones: a poll may have read before a hint came."""
    return max(one[0], other[0]), max(one[1], other[1])


def seqs_of(versions: Mapping[str, Version]) -> dict[str, int]:
    return {run_id: seq for run_id, (seq, _log) in versions.items()}
