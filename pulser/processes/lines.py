"""Bytes as they come, turned into lines."""

from __future__ import annotations

LINE_BYTES = 64 * 1024  # a longer line is cut into several, so that memory stays bounded


class LineBuffer:
    """Turns chunks of bytes into whole lines."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, chunk: bytes) -> list[str]:
        """The lines that this chunk completes."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if len(self._rest) > LINE_BYTES:
            lines.append(self._rest)
            self._rest = b""
        return [_text(line) for line in lines]

    def flush(self) -> list[str]:
        """What is left without an end of line."""
        rest, self._rest = self._rest, b""
        return [_text(rest)] if rest else []


def _text(line: bytes) -> str:
    return line.rstrip(b"\r").decode(errors="replace")
