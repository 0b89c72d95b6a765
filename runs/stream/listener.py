"""One ear on Redis: the hints of this control room, over a subscription that is made anew whenever it breaks."""

from __future__ import annotations

import asyncio
import json
import logging
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from django.conf import settings
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as LostConnection
from redis.exceptions import RedisError

from runs import hints

logger = logging.getLogger(__name__)

CONNECT_TIMEOUT = 1.0  # seconds
RECONNECT_FIRST = 0.1  # seconds; the ceiling of the wait doubles with each failure, the wait itself is random below it
RECONNECT_MAX = 5.0  # seconds
SILENCE = 10.0  # seconds without any word; then it is asked whether it is still there, and given as long to answer


class HintListener:
    """Calls `on_hint` for each hint, and `on_connect` whenever hints may have been missed before."""

    def __init__(self, *, on_hint: Callable[[dict[str, Any]], None], on_connect: Callable[[], None]) -> None:
        self._on_hint = on_hint
        self._on_connect = on_connect
        self.is_connected = asyncio.Event()

    async def run(self) -> None:
        """Listen until cancelled."""
        failures = 0
        while True:
            try:
                async with self._subscribed() as subscription:
                    failures = 0
                    await self._hear(subscription)
            except (RedisError, OSError) as error:
                logger.warning("no hints from Redis, viewers lag by up to one poll: %s", error)
            except Exception:
                logger.exception("subscription to hints failed")
            failures += 1
            ceiling = min(RECONNECT_MAX, RECONNECT_FIRST * 2**failures)
            await asyncio.sleep(random.uniform(0, ceiling))  # noqa: S311  # jitter, not a secret

    async def wait_connected(self, timeout_s: float) -> None:
        """Until the subscription stands, and not longer: without Redis the poll brings the news."""
        try:
            async with asyncio.timeout(timeout_s):  # not `wait_for`, which may swallow that the viewer has gone
                await self.is_connected.wait()
        except TimeoutError:
            logger.info("no subscription within %s s, continuing without hints", timeout_s)

    @asynccontextmanager
    async def _subscribed(self) -> AsyncIterator[PubSub]:
        """The retries of redis-py are off: they would hide that hints were missed, and turn 1 s into 15."""
        retry = Retry(NoBackoff(), 0)
        client = Redis.from_url(settings.REDIS_URL, socket_connect_timeout=CONNECT_TIMEOUT, retry=retry)
        try:
            async with client.pubsub() as subscription:
                await subscription.subscribe(hints.channel())
                await self._confirm(subscription)
                self.is_connected.set()
                self._on_connect()
                yield subscription
        finally:
            self.is_connected.clear()
            await client.aclose()

    async def _confirm(self, subscription: PubSub) -> None:
        """`subscribe` only sends the wish; what is published before Redis has taken it is lost."""
        if await subscription.get_message(timeout=CONNECT_TIMEOUT) is None:
            raise LostConnection("the subscription was not confirmed")

    async def _hear(self, subscription: PubSub) -> None:
        is_asked = False
        while True:
            message = await subscription.get_message(timeout=SILENCE)
            if message is None:
                if is_asked:
                    raise LostConnection(f"no answer for {SILENCE} s")
                await subscription.ping()
            is_asked = message is None
            if message is not None and message["type"] == "message":
                self._take(message["data"])

    def _take(self, data: bytes) -> None:
        try:
            hint = json.loads(data)
        except ValueError:
            hint = None
        if isinstance(hint, dict) and isinstance(hint.get("run"), str):
            self._on_hint(hint)
        else:
            logger.warning("invalid hint ignored: %.100r", data)
