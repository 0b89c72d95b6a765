"""A TCP proxy that can be told to misbehave, as networks do."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from enum import Enum
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar

CHUNK_BYTES = 64 * 1024
START_S = 10.0
T = TypeVar("T")


class Mode(Enum):
    PASS = "bytes pass"
    DELAY = "each piece is late"
    CUT = "connections break, and new ones break at once"
    BLACK_HOLE = "connections stand, and nothing comes through until it is over"
    DEAF = "all passes, but a consumer's wish for the queue `steps` names a queue that nobody fills"


def deafen(data: bytes) -> bytes:
    """A Redis BRPOP for `steps` and its priorities, turned to names of the same length that hold nothing."""
    return data.replace(b"\nsteps", b"\nstepz") if b"BRPOP" in data else data


class Loop:
    """An event loop in a thread of its own, for what must go on while the attack sleeps."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self.servers: list[asyncio.Server] = []
        self._thread = Thread(target=self._loop.run_forever, name="chaos-loop", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run it there and wait for its result."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(START_S)

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Let it run beside everything else, until the end."""
        asyncio.run_coroutine_threadsafe(work, self._loop)

    def stop(self) -> None:
        self.run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(START_S)
        self._loop.close()

    async def _end(self) -> None:
        """Nobody new comes in, and what goes on is given up: that connections break now is no news."""
        self._loop.set_exception_handler(lambda *_: None)
        for server in self.servers:
            server.close()
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)


class Proxy:
    """Listens on a port of 127.0.0.1 and passes to the unix socket `target`. To be called from any thread."""

    def __init__(self, target: Path, *, loop: Loop) -> None:
        self._target = target
        self._loop = loop
        self._mode = Mode.PASS
        self._delay_s = 0.0
        self._open: set[asyncio.StreamWriter] = set()
        self.port = loop.run(self._listen())

    def set(self, mode: Mode, *, delay_s: float = 0.0) -> None:
        """From now on. Back in `PASS`, what a black hole held back comes through, as TCP would send it again."""
        self._loop.run(self._set(mode, delay_s))

    async def _listen(self) -> int:
        self._may_pass = asyncio.Event()
        self._may_pass.set()
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._loop.servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    async def _set(self, mode: Mode, delay_s: float) -> None:
        self._mode, self._delay_s = mode, delay_s
        if mode is Mode.BLACK_HOLE:
            self._may_pass.clear()
        else:
            self._may_pass.set()
        if mode is Mode.CUT:
            self._break_all()

    def _break_all(self) -> None:
        for writer in self._open:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            await self._may_pass.wait()
            if self._mode is not Mode.CUT:
                await self._connect(reader, writer)
        except OSError:
            pass  # the server is away, or the connection broke: the client sees its end
        finally:
            self._open.discard(writer)
            writer.close()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_unix_connection(str(self._target))
        self._open.add(inner_writer)
        try:
            there = asyncio.create_task(self._pump(reader, inner_writer, is_asking=True))
            back = asyncio.create_task(self._pump(inner_reader, writer))
            _, pending = await asyncio.wait([there, back], return_when=asyncio.FIRST_COMPLETED)
            for task in pending:
                task.cancel()
            await asyncio.gather(there, back, return_exceptions=True)
        finally:
            self._open.discard(inner_writer)
            inner_writer.close()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_asking: bool = False
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(CHUNK_BYTES):
                if self._mode is Mode.DELAY:
                    await asyncio.sleep(self._delay_s)
                await self._may_pass.wait()
                writer.write(deafen(data) if is_asking and self._mode is Mode.DEAF else data)
                await writer.drain()
