"""A step's output on its way into the log: collected, cut at the limit, stored in chunks as it comes."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from django.db import connection

from pulser.language.limits import LOG_BYTES, LOG_CHUNK_BYTES
from runs import hints
from runs.execution.insist import insist
from runs.models import LogChunk
from runs.transitions.claiming import Claim

FLUSH_INTERVAL = 0.2  # seconds

INSERT = """
INSERT INTO runs_logchunk (attempt_id, "offset", stream, data, lines, is_open, at)
SELECT %s, %s, %s, %s, %s, %s, clock_timestamp() FROM runs_attempt WHERE id = %s AND finished_at IS NULL RETURNING id
"""


class Output:
    """Takes output from the tool's thread; `flush` may be called from another one.

    Memory is bounded: whoever writes more than a few chunks ahead stores them itself, which slows the tool down to the
    speed of the database.
    """

    def __init__(self, claim: Claim) -> None:
        self.claim = claim
        self.taken = 0
        self.is_cut = False
        self._pending: list[tuple[str, bytearray]] = []
        self._pending_bytes = 0
        self._stored = 0
        self._is_waiting = False  # the beginning of a line, for its rest
        self._lock = threading.Lock()
        self._storing = threading.Lock()

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
            self._pending_bytes += len(data)
            is_full = self._pending_bytes >= 4 * LOG_CHUNK_BYTES
        if is_full:
            insist(self.flush)

    def _within_limit(self, data: bytes) -> bytes:
        room = LOG_BYTES - self.taken
        if len(data) > room:
            if self.is_cut:
                return b""
            self.is_cut = True
            data = data[:room] + f"\n[the log is cut here: it reached {LOG_BYTES} bytes]\n".encode()
        self.taken += len(data)
        return data

    def flush(self, *, is_last: bool = False) -> None:
        """Store what has come. Chunks of an attempt that is over are dropped by the database."""
        with self._storing:
            pieces = [(stream, piece) for stream, data in self._take(is_last=is_last) for piece in _chunks(data)]
            last = None
            try:
                while pieces:
                    last = self._store(*pieces[0]) or last
                    del pieces[0]
            finally:
                self._put_back(pieces)
            if last is not None:
                hints.publish(self.claim.run_id, log=last)

    def _take(self, *, is_last: bool) -> list[tuple[str, bytearray]]:
        """What has come, but for the beginning of a line or a sign whose rest is still to come."""
        with self._lock:
            pending, self._pending, self._pending_bytes = self._pending, [], 0
            if pending and not is_last:
                stream, data = pending[-1]
                if kept := self._unfinished(data):
                    self._pending = [(stream, data[-kept:])]
                    self._pending_bytes = kept
                    del data[-kept:]
        return [(stream, data) for stream, data in pending if data]

    def _unfinished(self, data: bytearray) -> int:
        """How many bytes at the end wait for what follows: a line until the next flush, a torn sign however long.

        Else lines of steps that run side by side would be cut in two wherever a flush happens to come.
        """
        line = len(data) - (data.rfind(b"\n") + 1)
        is_new = line < len(data) or not self._is_waiting
        self._is_waiting = is_new and 0 < line < LOG_CHUNK_BYTES
        return line if self._is_waiting else _torn_bytes(data)

    def _put_back(self, pieces: list[tuple[str, bytes]]) -> None:
        """What the database could not take comes first the next time."""
        with self._lock:
            self._pending[:0] = [(stream, bytearray(piece)) for stream, piece in pieces]
            self._pending_bytes += sum(len(piece) for _, piece in pieces)

    def _store(self, stream: str, data: bytes) -> int | None:
        with connection.cursor() as cursor:
            attempt = self.claim.attempt_id
            cursor.execute(INSERT, [attempt, self._stored, stream, data, *LogChunk.count(data), attempt])
            row = cursor.fetchone()
        self._stored += len(data)
        return row[0] if row else None


def _chunks(data: bytearray) -> Iterator[bytes]:
    """Pieces of at most LOG_CHUNK_BYTES that tear no sign in two, and no line that fits."""
    start = 0
    while start < len(data):
        piece = data[start : start + LOG_CHUNK_BYTES]
        if start + len(piece) < len(data):
            piece = piece[: piece.rfind(b"\n") + 1] or piece[: len(piece) - _torn_bytes(piece)]
        yield bytes(piece)
        start += len(piece)


def _torn_bytes(data: bytearray) -> int:
    """How many bytes at the end begin a UTF-8 sign that needs more of them: 0 to 3."""
    for count, byte in enumerate(reversed(data[-3:]), start=1):
        if byte >= 0xC0:
            wanted = 4 if byte >= 0xF0 else 3 if byte >= 0xE0 else 2
            return count if wanted > count else 0
        if byte < 0x80:
            return 0
    return 0
