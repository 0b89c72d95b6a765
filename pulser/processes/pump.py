"""Waits for what happens: output of children, the end of a child, and signals to us. One thread, one `select`."""

from __future__ import annotations

import os
import selectors
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any, Self

from pulser.processes.lines import LineBuffer

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SIGNAL_DEBOUNCE_S = 0.5  # `make` passes on what the terminal has sent already: that is one wish, not two
CHUNK_BYTES = 64 * 1024
CHUNKS_AT_ONCE = 16

OnData = Callable[[str], None]


class Pump:
    """Use it as a context manager, from the main thread: it takes the stop signals and gives them back."""

    def __init__(self) -> None:
        self.is_stop_asked = False
        self.is_impatient = False  # asked a second time
        self._asked_at = 0.0
        self._selector = selectors.DefaultSelector()
        self._old_handlers: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        self._bell, ringer = socket.socketpair()
        self._ringer = ringer
        for end in (self._bell, ringer):
            end.setblocking(False)
        self._selector.register(self._bell, selectors.EVENT_READ)
        for number in STOP_SIGNALS:
            self._old_handlers[number] = signal.signal(number, self._on_stop)
        # A handler of our own, however idle, is what makes the end of a child ring the bell.
        self._old_handlers[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda *_: None)
        self._old_bell = signal.set_wakeup_fd(ringer.fileno(), warn_on_full_buffer=False)
        return self

    def __exit__(self, *_error: object) -> None:
        signal.set_wakeup_fd(self._old_bell)
        for number, handler in self._old_handlers.items():
            signal.signal(number, handler)
        for key in list(self._selector.get_map().values()):
            if key.data:
                self._forget(key)
        self._selector.close()
        self._bell.close()
        self._ringer.close()

    def _on_stop(self, _number: int, _frame: FrameType | None) -> None:
        now = time.monotonic()
        if not self.is_stop_asked:
            self.is_stop_asked, self._asked_at = True, now
        elif now - self._asked_at > SIGNAL_DEBOUNCE_S:
            self.is_impatient = True

    def open_pipe(self, hear: OnData) -> int:
        """The writing end of a pipe, for a child; each line that comes out of it is given to `hear`. Close it."""
        reading, writing = os.pipe()
        os.set_blocking(reading, False)
        self._selector.register(reading, selectors.EVENT_READ, (LineBuffer(), hear))
        return writing

    def wait(self, seconds: float) -> None:
        """Pass on output; return when something happened, or after `seconds`."""
        for key, _events in self._selector.select(max(0.0, seconds)):
            if key.data is None:
                with suppress(BlockingIOError):
                    self._bell.recv(CHUNK_BYTES)
            else:
                self._read(key)

    def drain(self) -> None:
        """Pass on all that is there now."""
        for key in list(self._selector.get_map().values()):
            if key.data:
                self._read(key)

    def _read(self, key: selectors.SelectorKey) -> None:
        lines, hear = key.data
        with suppress(BlockingIOError):
            for _turn in range(CHUNKS_AT_ONCE):  # a child that never pauses must not keep us from the others
                chunk = os.read(key.fd, CHUNK_BYTES)
                if not chunk:
                    self._forget(key)
                    return
                for line in lines.feed(chunk):
                    hear(line)

    def _forget(self, key: selectors.SelectorKey) -> None:
        lines, hear = key.data
        for line in lines.flush():
            hear(line)
        self._selector.unregister(key.fd)
        os.close(key.fd)
