"""Hints: 'run 17 has news up to 42', by Redis pub/sub. They may be lost; the log is the truth."""

from __future__ import annotations

import json
import logging
from functools import cache, partial

import redis
from django.conf import settings
from django.db import transaction
from redis.backoff import NoBackoff
from redis.retry import Retry

logger = logging.getLogger(__name__)


def channel() -> str:
    """The pub/sub channel of this control room.

    Redis does not keep channels apart by database number: the name does.
    """
    return f"controlroom:{settings.DATABASES['default'].get('NAME', '')}:news"


@cache
def redis_client() -> redis.Redis:
    """This process's connections, for all its threads; the pool begins anew in a forked child.

    A Redis that is away costs half a second, not the default's fifteen.
    """
    return redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=0.5, socket_connect_timeout=0.5, retry=Retry(NoBackoff(), 0)
    )


def publish(run_id: str, *, seq: int | None = None, log: int | None = None) -> None:
    """Tell whoever watches that the run has events up to `seq`, or log chunks up to id `log`. Never raises."""
    hint = {"run": run_id} | ({"seq": seq} if seq is not None else {}) | ({"log": log} if log is not None else {})
    try:
        redis_client().publish(channel(), json.dumps(hint))
    except redis.RedisError as error:
        logger.warning("hint for run %s not sent, viewers are updated within 5 s: %s", run_id, error)


def publish_on_commit(run_id: str, *, seq: int | None = None, log: int | None = None) -> None:
    transaction.on_commit(partial(publish, run_id, seq=seq, log=log))
