"""The feed: one for each event loop. It hears hints, polls as a floor, and reads once for all who watch.

A hint only says where to look, so that a lost one costs time and never news: `POLL_INTERVAL` bounds the delay.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Hashable, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from django.db import DatabaseError, InterfaceError

from runs.accounts.actors import NOBODY
from runs.accounts.callers import Caller, recheck_identities
from runs.stream import batches, versions
from runs.stream.batches import Batch
from runs.stream.listener import HintListener
from runs.stream.reader import DatabaseReader
from runs.stream.refusals import Refusal, RefusalReason
from runs.stream.sent_versions import SentVersions
from runs.stream.topics import Subscription, Topic
from runs.stream.versions import seqs_of

logger = logging.getLogger(__name__)

POLL_INTERVAL = 5.0  # seconds
JOIN_INTERVAL = 0.2  # seconds in which further changes of a topic are joined
LOOK_AGAIN_INTERVAL = 30.0  # seconds, at least, until all that boards show is compared with their filters once more
SUBSCRIBE_TIMEOUT = 1.0  # seconds that a new viewer waits for the subscription
BOARD = "board"
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
        self._memory = SentVersions()
        self._looking = asyncio.Lock()
        self._look_now = asyncio.Event()
        self._listener: HintListener
        self._reader: DatabaseReader
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
    async def watching(self, name: str, caller: Caller) -> AsyncIterator[Subscription]:
        """A place at a topic: a run's id, or `BOARD`. Inside, whatever changes after is told: read after entering.

        Raises Refusal(RECONNECT) when there are too many viewers.
        """
        if self.is_full:
            raise Refusal(RefusalReason.RECONNECT)
        if not self._tasks:
            self._start()
        topic = self._topics.get(name) or self._open_topic(name)
        watch = Subscription(topic, caller)
        topic.watches.add(watch)
        try:
            await self._listener.wait_connected(SUBSCRIBE_TIMEOUT)
            if name == BOARD:
                await self._open_board()
            yield watch
        finally:
            topic.watches.discard(watch)
            self._leave(topic)

    def _start(self) -> None:
        self._reader = DatabaseReader()
        self._listener = HintListener(on_hint=self._take_hint, on_connect=self._look_now.set)
        self._tasks = [asyncio.create_task(self._listener.run()), asyncio.create_task(self._poll())]

    def _open_topic(self, name: str) -> Topic:
        join_s = JOIN_INTERVAL if self._join_interval is None else self._join_interval
        topic = self._topics[name] = Topic(name, join_s=join_s)
        return topic

    async def _open_board(self) -> None:
        async with self._looking:
            if not self._memory.knows_board:
                read = partial(versions.read_versions, (), shown=())
                self._memory.open_board(seqs_of(await self._reader.read(read)))
                self._looked_again_at = asyncio.get_running_loop().time()

    def _leave(self, topic: Topic) -> None:
        if topic.watches or self._topics.get(topic.name) is not topic:
            return
        del self._topics[topic.name]
        topic.close()
        if topic.name == BOARD:
            self._memory.close_board()
        if not self._topics:
            self._stop()

    def _stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        self._tasks = []
        self._reader.close()

    async def once(self, topic: Topic, key: Hashable, *, read: Callable[[], T]) -> T:
        """What `read` answers, read once for all viewers of the topic who ask for this key."""

        async def answer(_keys: list[Hashable]) -> dict[Hashable, T]:
            return {key: await self._reader.read(read)}

        known: dict[Hashable, T] = await topic.shared([key], answer)
        return known[key]

    async def each(
        self,
        watch: Subscription,
        run_ids: Iterable[str],
        *,
        about: Hashable,
        read: Callable[[list[str]], Mapping[str, T]],
    ) -> dict[str, T]:
        """What `read` answers for each of these runs; `about` keeps it apart from what else is asked about them."""

        async def answer(keys: list[tuple[Hashable, str]]) -> dict[tuple[Hashable, str], T]:
            found = await self._reader.read(read, [run_id for _, run_id in keys])
            return {(about, run_id): one for run_id, one in found.items()}

        known = await watch.topic.shared([(about, run_id) for run_id in run_ids], answer)
        return {run_id: one for (_, run_id), one in known.items()}

    async def events(self, watch: Subscription, run_id: str, *, after: int) -> Batch | None:
        """The next events of a run, None when there is no such run."""
        read = partial(batches.batch, run_id, after=after)
        return await self.once(watch.topic, ("events", run_id, after), read=read)

    async def batches(self, watch: Subscription, afters: Mapping[str, int]) -> dict[str, Batch]:
        """The next events of these runs, as far as they fit into one reading; `events` brings the rest."""

        async def answer(keys: list[tuple[str, str, int]]) -> dict[tuple[str, str, int], Batch]:
            found = await self._reader.read(batches.batches, {run_id: after for _, run_id, after in keys})
            return {("events", run_id, afters[run_id]): batch for run_id, batch in found.items()}

        known = await watch.topic.shared([("events", run_id, after) for run_id, after in afters.items()], answer)
        return {batch.run: batch for batch in known.values() if batch is not None}

    def remember(self, run_ids: Iterable[str]) -> None:
        """These runs are on boards: the poll looks at them, however old they are."""
        self._memory.remember(run_ids)

    def _take_hint(self, hint: dict[str, Any]) -> None:
        """Tell the viewers, and note what they were told: the poll need not tell it again."""
        run_id, seq = hint["run"], hint.get("seq", 0)
        if topic := self._topics.get(run_id):
            topic.touch(run_id)
            self._memory.note_page(run_id, (seq, hint.get("log", 0)))
        if seq and (board := self._topics.get(BOARD)):
            board.touch(run_id)
            self._memory.note_board(run_id, seq)

    async def _poll(self) -> None:
        """Every interval, and at once when the subscription stands again."""
        while True:
            interval = POLL_INTERVAL if self._poll_interval is None else self._poll_interval
            with suppress(TimeoutError):
                async with asyncio.timeout(interval):
                    await self._look_now.wait()
            self._look_now.clear()
            try:
                await self._check_rights()
                await self._look_for_changes()
                await self._reader.give_back()
            except (DatabaseError, InterfaceError) as error:
                logger.warning("poll: database unavailable: %s", error)
            except Exception:
                logger.exception("poll failed")

    async def _check_rights(self) -> None:
        """Send away whoever may not watch any more."""
        watches = [watch for topic in self._topics.values() for watch in topic.watches]
        actors = await self._reader.read(recheck_identities, {watch.caller.identity for watch in watches})
        for watch in watches:
            actor = actors.get(watch.caller.identity, NOBODY)
            if not actor.can_view:
                watch.refuse(RefusalReason.of(actor))

    async def _look_for_changes(self) -> None:
        async with self._looking:
            pages, shown = self._topics.keys() - {BOARD}, self._memory.on_boards
            found = await self._reader.read(partial(versions.read_versions, pages, shown=shown))
            for run_id in self._memory.changed_pages({run: found[run] for run in pages if run in found}):
                self._touch(run_id, run_id)
            if shown is not None:
                for run_id in self._memory.changed_on_boards(seqs_of(found)):
                    self._touch(BOARD, run_id)
                self._look_again()

    def _touch(self, name: str, run_id: str) -> None:
        if topic := self._topics.get(name):
            topic.touch(run_id)

    def _look_again(self) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._looked_again_at >= LOOK_AGAIN_INTERVAL and (board := self._topics.get(BOARD)):
            self._looked_again_at = now
            board.look_again()
