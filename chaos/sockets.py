"""Programs that watch over WebSockets, come back as a browser does when they are cut off, and remember every event."""

from __future__ import annotations

import asyncio
import json
import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

COME_BACK_S = 1.0  # at most, and at random below it, so that not all come at once
OPEN_S = 5.0
FRAME_BYTES = 64 * 1024 * 1024

LOOK_S = 0.5
BOARDS = 3
PAGES = 15
EACH = 4  # one run in so many gets a page of its own

Heard = list[tuple[int, str]]
"""Number and kind of each event, in the order in which they came."""


class Socket:
    """One socket on one path. `heard`: run -> its events; `returns`: how often it had to come back."""

    def __init__(self, url: str, *, token: str, name: str) -> None:
        self.name = name
        self.heard: dict[str, Heard] = defaultdict(list)
        self.returns = -1
        self._url = url.replace("http://", "ws://", 1)
        self._headers = {"Authorization": f"Bearer {token}"}

    async def watch(self) -> None:
        """Until it is cancelled."""
        while True:
            self.returns += 1
            try:
                async with connect(
                    self._url + self.path(),
                    additional_headers=self._headers,
                    open_timeout=OPEN_S,
                    max_size=FRAME_BYTES,
                    proxy=None,
                ) as socket:
                    if word := self.first_word():
                        await socket.send(word)
                    async for text in socket:
                        self._take(json.loads(text))
            except (OSError, TimeoutError, WebSocketException):
                pass
            await asyncio.sleep(random.uniform(0, COME_BACK_S))

    def path(self) -> str:
        raise NotImplementedError

    def first_word(self) -> str:
        """What is said after connecting; empty for nothing."""
        return ""

    def _take(self, frame: dict[str, Any]) -> None:
        for event in frame.get("events", ()):
            self.heard[frame["run"]].append((event["seq"], event["kind"]))

    def seq(self, run: str) -> int:
        heard = self.heard.get(run)
        return heard[-1][0] if heard else 0


class Board(Socket):
    """Sees all runs. One that comes back says what it has, and gets what it lacks."""

    def path(self) -> str:
        return "/ws/board?format=events"

    def first_word(self) -> str:
        if not self.heard:
            return ""
        return json.dumps({"type": "have", "runs": {run: self.seq(run) for run in self.heard}})


class RunPage(Socket):
    """Sees one run, from its first event on."""

    def __init__(self, url: str, *, token: str, run: str) -> None:
        super().__init__(url, token=token, name=f"page of run {run[-8:]}")
        self.run = run

    def path(self) -> str:
        return f"/ws/runs/{self.run}?format=events&after={self.seq(self.run)}"


class Watchers:
    """Some boards from the beginning, and pages of some of the runs as soon as they are there."""

    def __init__(self, url: str, *, token: str, runs: Mapping[str, str]) -> None:
        self._url, self._token, self._runs = url, token, runs
        self.boards = [Board(url, token=token, name=f"board {number + 1}") for number in range(BOARDS)]
        self.pages: list[RunPage] = []

    async def watch(self) -> None:
        """Until it is cancelled."""
        async with asyncio.TaskGroup() as group:
            for board in self.boards:
                group.create_task(board.watch())
            while True:
                await asyncio.sleep(LOOK_S)
                for run in self._to_be_opened():
                    page = RunPage(self._url, token=self._token, run=run)
                    self.pages.append(page)
                    group.create_task(page.watch())

    def _to_be_opened(self) -> list[str]:
        wanted = [run for run in list(self._runs.values())[::EACH] if run][:PAGES]
        return wanted[len(self.pages) :]

    @property
    def returns(self) -> int:
        """How often sockets had to come back, in all."""
        return sum(max(0, socket.returns) for socket in [*self.boards, *self.pages])

    def heard(self, run_ids: Sequence[str]) -> dict[str, dict[str, Heard]]:
        """Socket -> run -> its events. A board must have heard of all these runs, a page of its own."""
        boards = {board.name: {run: list(board.heard.get(run, ())) for run in run_ids} for board in self.boards}
        return boards | {page.name: {page.run: list(page.heard.get(page.run, ()))} for page in self.pages}
