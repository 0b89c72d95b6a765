"""Answers that are sent piece by piece, through a real Daphne, to clients that do not read them."""

from __future__ import annotations

import select
import socket
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core.files.base import ContentFile
from django.utils import timezone

from runs.models import Artifact, Attempt, Event, LogChunk, Run, Step
from tests.controlroom.web.live.sockets import outside
from tests.factories import make_run, make_token

pytestmark = [pytest.mark.usefixtures("committed"), pytest.mark.slow]

MIB = 1024 * 1024
CHUNK = 64 * 1024
TOLD = 40 * MIB
HELD = 20 * MIB  # more than the buffers of both ends take


def talk_by_events(run: Run) -> str:
    """Thousands of events."""
    text = "x" * 8192
    rows = [
        Event(run=run, seq=run.seq + number, kind="run.started", data={"text": text}, at=run.created_at)
        for number in range(1, TOLD // len(text))
    ]
    Event.objects.bulk_create(rows, batch_size=500)
    Run.objects.filter(pk=run.pk).update(seq=run.seq + len(rows))
    return "events/stream"


def talk_by_log(run: Run) -> str:
    attempt = Attempt.objects.create(step=Step.objects.get(run=run), number=1, started_at=timezone.now())
    for start in range(0, TOLD, MIB):
        offsets = range(start, start + MIB, CHUNK)
        text = {"stream": "stdout", "data": b"x" * CHUNK, "at": timezone.now()}
        LogChunk.objects.bulk_create([LogChunk(attempt=attempt, offset=offset, **text) for offset in offsets])
    return "log?format=text"


def talk_by_file(run: Run) -> str:
    step = Step.objects.get(run=run)
    file = ContentFile(b"x" * TOLD, name="big.bin")
    fields: dict[str, Any] = {"name": "big.bin", "kind": "file", "size": TOLD, "sha256": "0" * 64}
    artifact = Artifact.objects.create(run=run, step=step, attempt=1, content=file, **fields)
    return f"artifacts/{artifact.pk}/content"


@pytest.mark.parametrize("talk", [talk_by_events, talk_by_log, talk_by_file])
async def test_a_client_that_does_not_read_an_answer_is_cut_off(impatient_daphne: str, talk: Any) -> None:
    """With 40 MB to say the server stops at what the sockets' buffers take, and waits for a second."""
    run, secret = await outside(make_run, status="running"), await outside(make_token)
    path = await outside(talk, run)
    with connected(impatient_daphne) as client:
        head = f"GET /api/v1/runs/{run.pk}/{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {secret}\r\n\r\n"
        client.sendall(head.encode())
        start = client.recv(17)
        wait_for_hang_up(client)
        got = len(rest_of(client))
    assert start == b"HTTP/1.1 200 OK\r\n"
    assert got < HELD


async def test_a_client_that_reads_slowly_gets_all_of_an_answer(impatient_daphne: str) -> None:
    run, secret = await outside(make_run, status="running"), await outside(make_token)
    path = await outside(talk_by_file, run)
    with connected(impatient_daphne) as client:
        head = f"GET /api/v1/runs/{run.pk}/{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {secret}\r\n"
        client.sendall(f"{head}Connection: close\r\n\r\n".encode())
        got = rest_of(client)
    assert got.partition(b"\r\n\r\n")[2] == b"x" * TOLD


def connected(address: str) -> socket.socket:
    to = urlsplit(address)
    return socket.create_connection((to.hostname, to.port), timeout=60)


def wait_for_hang_up(client: socket.socket) -> None:
    """Until the other side has closed, which can be seen without reading."""
    poll = select.poll()
    poll.register(client, select.POLLRDHUP)
    assert poll.poll(60_000), "the server has not hung up"


def rest_of(client: socket.socket) -> bytes:
    got = bytearray()
    try:
        while piece := client.recv(MIB):
            got += piece
    except ConnectionResetError:
        pass
    return bytes(got)
