"""A topic is what viewers look at together, a run or the board: who they are, and what was read for all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping
from typing import Any, TypeVar

from pulser.language import limits
from runs.accounts.callers import Caller
from runs.stream.refusals import Refusal, RefusalReason

Key = TypeVar("Key", bound=Hashable)

CHANGED_MAX = 5_000  # runs with news that a viewer has not taken yet
KEPT_MAX = 4_000  # answers that a topic keeps; most are as small as "this run passes those filters"
KEPT_BYTES = 4 * limits.MIB  # of them together


class Subscription:
    """One viewer's place at a topic. What it has not taken is a set of run ids: the log keeps the rest."""

    def __init__(self, topic: Topic, caller: Caller) -> None:
        self.topic = topic
        self.caller = caller
        self._changed: set[str] = set()
        self._look_again = False
        self._refusal: RefusalReason | None = None
        self._news = asyncio.Event()

    async def news(self) -> set[str]:
        """Wait; returns the runs that changed since the last call. Raises Refusal when the viewer must go."""
        await self._news.wait()
        self._news.clear()
        if self._refusal is not None:
            raise Refusal(self._refusal)
        changed, self._changed = self._changed, set()
        return changed

    def is_to_look_again(self) -> bool:
        """Whether since the last call all that is shown was to be compared anew, changed or not."""
        look_again, self._look_again = self._look_again, False
        return look_again

    def wake(self, run_ids: Iterable[str], *, look_again: bool = False) -> None:
        self._look_again = self._look_again or look_again
        self._changed.update(run_ids)
        if len(self._changed) > CHANGED_MAX:
            self.refuse(RefusalReason.RECONNECT)
        self._news.set()

    def refuse(self, code: RefusalReason) -> None:
        self._refusal = code
        self._changed.clear()
        self._news.set()


class Topic:
    """Viewers are told of the first change at once, and of further ones within `join_s` together.

    What one of them reads is kept until the next change, so that the others need not read it again.
    """

    def __init__(self, name: str, *, join_s: float) -> None:
        self.name = name
        self.watches: set[Subscription] = set()
        self._changed: set[str] = set()
        self._look_again = False
        self._touched = asyncio.Event()
        self._round = 0
        self._kept: dict[Hashable, Any] = {}
        self._kept_bytes = 0
        self._reading = asyncio.Lock()
        self._pacer = asyncio.create_task(self._pace(join_s))

    def touch(self, run_id: str) -> None:
        """The run has news. When too many have, no viewer could take them all: it is enough to know that."""
        if len(self._changed) <= CHANGED_MAX:
            self._changed.add(run_id)
        self._touched.set()

    def look_again(self) -> None:
        """Time has passed: what was shown a while ago may have aged out of its time range, or be deleted."""
        self._look_again = True
        self._touched.set()

    async def _pace(self, join_s: float) -> None:
        while True:
            await self._touched.wait()
            self._touched.clear()
            changed, self._changed = self._changed, set()
            look_again, self._look_again = self._look_again, False
            self._round += 1
            self._forget()
            for watch in self.watches:
                watch.wake(changed, look_again=look_again)
            await asyncio.sleep(join_s)
            async with self._reading:  # on a slow machine, all who wait for an answer get it before it is forgotten
                pass

    async def shared(
        self,
        keys: Iterable[Key],
        read: Callable[[list[Key]], Awaitable[Mapping[Key, Any]]],
    ) -> dict[Key, Any]:
        """What `read` answers for these keys, read once for all viewers of a round; absent keys stay absent.

        An answer that was on its way when the next round began is not kept: it may be older than the change.
        """
        asked = list(keys)
        async with self._reading:
            known: dict[Key, Any] = {key: self._kept[key] for key in asked if key in self._kept}
            missing = [key for key in asked if key not in known]
            this_round = self._round
            fresh: Mapping[Key, Any] = await read(missing) if missing else {}
            if this_round == self._round:
                self._keep(fresh)
        return {**known, **fresh}

    def _keep(self, fresh: Mapping[Any, Any]) -> None:
        """Whoever is far behind reads frame after frame alone: these are not worth keeping."""
        worth = {key: value for key, value in fresh.items() if not getattr(value, "more", False)}
        size = sum(getattr(value, "size", 0) for value in worth.values())
        if len(self._kept) + len(worth) > KEPT_MAX or self._kept_bytes + size > KEPT_BYTES:
            self._forget()
        if size <= KEPT_BYTES:
            self._kept |= worth
            self._kept_bytes += size

    def _forget(self) -> None:
        self._kept.clear()
        self._kept_bytes = 0

    def close(self) -> None:
        self._pacer.cancel()
