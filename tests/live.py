"""Fixtures for tests of the live feed. Django is set up after this file is read: fixtures import what needs it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from asgiref.sync import sync_to_async


@pytest.fixture
def quick_poll(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runs.stream.feed.POLL_INTERVAL", 0.2)


@pytest.fixture
def no_poll(monkeypatch: pytest.MonkeyPatch) -> None:
    """What arrives, arrives by hints."""
    monkeypatch.setattr("runs.stream.feed.POLL_INTERVAL", 3600.0)


@pytest.fixture
async def committed(transactional_db: None) -> AsyncIterator[None]:
    """Data that other connections see; afterwards no thread keeps one open."""
    from django.db import connections

    from runs.stream import feed

    yield
    async with asyncio.timeout(60):  # a test that leaves a viewer behind fails here
        while not feed.current().is_asleep:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await sync_to_async(connections.close_all)()
