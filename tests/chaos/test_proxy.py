"""The proxy in front of a real Valkey: what each of its moods does to a client."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import redis

from chaos.proxy import Loop, Mode, Proxy

QUICK_S = 0.3


@pytest.fixture(scope="module")
def loop() -> Iterator[Loop]:
    loop = Loop()
    yield loop
    loop.stop()


@pytest.fixture
def proxy(loop: Loop) -> Proxy:
    return Proxy(Path(urlsplit(os.environ["REDIS_URL"]).path), loop=loop)


def client_of(proxy: Proxy, *, timeout_s: float = 10.0) -> redis.Redis:
    retry = redis.retry.Retry(redis.backoff.NoBackoff(), 0)
    return redis.Redis(port=proxy.port, socket_timeout=timeout_s, socket_connect_timeout=timeout_s, retry=retry)


def test_in_good_mood_all_passes(proxy: Proxy) -> None:
    client = client_of(proxy)
    payload = os.urandom(300_000)

    client.set("chaos-proxy", payload)

    assert client.get("chaos-proxy") == payload


def test_late_pieces_arrive_all_the_same(proxy: Proxy) -> None:
    proxy.set(Mode.DELAY, delay_s=QUICK_S)

    assert client_of(proxy).ping()
    with pytest.raises(redis.TimeoutError):
        client_of(proxy, timeout_s=QUICK_S / 2).ping()


def test_a_cut_breaks_what_stands_and_what_comes_until_it_is_over(proxy: Proxy) -> None:
    client = client_of(proxy)
    client.ping()

    proxy.set(Mode.CUT)
    for _ in range(2):
        with pytest.raises(redis.ConnectionError):
            client.ping()
    proxy.set(Mode.PASS)

    assert client.ping()


def test_a_black_hole_holds_back_and_lets_through_in_the_end(proxy: Proxy) -> None:
    impatient = client_of(proxy, timeout_s=QUICK_S)
    impatient.ping()
    proxy.set(Mode.BLACK_HOLE)
    with pytest.raises(redis.TimeoutError):
        impatient.rpush("chaos-held", "back")
    direct = redis.Redis.from_url(os.environ["REDIS_URL"].partition("?")[0])
    assert direct.lpop("chaos-held") is None

    proxy.set(Mode.PASS)

    assert direct.blpop(["chaos-held"], timeout=10) == (b"chaos-held", b"back")


def test_a_deaf_consumer_is_connected_and_gets_nothing(proxy: Proxy) -> None:
    client = client_of(proxy)
    client.delete("steps")  # the messages of all tests before
    proxy.set(Mode.DEAF)

    client.lpush("steps", "work")

    assert client.brpop(["steps", "steps\x06\x163"], timeout=1) is None
    proxy.set(Mode.PASS)
    assert client.brpop(["steps"], timeout=1) == (b"steps", b"work")
