"""Whether a worker is there: one answer for everybody who asks."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from controlroom.ops import health_data
from runs.execution.dispatch import free_slots
from runs.models import Worker
from runs.models.worker import ALIVE_S
from runs.queries.waiting_reasons import read_capacity
from tests.factories import make_token, make_worker

pytestmark = pytest.mark.django_db
EARLIER, LATER = ALIVE_S - 5, ALIVE_S + 5


def is_in_the_words(_client: Client) -> bool:
    return Worker.objects.alive().exists()


def counts_for_dispatch(_client: Client) -> bool:
    return free_slots() > 0


def counts_for_waiting_reasons(_client: Client) -> bool:
    return read_capacity().has_workers


def is_in_the_vitals(_client: Client) -> bool:
    return [crew.is_gone for crew in health_data.worker_loads()] == [False]


def is_in_the_status(client: Client) -> bool:
    return bool(client.get("/api/v1/status").json()["workers"])


def is_in_the_metrics(client: Client) -> bool:
    return "controlroom_workers 1.0" in client.get("/metrics").content.decode()


def is_well(client: Client) -> bool:
    return "no heartbeat" not in client.get("/readyz").json()["checks"]["workers"]["detail"]


ASKED = [
    is_in_the_words,
    counts_for_dispatch,
    counts_for_waiting_reasons,
    is_in_the_vitals,
    is_in_the_status,
    is_in_the_metrics,
    is_well,
]


@pytest.mark.parametrize("ask", ASKED)
@pytest.mark.parametrize(("seen_ago_s", "is_alive"), [(EARLIER, True), (LATER, False)])
def test_a_worker_is_there_for_a_minute_after_it_was_heard_of(
    ask: Callable[[Client], bool], seen_ago_s: float, is_alive: bool
) -> None:
    make_worker(seen_ago_s=seen_ago_s)
    client = Client(headers={"Authorization": f"Bearer {make_token()}"})
    assert ask(client) is is_alive
