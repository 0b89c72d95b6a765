"""WebSocket consumers: they admit, follow a topic of the feed, and send what their client lacks.

A client is refused after the socket was accepted: only then does a close code reach it.
"""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from typing import Any
from urllib.parse import parse_qs

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.db import DatabaseError, InterfaceError

from pulser.language import limits
from runs.live import feed
from runs.live.auth import Caller, caller_of_scope, is_own_origin
from runs.live.codes import Close, Refusal
from runs.live.feed import Feed
from runs.live.frames import Batch, Frame
from runs.live.outlet import Outlet
from runs.live.topics import Watch
from runs.live.wire import dumps
from runs.models import Run

logger = logging.getLogger(__name__)

HAVE_RUNS = 2_000  # runs that a client may say it has
CARDS_AT_ONCE = 50  # rendered before the first of them is sent
TOLD_MAX = 10_000  # runs of which one socket remembers what it sent
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
            self.read_query({name: values[-1] for name, values in parse_qs(self.query_string).items()})
            await self.follow(await database_sync_to_async(self.admit)(), feed.current())
        except Refusal as refusal:
            await self.leave(refusal.code)
        except (DatabaseError, InterfaceError) as error:
            logger.warning("a viewer is sent away, the database does not answer: %s", error)
            await self.leave(Close.COME_BACK)
        except Exception:
            logger.exception("a viewer's socket broke")
            await self.leave(Close.COME_BACK)

    @property
    def query_string(self) -> str:
        text: str = self.scope.get("query_string", b"").decode("latin-1")
        return text

    def admit(self) -> Caller:
        """Who this is. Raises Refusal for nobody, for a foreign page that uses a cookie, and without a role."""
        caller = caller_of_scope(self.scope)
        if caller.has_cookie and not is_own_origin(self.scope):
            raise Refusal(Close.MAY_NOT)
        if not caller.actor.can_view:
            raise Refusal(Close.of(caller.actor))
        return caller

    def read_query(self, query: dict[str, str]) -> None:
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

    def read_query(self, query: dict[str, str]) -> None:
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
    """`/ws/board?session=ID&archived=1`: a snapshot, then a card for each run that changes, or its events.

    A client that says what it has (`{"type": "have", "runs": {ID: SEQ}}`) gets what it lacks of what the board shows.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.told: dict[str, int] = {}
        self.had: dict[str, int] | None = None
        self.watch: Watch | None = None

    def read_query(self, query: dict[str, str]) -> None:
        super().read_query(query)
        session = query.get("session", "")
        self.session = _number(session, at_most=ID_MAX) if session else None
        self.archived = _one_of(query.get("archived", "0"), "0", "1", "false", "true") in {"1", "true"}

    async def follow(self, caller: Caller, source: Feed) -> None:
        async with source.watching(feed.BOARD, caller) as watch:
            snapshot = await source.snapshot(watch, session=self.session, archived=self.archived)
            self.told = dict(snapshot)
            await self.outlet.send(dumps({"type": "snapshot", "runs": snapshot}))
            self.watch = watch
            while True:
                changed = await self._lacking(source, watch) if self.had is not None else await watch.news()
                await self._tell(source, watch, sorted(changed))

    async def _lacking(self, source: Feed, watch: Watch) -> set[str]:
        """The runs of which a client that came back has less than there is."""
        had, self.had = self.had or {}, None
        shown = await source.snapshot(watch, session=self.session, archived=self.archived)
        now = shown | await source.seqs(had.keys() - shown.keys())
        self.told |= {run_id: had.get(run_id, -1) for run_id in now}
        return {run_id for run_id, seq in now.items() if seq > self.told[run_id]}

    async def _tell(self, source: Feed, watch: Watch, run_ids: list[str]) -> None:
        """Oldest first, so that a board that puts new cards on top ends in order: ids begin with their time."""
        for start in range(0, len(run_ids), CARDS_AT_ONCE):
            some = run_ids[start : start + CARDS_AT_ONCE]
            cards = {} if self.wants_events else await source.cards(watch, some)
            for run_id in some:
                if self.wants_events:
                    await self._send_events(source, watch, run_id)
                elif run_id in cards:
                    await self._send_news(cards[run_id])

    async def _send_events(self, source: Feed, watch: Watch, run_id: str) -> None:
        more = True
        while more:
            batch = await source.events(watch, run_id, after=max(0, self.told.get(run_id, 0)))
            more = batch is not None and await self._send_news(batch) and batch.more

    async def _send_news(self, news: Frame | Batch) -> bool:
        """False when it was sent already, or belongs to another session than the board shows."""
        if news.seq <= self.told.get(news.run, -1) or self.session not in {None, news.session}:
            return False
        if len(self.told) >= TOLD_MAX:
            raise Refusal(Close.COME_BACK)
        self.told[news.run] = news.seq
        await self.outlet.send(news.text)
        return True

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
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
