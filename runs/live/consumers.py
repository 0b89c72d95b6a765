"""WebSocket consumers: they admit, follow a topic of the feed, and send what their client lacks.

A client is refused after the socket was accepted: only then does a close code reach it.
"""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.core.exceptions import SuspiciousOperation
from django.db import DatabaseError, InterfaceError
from django.http import QueryDict

from pulser.language import limits
from runs.lists.filters import RunFilters, read_filters
from runs.lists.zone import seen_from
from runs.live import feed
from runs.live.auth import Caller, caller_of_scope, is_own_origin
from runs.live.codes import Close, Refusal
from runs.live.feed import Feed
from runs.live.frames import GONE, PARTIALS, Batch, Frame, Standing, removal
from runs.live.outlet import Outlet
from runs.live.topics import Watch
from runs.live.wire import dumps
from runs.models import Run

logger = logging.getLogger(__name__)

Standings = Mapping[str, Standing]

HAVE_RUNS = 2_000  # runs that a client may say it has
RUNS_AT_ONCE = 50  # rendered before the first of them is sent
TOLD_MANY = 5_000  # runs of which one socket remembers what it sent; then a page is asked what it still shows
TOLD_MAX = 10_000  # and then the client must connect anew
ARCHIVED = {"", "0", "1", "false", "true"}
SEQ_MAX = 2**31 - 1
ID_MAX = 2**63 - 1
FRAME_BYTES = 256 * limits.KIB


class LiveConsumer(AsyncWebsocketConsumer):
    """Accepts, admits, and runs `follow` beside the receiving of frames."""

    following: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        await self.accept()
        self.outlet = Outlet(self.base_send)
        self.following = asyncio.create_task(self._follow())

    async def _follow(self) -> None:
        """Until the client leaves. Whatever ends it becomes a close code."""
        try:
            self.read_query(self._query())
            await self.follow(await database_sync_to_async(self.admit)(), feed.current())
        except Refusal as refusal:
            await self.leave(refusal.code)
        except (DatabaseError, InterfaceError) as error:
            logger.warning("a viewer is sent away, the database does not answer: %s", error)
            await self.leave(Close.COME_BACK)
        except Exception:
            logger.exception("a viewer's socket broke")
            await self.leave(Close.COME_BACK)

    def _query(self) -> QueryDict:
        try:
            return QueryDict(self.scope.get("query_string", b""))
        except SuspiciousOperation:  # hundreds of parameters
            raise Refusal(Close.JUNK) from None

    def admit(self) -> Caller:
        """Who this is. Raises Refusal for nobody, for a foreign page that uses a cookie, and without a role."""
        caller = caller_of_scope(self.scope)
        if caller.has_cookie and not is_own_origin(self.scope):
            raise Refusal(Close.MAY_NOT)
        if not caller.actor.can_view:
            raise Refusal(Close.of(caller.actor))
        return caller

    def read_query(self, query: QueryDict) -> None:
        """Take what the URL asks for. Raises Refusal(JUNK)."""
        self.wants_events = _one_of(query.get("format", "html"), "html", "events") == "events"

    async def follow(self, caller: Caller, source: Feed) -> None:
        raise NotImplementedError

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """There is nothing to say to a run's socket."""
        await self.leave(Close.JUNK)

    async def leave(self, code: Close) -> None:
        """Close with this code, as the plain number that servers insist on."""
        await self.close(code.value)

    async def disconnect(self, code: int) -> None:
        if self.following is not None:
            self.following.cancel()
            await asyncio.wait([self.following])


class RunConsumer(LiveConsumer):
    """`/ws/runs/{id}?after=SEQ&log=PK`: the page's fragments, or with `format=events` each event once and in order."""

    def read_query(self, query: QueryDict) -> None:
        super().read_query(query)
        self.seq = _number(query.get("after", "0"), at_most=SEQ_MAX)
        self.log = _number(query.get("log", "0"), at_most=ID_MAX)

    def admit(self) -> Caller:
        """Raises Refusal(UNKNOWN) when there is no such run that this caller may see."""
        caller = super().admit()
        try:
            self.run_id = str(uuid.UUID(self.scope["url_route"]["kwargs"]["run_id"]))
        except ValueError:
            raise Refusal(Close.UNKNOWN) from None
        if not Run.objects.visible_to(caller.actor).filter(pk=self.run_id).exists():
            raise Refusal(Close.UNKNOWN)
        return caller

    async def follow(self, caller: Caller, source: Feed) -> None:
        async with source.watching(self.run_id, caller) as watch:
            while True:
                await self._catch_up(source, watch)
                await watch.news()

    async def _catch_up(self, source: Feed, watch: Watch) -> None:
        more = True
        while more:
            news = await self._news(source, watch)
            if news.text:
                await self.outlet.send(news.text)
            self.seq, more = news.seq, news.more

    async def _news(self, source: Feed, watch: Watch) -> Frame | Batch:
        if not self.wants_events:
            frame = await source.page(watch, after=self.seq, log=self.log)
            self.log = frame.log
            return frame
        batch = await source.events(watch, self.run_id, after=self.seq)
        if batch is None:
            raise Refusal(Close.UNKNOWN)
        return batch


class BoardConsumer(LiveConsumer):
    """`/ws/board?FILTERS&view=lanes|table|timeline`: first what the board shows, then each change of it.

    `told` has the runs that the client shows, each with the seq up to which it was told. With `format=events`, a run
    that has once passed the filters is followed to its end, archived or not: each event comes once and in order.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.told: dict[str, int] = {}
        self.doubtful: set[str] = set()  # of these, those that the client does not name are not shown any more
        self.had: dict[str, int] | None = None
        self.watch: Watch | None = None

    def read_query(self, query: QueryDict) -> None:
        super().read_query(query)
        self.view = _one_of(query.get("view", "lanes"), *PARTIALS)
        with seen_from(self.scope.get("cookies", {})):
            self.filters = read_filters(query)
        self.is_strange = bool(self.filters.problems) or query.get("archived", "") not in ARCHIVED
        draws_itself = self.view == "timeline"  # which runs it has drawn is known to the page alone
        followed = RunFilters() if draws_itself else self.filters
        self.followed = replace(followed, archived=True) if draws_itself or self.wants_events else followed

    async def follow(self, caller: Caller, source: Feed) -> None:
        """A program is told that its filters mean nothing; a page says so itself, and shows no run."""
        if self.is_strange and not caller.has_cookie:
            raise Refusal(Close.JUNK)
        async with source.watching(feed.BOARD, caller) as watch:
            self.watch = watch
            self.told = dict(await self._snapshot(source, watch))
            while True:
                changed = await self._lacking(source, watch) if self.had is not None else await watch.news()
                if watch.is_to_look_again():
                    changed |= self.told.keys()
                await self._tell(source, watch, sorted(changed))
                if len(self.told) > TOLD_MANY and not (self.doubtful or self.wants_events):
                    self.doubtful = {*self.told}
                    await self._snapshot(source, watch)

    async def _snapshot(self, source: Feed, watch: Watch) -> dict[str, int]:
        """Say what the board shows. The client says what it has."""
        shown = await source.snapshot(watch, filters=self.filters, view=self.view)
        await self.outlet.send(dumps({"type": "snapshot", "runs": shown}))
        return shown

    async def _lacking(self, source: Feed, watch: Watch) -> set[str]:
        """The runs to compare with what a client has: those that it shows, and those that the board shows."""
        had, self.had = self.had or {}, None
        shown = await source.snapshot(watch, filters=self.filters, view=self.view)
        source.remember(had)
        gone, self.doubtful = self.doubtful - had.keys(), set()
        kept = {run_id: seq for run_id, seq in self.told.items() if run_id not in gone}
        self.told = kept | dict.fromkeys(shown, -1) | had
        return {*shown, *had}

    async def _tell(self, source: Feed, watch: Watch, run_ids: list[str]) -> None:
        """Oldest first, so that a board that puts new cards on top ends in order: ids begin with their time."""
        standings = await source.standings(watch, run_ids, filters=self.followed)
        tell = self._tell_events if self.wants_events else self._tell_cards
        for start in range(0, len(run_ids), RUNS_AT_ONCE):
            some = run_ids[start : start + RUNS_AT_ONCE]
            await tell(source, watch, {run_id: standings.get(run_id, GONE) for run_id in some})

    async def _tell_events(self, source: Feed, watch: Watch, standings: Standings) -> None:
        lacking = {
            run_id: max(0, self._told_of(run_id))
            for run_id, standing in standings.items()
            if (standing.passes or run_id in self.told) and standing.seq > self._told_of(run_id)
        }
        batches = await source.batches(watch, lacking)
        for run_id, after in lacking.items():
            batch = batches.get(run_id) or await source.events(watch, run_id, after=after)
            while batch is not None and await self._send_news(batch) and batch.more:
                batch = await source.events(watch, run_id, after=batch.seq)

    async def _tell_cards(self, source: Feed, watch: Watch, standings: Standings) -> None:
        """A card is as new as its standing or newer; if it does not belong here any more, the next round removes it."""
        newer = [run for run, standing in standings.items() if standing.passes and standing.seq > self._told_of(run)]
        cards = await source.cards(watch, newer, view=self.view)
        for run_id, standing in standings.items():
            if run_id in cards:
                await self._send_news(cards[run_id])
            elif run_id in self.told and not standing.passes and standing.seq >= self.told[run_id]:
                await self._remove(run_id, standing)

    async def _remove(self, run_id: str, standing: Standing) -> None:
        told = self.told.pop(run_id)
        await self.outlet.send(removal(run_id, told if standing is GONE else standing.seq).text)

    def _told_of(self, run_id: str) -> int:
        return self.told.get(run_id, -1)

    async def _send_news(self, news: Frame | Batch) -> bool:
        """False when it was sent already."""
        if news.seq <= self._told_of(news.run):
            return False
        if len(self.told) >= TOLD_MAX:
            raise Refusal(Close.COME_BACK)
        self.told[news.run] = news.seq
        self.doubtful.discard(news.run)
        await self.outlet.send(news.text)
        return True

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """A client says what it has: after each snapshot, and when its page has fetched more runs."""
        try:
            self.had = _have(text_data or "")
        except Refusal as refusal:
            await self.leave(refusal.code)
            return
        if self.watch is not None:
            self.watch.wake(())


class UnknownConsumer(LiveConsumer):
    """Any other path."""

    async def follow(self, caller: Caller, source: Feed) -> None:
        raise Refusal(Close.UNKNOWN)


def _one_of(word: str, *words: str) -> str:
    if word not in words:
        raise Refusal(Close.JUNK)
    return word


def _number(text: str, *, at_most: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= at_most):
        raise Refusal(Close.JUNK)
    return int(text)


def _have(text: str) -> dict[str, int]:
    """What the client says it has. Raises Refusal(JUNK) for anything else."""
    try:
        message = json.loads(text) if len(text) <= FRAME_BYTES else None
        if not isinstance(message, dict) or message.get("type", "have") not in {"have", "snapshot"}:
            raise Refusal(Close.JUNK)
        runs = message.get("runs", message)  # as the snapshot was, or the bare map
        if len(runs) > HAVE_RUNS:
            raise Refusal(Close.JUNK)
        return {str(uuid.UUID(run_id)): _seq(seq) for run_id, seq in runs.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise Refusal(Close.JUNK) from None


def _seq(value: Any) -> int:
    if type(value) is not int or not -1 <= value <= SEQ_MAX:
        raise Refusal(Close.JUNK)
    return value
