"""A step's output on its way into the log: collected, cut at the limit, handed over in chunks as it comes."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from pulser.kernel.reporter import OutputChunk, Reporter
from pulser.language.limits import LOG_BYTES, LOG_CHUNK_BYTES

FLUSH_INTERVAL = 0.2  # seconds


class Output:
    """Takes output from the tool's thread; `flush` may be called from another one.

    Memory is bounded: whoever writes more than a few chunks ahead stores them itself, which slows the tool down to the
    speed of the reporter.
    """

    def __init__(self, reporter: Reporter) -> None:
        self.taken = 0
        self.is_cut = False
        self._reporter = reporter
        self._pending: list[tuple[str, bytearray]] = []
        self._unsent: list[OutputChunk] = []  # cut once and for all, so that a repeat is the same chunk
        self._cut_bytes = 0
        self._sent_bytes = 0
        self._is_waiting = False  # the beginning of a line, for its rest
        self._lock = threading.Lock()
        self._sending = threading.Lock()

    def write(self, stream: str, data: bytes) -> None:
        """Add output. Past the limit of a log the rest is dropped, and a last line says so."""
        with self._lock:
            data = self._within_limit(data)
            if not data:
                return
            if self._pending and self._pending[-1][0] == stream:
                self._pending[-1][1].extend(data)
            else:
                self._pending.append((stream, bytearray(data)))
            is_full = self.taken - self._sent_bytes >= 4 * LOG_CHUNK_BYTES
        if is_full:
            self._reporter.retry_on_disconnect(self.flush)

    def _within_limit(self, data: bytes) -> bytes:
        room = LOG_BYTES - self.taken
        if len(data) > room:
            if self.is_cut:
                return b""
            self.is_cut = True
            data = data[:room] + f"\n[log truncated: limit of {LOG_BYTES} bytes reached]\n".encode()
        self.taken += len(data)
        return data

    def flush(self, *, is_last: bool = False) -> None:
        """Hand over what has come. Raises Disconnected; then the next flush begins with the same chunks."""
        with self._sending:
            self._cut(is_last=is_last)
            if self._unsent:
                self._reporter.store_output(self._unsent)
                self._unsent, self._sent_bytes = [], self._cut_bytes

    def _cut(self, *, is_last: bool) -> None:
        for stream, data in self._take(is_last=is_last):
            for piece in _pieces(data):
                self._unsent.append(OutputChunk(stream, self._cut_bytes, piece))
                self._cut_bytes += len(piece)

    def _take(self, *, is_last: bool) -> list[tuple[str, bytearray]]:
        """What has come, but for the beginning of a line or a sign whose rest is still to come."""
        with self._lock:
            pending, self._pending = self._pending, []
            if pending and not is_last:
                stream, data = pending[-1]
                if kept := self._unfinished(data):
                    self._pending = [(stream, data[-kept:])]
                    del data[-kept:]
        return [(stream, data) for stream, data in pending if data]

    def _unfinished(self, data: bytearray) -> int:
        """How many bytes at the end wait for what follows: a line until the next flush, a torn sign however long.

        Else lines of steps that run side by side would be cut in two wherever a flush happens to come.
        """
        line = len(data) - (data.rfind(b"\n") + 1)
        is_new = line < len(data) or not self._is_waiting
        self._is_waiting = is_new and 0 < line < LOG_CHUNK_BYTES
        return line if self._is_waiting else _incomplete_utf8_bytes(data)


def _pieces(data: bytearray) -> Iterator[bytes]:
    """Pieces of at most LOG_CHUNK_BYTES that tear no sign in two, and no line that fits."""
    start = 0
    while start < len(data):
        piece = data[start : start + LOG_CHUNK_BYTES]
        if start + len(piece) < len(data):
            piece = piece[: piece.rfind(b"\n") + 1] or piece[: len(piece) - _incomplete_utf8_bytes(piece)]
        yield bytes(piece)
        start += len(piece)


def _incomplete_utf8_bytes(data: bytearray) -> int:
    """How many bytes at the end begin a UTF-8 sign that needs more of them: 0 to 3."""
    for count, byte in enumerate(reversed(data[-3:]), start=1):
        if byte >= 0xC0:
            wanted = 4 if byte >= 0xF0 else 3 if byte >= 0xE0 else 2
            return count if wanted > count else 0
        if byte < 0x80:
            return 0
    return 0
