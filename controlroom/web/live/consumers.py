"""WebSocket consumers: they admit, follow a topic of the feed, and send what their client lacks.

A client is refused after the socket was accepted: only then does a close code reach it.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Mapping

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.core.exceptions import SuspiciousOperation
from django.db import DatabaseError, InterfaceError
from django.http import QueryDict

from controlroom.http.callers import caller_of_scope, is_own_origin
from controlroom.web.live.backpressure import BoundedSender
from controlroom.web.live.board_view import BoardView, read_board_view
from controlroom.web.live.client_messages import one_of, read_client_runs, read_number
from controlroom.web.live.client_runs import ClientRuns
from controlroom.web.live.close_codes import CLOSE_CODES
from controlroom.web.live.frames import GONE, FilterMatch, Frame, removal_frame
from controlroom.web.live.shared_reads import read_cards, read_matches, read_page, read_snapshot
from pulser.language.limits import ID_MAX, NUMBER_MAX
from runs.accounts.callers import Caller
from runs.models import Run
from runs.stream import feed
from runs.stream.batches import Batch
from runs.stream.event_json import dumps
from runs.stream.feed import Feed
from runs.stream.refusals import Refusal, RefusalReason
from runs.stream.topics import Subscription

logger = logging.getLogger(__name__)

RUNS_AT_ONCE = 50  # rendered before the first of them is sent


class LiveConsumer(AsyncWebsocketConsumer):
    """Accepts, admits, and runs `follow` beside the receiving of frames."""

    following: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        await self.accept()
        self.outlet = BoundedSender(self.base_send)
        self.following = asyncio.create_task(self._follow())

    async def _follow(self) -> None:
        """Until the client leaves. Whatever ends it becomes a close code."""
        try:
            self.read_query(self._query())
            await self.follow(await database_sync_to_async(self.admit)(), feed.current())
        except Refusal as refusal:
            await self.leave(refusal.reason)
        except (DatabaseError, InterfaceError) as error:
            logger.warning("viewer disconnected, the database does not answer: %s", error)
            await self.leave(RefusalReason.RECONNECT)
        except Exception:
            logger.exception("viewer socket failed")
            await self.leave(RefusalReason.RECONNECT)

    def _query(self) -> QueryDict:
        try:
            return QueryDict(self.scope.get("query_string", b""))
        except SuspiciousOperation:  # hundreds of parameters
            raise Refusal(RefusalReason.MALFORMED) from None

    def admit(self) -> Caller:
        """Who this is. Raises Refusal for nobody, for a foreign page that uses a cookie, and without a role."""
        caller = caller_of_scope(self.scope)
        if caller.has_cookie and not is_own_origin(self.scope):
            raise Refusal(RefusalReason.FORBIDDEN)
        if not caller.actor.can_view:
            raise Refusal(RefusalReason.of(caller.actor))
        return caller

    def read_query(self, query: QueryDict) -> None:
        """Take what the URL asks for. Raises Refusal(MALFORMED)."""
        self.wants_events = one_of(query.get("format", "html"), "html", "events") == "events"

    async def follow(self, caller: Caller, source: Feed) -> None:
        raise NotImplementedError

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """There is nothing to say to a run's socket."""
        await self.leave(RefusalReason.MALFORMED)

    async def leave(self, reason: RefusalReason) -> None:
        await self.close(CLOSE_CODES[reason])

    async def disconnect(self, code: int) -> None:
        if self.following is not None:
            self.following.cancel()
            await asyncio.wait([self.following])


class RunConsumer(LiveConsumer):
    """`/ws/runs/{id}?after=SEQ&log=PK`: the page's fragments, or with `format=events` each event once and in order."""

    def read_query(self, query: QueryDict) -> None:
        super().read_query(query)
        self.seq = read_number(query.get("after", "0"), at_most=NUMBER_MAX)
        self.log = read_number(query.get("log", "0"), at_most=ID_MAX)

    def admit(self) -> Caller:
        """Raises Refusal(NOT_FOUND) when there is no such run that this caller may see."""
        caller = super().admit()
        try:
            self.run_id = str(uuid.UUID(self.scope["url_route"]["kwargs"]["run_id"]))
        except ValueError:
            raise Refusal(RefusalReason.NOT_FOUND) from None
        if not Run.objects.visible_to(caller.actor).filter(pk=self.run_id).exists():
            raise Refusal(RefusalReason.NOT_FOUND)
        return caller

    async def follow(self, caller: Caller, source: Feed) -> None:
        async with source.watching(self.run_id, caller) as watch:
            while True:
                await self._catch_up(source, watch)
                await watch.news()

    async def _catch_up(self, source: Feed, watch: Subscription) -> None:
        more = True
        while more:
            news = await self._news(source, watch)
            if news.text:
                await self.outlet.send(news.text)
            self.seq, more = news.seq, news.more

    async def _news(self, source: Feed, watch: Subscription) -> Frame | Batch:
        if not self.wants_events:
            frame = await read_page(source, watch, after=self.seq, log=self.log)
            self.log = frame.log
            return frame
        batch = await source.events(watch, self.run_id, after=self.seq)
        if batch is None:
            raise Refusal(RefusalReason.NOT_FOUND)
        return batch


class BoardConsumer(LiveConsumer):
    """`/ws/board?FILTERS&view=lanes|table|timeline`: first what the board shows, then each change of it.

    With `format=events`, a run that has once passed the filters is followed to its end, archived or not: each event
    comes once and in order.
    """

    view: BoardView
    watch: Subscription | None = None
    client_runs: Mapping[str, int] | None = None
    """What the client said that it has, until it is looked at."""

    def read_query(self, query: QueryDict) -> None:
        super().read_query(query)
        cookies = self.scope.get("cookies", {})
        self.view = read_board_view(query, cookies=cookies, wants_events=self.wants_events)

    async def follow(self, caller: Caller, source: Feed) -> None:
        """A program is told that its filters mean nothing; a page says so itself, and shows no run."""
        if self.view.is_unclear and not caller.has_cookie:
            raise Refusal(RefusalReason.MALFORMED)
        async with source.watching(feed.BOARD, caller) as watch:
            self.watch = watch
            self.client = ClientRuns(await self._send_snapshot(source, watch))
            while True:
                changed = await self._lacking(source, watch) if self.client_runs is not None else await watch.news()
                if watch.is_to_look_again():
                    changed |= {*self.client.run_ids}
                await self._send_changes(source, watch, sorted(changed))
                if self.client.is_to_be_checked and not self.wants_events:
                    self.client.doubt_all()
                    await self._send_snapshot(source, watch)

    async def _send_snapshot(self, source: Feed, watch: Subscription) -> dict[str, int]:
        """Say what the board shows. The client says what it has."""
        shown = await read_snapshot(source, watch, filters=self.view.filters, view=self.view.layout)
        await self.outlet.send(dumps({"type": "snapshot", "runs": shown}))
        return shown

    async def _lacking(self, source: Feed, watch: Subscription) -> set[str]:
        """The runs to compare with what a client has: those that it shows, and those that the board shows."""
        has, self.client_runs = self.client_runs or {}, None
        shown = await read_snapshot(source, watch, filters=self.view.filters, view=self.view.layout)
        source.remember(has)
        self.client.confirm(has, shown=shown)
        return {*shown, *has}

    async def _send_changes(self, source: Feed, watch: Subscription, run_ids: list[str]) -> None:
        """Oldest first, so that a board that puts new cards on top ends in order: ids begin with their time."""
        matches = await read_matches(source, watch, run_ids=run_ids, filters=self.view.followed)
        send = self._send_events if self.wants_events else self._send_cards
        for start in range(0, len(run_ids), RUNS_AT_ONCE):
            some = run_ids[start : start + RUNS_AT_ONCE]
            await send(source, watch, {run_id: matches.get(run_id, GONE) for run_id in some})

    async def _send_events(self, source: Feed, watch: Subscription, matches: Mapping[str, FilterMatch]) -> None:
        lacking = {
            run_id: max(0, self.client.seq_of(run_id))
            for run_id, match in matches.items()
            if (match.passes or run_id in self.client) and match.seq > self.client.seq_of(run_id)
        }
        batches = await source.batches(watch, lacking)
        for run_id, after in lacking.items():
            batch = batches.get(run_id) or await source.events(watch, run_id, after=after)
            while batch is not None and await self._send_news(batch) and batch.more:
                batch = await source.events(watch, run_id, after=batch.seq)

    async def _send_cards(self, source: Feed, watch: Subscription, matches: Mapping[str, FilterMatch]) -> None:
        """A card is as new as its match or newer; if it does not belong here any more, the next round removes it."""
        newer = [run for run, match in matches.items() if match.passes and match.seq > self.client.seq_of(run)]
        cards = await read_cards(source, watch, run_ids=newer, view=self.view.layout)
        for run_id, match in matches.items():
            if run_id in cards:
                await self._send_news(cards[run_id])
            elif run_id in self.client and not match.passes and match.seq >= self.client.seq_of(run_id):
                await self._remove(run_id, match)

    async def _remove(self, run_id: str, match: FilterMatch) -> None:
        told = self.client.forget(run_id)
        await self.outlet.send(removal_frame(run_id, told if match is GONE else match.seq).text)

    async def _send_news(self, news: Frame | Batch) -> bool:
        """False when it was sent already."""
        if news.seq <= self.client.seq_of(news.run):
            return False
        self.client.note(news.run, news.seq)
        await self.outlet.send(news.text)
        return True

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """A client says what it has: after each snapshot, and when its page has fetched more runs."""
        try:
            self.client_runs = read_client_runs(text_data or "")
        except Refusal as refusal:
            await self.leave(refusal.reason)
            return
        if self.watch is not None:
            self.watch.wake(())


class UnknownConsumer(LiveConsumer):
    """Any other path."""

    async def follow(self, caller: Caller, source: Feed) -> None:
        raise Refusal(RefusalReason.NOT_FOUND)
