"""WebSockets that talk junk, and a thousand that come and go while others watch."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
import uuid
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.frames import Frame, Opcode

from fuzz.row import Row
from fuzz.target import OURS, Target, start, until
from fuzz.vitals import Vitals, vitals
from pulser.language.limits import MIB, REQUEST_BYTES

ANSWER_S = 20.0
JUNK, MAY_NOT_ENTER, UNKNOWN = 4400, 4401, 4404
PROTOCOL_ERROR, BAD_TEXT = 1002, 1007
GONE = 1006  # the line was cut without a word
STAYS = 0
MEMORY_GROWN = 48 * MIB  # allowed: what the allocator keeps for the next burst
OTHERS_GROWN = 5  # connections of a pool, threads of an executor
ENDED = ("success", "error", "cancelled")

Message = str | bytes | list[str]


def ids(count: int) -> dict[str, int]:
    return {str(uuid.uuid4()): 1 for _ in range(count)}


def said() -> Iterable[tuple[str, Message, tuple[int, ...]]]:
    """What is said to the board's socket, and how it may end; `STAYS` when the socket must go on."""
    known = {str(uuid.uuid4()): 1}
    yield "no JSON", "hello", (JUNK,)
    yield "no text", "", (JUNK,)
    yield "binary", b"\x00\xff" * 100, (JUNK,)
    yield "binary JSON", b"{}", (JUNK,)
    yield "an array", "[]", (JUNK,)
    yield "a number", "1", (JUNK,)
    yield "null", "null", (JUNK,)
    yield "no number", '{"runs": NaN}', (JUNK,)
    yield "an unknown type", '{"type": "subscribe"}', (JUNK,)
    yield "a type that is none", '{"type": {}}', (JUNK,)
    yield "runs that are a list", '{"type": "have", "runs": []}', (JUNK,)
    yield "runs that are text", '{"type": "have", "runs": "all"}', (JUNK,)
    yield "ids that are none", '{"type": "have", "runs": {"x": 1}}', (JUNK,)
    yield "a seq that is text", json.dumps({"runs": dict.fromkeys(known, "1")}), (JUNK,)
    yield "a seq that is true", json.dumps({"runs": dict.fromkeys(known, True)}), (JUNK,)
    yield "a seq below none", json.dumps({"runs": dict.fromkeys(known, -2)}), (JUNK,)
    yield "a seq beyond all", json.dumps({"runs": dict.fromkeys(known, 2**63)}), (JUNK,)
    yield "a seq with a point", json.dumps({"runs": dict.fromkeys(known, 0.5)}), (JUNK,)
    yield "a seq of many digits", json.dumps({"runs": known}).replace("1}", "9" * 5000 + "}"), (JUNK,)
    yield "deep nesting", "[" * 100_000, (JUNK,)
    yield "NUL", '{"runs": {"\\u0000": 1}}', (JUNK,)
    yield "too many ids", json.dumps({"runs": ids(2_001)}), (JUNK,)
    yield "a million ids", json.dumps({"runs": {f"{number:032x}": 1 for number in range(80_000)}}), (JUNK, GONE)
    yield "a huge text", "x" * (MIB - 1), (JUNK,)
    yield "a huge text in pieces", ["x" * (MIB - 1)] * 4, (JUNK,)
    yield "too huge a text", "x" * (REQUEST_BYTES + 1), (GONE, 1009)
    yield "too huge in pieces", ["x" * MIB] * 6, (GONE, 1009)
    yield "a thousand pieces", ['{"runs"', ": ", *[" "] * 1000, "{}}"], (STAYS,)
    yield "ids that nobody knows", json.dumps({"runs": ids(2_000)}), (STAYS,)
    yield "nothing had", '{"type": "have", "runs": {}}', (STAYS,)
    yield "an old snapshot", json.dumps({"type": "snapshot", "runs": dict.fromkeys(known, -1)}), (STAYS,)


BAD_FRAMES: tuple[tuple[str, bytes, tuple[int, ...]], ...] = (
    ("bytes that are no frame", bytes(range(256)), (PROTOCOL_ERROR, GONE)),
    ("a frame without a mask", Frame(Opcode.TEXT, b"{}").serialize(mask=False), (PROTOCOL_ERROR, GONE)),
    ("text that is no UTF-8", Frame(Opcode.TEXT, b"\xff\xfe").serialize(mask=True), (BAD_TEXT, GONE)),
    ("a piece of nothing", Frame(Opcode.CONT, b"x").serialize(mask=True), (PROTOCOL_ERROR, GONE)),
    ("reserved bits", b"\xf1\x80\0\0\0\0", (PROTOCOL_ERROR, GONE)),
    ("an unknown kind of frame", b"\x83\x80\0\0\0\0", (PROTOCOL_ERROR, GONE)),
    ("a long ping", b"\x89\xfe\x01\x00\0\0\0\0" + b"x" * 256, (PROTOCOL_ERROR, GONE)),
    ("a frame of endless length", b"\x82\xff" + b"\x7f" + b"\xff" * 7 + b"\0\0\0\0x", (PROTOCOL_ERROR, GONE, 1009)),
    ("a close of one byte", b"\x88\x81\0\0\0\0x", (PROTOCOL_ERROR, GONE)),
    ("a close with a code that is none", b"\x88\x82\0\0\0\0\x00\x01", (PROTOCOL_ERROR, GONE)),
)

ADDRESSES: tuple[tuple[str, int], ...] = (
    ("/ws/board?session=x", JUNK),
    ("/ws/board?session=-1", JUNK),
    ("/ws/board?session=99999999999999999999", JUNK),
    ("/ws/board?format=xml", JUNK),
    ("/ws/board?archived=perhaps", JUNK),
    ("/ws/board?archived=%00", JUNK),
    ("/ws/runs/x", UNKNOWN),
    ("/ws/runs/%00", UNKNOWN),
    ("/ws/runs/" + "9" * 4000, UNKNOWN),
    (f"/ws/runs/{uuid.UUID(int=7)}", UNKNOWN),
    ("/ws/runs/{run}?after=-1", JUNK),
    ("/ws/runs/{run}?after=x", JUNK),
    ("/ws/runs/{run}?after=2147483648", JUNK),
    ("/ws/runs/{run}?after=%D9%A1", JUNK),
    ("/ws/runs/{run}?log=" + "9" * 400, JUNK),
    ("/ws/", UNKNOWN),
    ("/ws/nothing/here", UNKNOWN),
    ("/", UNKNOWN),
)


def sockets(target: Target) -> list[Row]:
    """A row for what is said, one for frames that are none, one for addresses."""
    return asyncio.run(_sockets(target))


async def _sockets(target: Target) -> list[Row]:
    talk, frames, places = Row("socket: messages"), Row("socket: frames"), Row("socket: addresses")
    for name, message, right in said():
        async with opening(target, "/ws/board") as client:
            await _first(client)
            _judge(talk, await _ended(client, message), right=right, what=name)
    async with opening(target, f"/ws/runs/{target.waiting}") as client:
        _judge(talk, await _ended(client, "anything"), right=(JUNK,), what="said to a run's socket")
    for name, raw, right in BAD_FRAMES:
        async with opening(target, "/ws/board") as client:
            await _first(client)
            client.transport.write(raw)
            _judge(frames, await _closed(client), right=right, what=name)
    for path, right_code in ADDRESSES:
        async with opening(target, path.replace("{run}", target.waiting)) as client:
            _judge(places, await _closed(client), right=(right_code,), what=path[:60])
    async with opening(target, "/ws/board", token="wrong") as client:
        _judge(places, await _closed(client), right=(MAY_NOT_ENTER,), what="a wrong token")
    return [talk, frames, places]


@contextlib.asynccontextmanager
async def opening(target: Target, path: str, *, token: str | None = None) -> AsyncIterator[ClientConnection]:
    """`token`: the operator's, when none is given."""
    url = target.room.url.replace("http:", "ws:", 1) + path
    headers = {"Authorization": f"Bearer {target.room.token if token is None else token}"}
    options: dict[str, Any] = {"max_size": None, "open_timeout": ANSWER_S, "close_timeout": 1, "compression": None}
    async with connect(url, additional_headers=headers, proxy=None, **options) as client:
        yield client


async def _first(client: ClientConnection) -> None:
    """The first frame: from now on the socket is at work."""
    async with asyncio.timeout(ANSWER_S):
        await client.recv()


def _judge(row: Row, code: int, *, right: Sequence[int], what: str) -> None:
    answer = {STAYS: "stays", -1: "silence"}.get(code, code)
    row.saw(answer, right=code in right, why=f"{what}; right were {right}")


async def _ended(client: ClientConnection, message: Message) -> int:
    """The code that it ends with; `STAYS` when the server still answers a ping, and then goes on."""
    try:
        await client.send(message)
        async with asyncio.timeout(ANSWER_S):
            await (await client.ping())
    except (ConnectionClosed, TimeoutError):
        return await _closed(client)
    return await _closed(client) if await _closes_soon(client) else STAYS


async def _closes_soon(client: ClientConnection) -> bool:
    """The server answers a ping before it has read the message before it."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(client.wait_closed(), 0.5)
    return client.close_code is not None


async def _closed(client: ClientConnection) -> int:
    """The code; -1 when the socket stays open."""
    try:
        await asyncio.wait_for(client.wait_closed(), ANSWER_S)
    except TimeoutError:
        return -1
    return client.close_code or GONE


@dataclass(slots=True)
class Watcher:
    """A socket that takes all events of the board from its start on."""

    got: dict[str, list[int]] = field(default_factory=dict)
    refused: str = ""

    async def watch(self, target: Target, ready: asyncio.Event) -> None:
        try:
            async with opening(target, "/ws/board?format=events") as client:
                async for text in client:
                    ready.set()
                    frame = json.loads(text)
                    seqs = [event["seq"] for event in frame.get("events", [])]
                    self.got.setdefault(frame.get("run", ""), []).extend(seqs)
                self.refused = f"closed with {client.close_code}"
        except (OSError, ConnectionClosed, InvalidHandshake) as error:
            self.refused = repr(error)


def crowd(target: Target, *, count: int, minutes: float, runs: int = 10) -> list[Row]:
    """So many sockets come and go; three watchers miss nothing, and afterwards the web process holds what it held."""
    asyncio.run(_come_and_go(target, Row(""), count=20, pause_s=0))  # what is made once, is made
    before = vitals(target.room)
    row = asyncio.run(_crowd(target, count=count, pause_s=60 * minutes / count, runs=runs))
    rest = Row("socket: what is left of them")
    rest.violations += _left(target, before)
    rest.saw(str(vitals(target.room)))
    return [row, rest]


async def _crowd(target: Target, *, count: int, pause_s: float, runs: int) -> Row:
    row = Row(f"socket: {count} come and go")
    watchers, ready = [Watcher() for _ in range(3)], [asyncio.Event() for _ in range(3)]
    watching = [asyncio.create_task(each.watch(target, at)) for each, at in zip(watchers, ready, strict=True)]
    async with asyncio.timeout(ANSWER_S):
        await asyncio.gather(*(at.wait() for at in ready))
    started = asyncio.create_task(asyncio.to_thread(_start_runs, target, runs, count * pause_s / runs))
    await _come_and_go(target, row, count=count, pause_s=pause_s)
    expected = await asyncio.to_thread(_events_of, target, await started)
    for number, watcher in enumerate(watchers):
        row.violations += [f"watcher {number}: {lack}" for lack in await _lacks(watcher, expected)]
    for task in watching:
        task.cancel()
    await asyncio.gather(*watching, return_exceptions=True)
    return row


async def _come_and_go(target: Target, row: Row, *, count: int, pause_s: float) -> None:
    async with asyncio.TaskGroup() as group:
        for number in range(count):
            group.create_task(_visit(target, row, number))
            await asyncio.sleep(pause_s)


async def _visit(target: Target, row: Row, number: int) -> None:
    """Some say goodbye, some are cut off, some leave at once."""
    path = ("/ws/board", f"/ws/runs/{target.waiting}", "/ws/board?format=events")[number % 3]
    try:
        async with opening(target, path) as client:
            if number % 2:
                await _first(client)
            if number % 5 == 0:
                client.transport.abort()
        row.saw("came and went")
    except (OSError, TimeoutError, ConnectionClosed, InvalidHandshake) as error:
        row.saw("refused", right=False, why=f"{path}: {error!r}")


def _start_runs(target: Target, count: int, pause_s: float) -> list[str]:
    found = []
    with target.room.client() as client:
        for _ in range(count):
            found.append(start(client, "quick", lane=OURS))
            time.sleep(pause_s)
    return found


def _events_of(target: Target, run_ids: list[str]) -> dict[str, list[int]]:
    """The seqs of each run, once it has ended."""
    with target.room.client() as client:
        runs = {run_id: _ended_run(client, run_id) for run_id in run_ids}
    return {run_id: list(range(1, run["seq"] + 1)) for run_id, run in runs.items()}


def _ended_run(client: httpx.Client, run_id: str) -> dict[str, Any]:
    def look() -> dict[str, Any]:
        found: dict[str, Any] = client.get(f"/runs/{run_id}").raise_for_status().json()
        return found

    until(lambda: look()["status"] in ENDED, f"the end of {run_id}")
    return look()


async def _lacks(watcher: Watcher, expected: dict[str, list[int]]) -> list[str]:
    """What the watcher has not got once and in order, after all had time to come."""

    def has_all() -> bool:
        return bool(watcher.refused) or all(watcher.got.get(run_id) == seqs for run_id, seqs in expected.items())

    with contextlib.suppress(TimeoutError):
        await asyncio.to_thread(until, has_all, "all events", within_s=ANSWER_S)
    wrong = {run_id: watcher.got.get(run_id) for run_id, seqs in expected.items() if watcher.got.get(run_id) != seqs}
    return [f"{watcher.refused} {run_id} got {seqs}, there are {expected[run_id]}" for run_id, seqs in wrong.items()]


def _left(target: Target, before: Vitals) -> list[str]:
    """What is held beyond what was, after the server had time to let go."""

    def grown() -> list[str]:
        return vitals(target.room).grown(before, memory=MEMORY_GROWN, others=OTHERS_GROWN)

    with contextlib.suppress(TimeoutError):
        until(lambda: not grown(), "rest", within_s=ANSWER_S)
    return grown()
