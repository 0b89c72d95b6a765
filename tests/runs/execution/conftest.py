from __future__ import annotations

from typing import Any

import pytest
from celery import current_app


@pytest.fixture
def celery_sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The runs that workers were woken for, in order; no message of another test waits in the queue."""
    from runs.execution import dispatch  # the settings are there by now

    sent: list[str] = []
    with current_app.producer_pool.acquire() as producer:
        producer.channel.client.delete(dispatch.QUEUE)
    monkeypatch.setattr(dispatch, "_slot_cache", dispatch._SlotCache())

    def send_task(_name: str, args: tuple[str, ...], **_options: Any) -> None:
        sent.append(args[0])

    monkeypatch.setattr(current_app, "send_task", send_task)
    return sent


@pytest.fixture
def quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The heartbeat looks for a cancellation all the time."""
    monkeypatch.setattr("pulser.kernel.heartbeat.LOOK_INTERVAL", 0.0)
