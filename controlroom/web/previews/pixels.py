"""How large a picture says it is: a few bytes may claim more pixels than the browser that draws them has memory for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from pulser.language.limits import PICTURE_PIXELS

# JPEG (ITU T.81, table B.1): start-of-frame markers hold the size; those without a length stand alone.
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
ALONE = frozenset({0x01, *range(0xD0, 0xD9)})


class Size(NamedTuple):
    width: int
    height: int

    @property
    def is_drawn(self) -> bool:
        return self.width * self.height <= PICTURE_PIXELS


def size_of(data: bytes, *, media_type: str) -> Size | None:
    """In pixels, by the beginning of the file; None where that does not say it."""
    try:
        size = READERS[media_type](data)
    except IndexError:
        return None  # it ends before
    return size if size and size.width and size.height else None


def _png(data: bytes) -> Size | None:
    return Size(_big(data, 16, 4), _big(data, 20, 4)) if data[12:16] == b"IHDR" else None


def _gif(data: bytes) -> Size | None:
    """A browser makes room for the first picture too, where that is larger than the screen that it stands on."""
    screen = Size(_little(data, 6, 2), _little(data, 8, 2))
    at = 13 + _colours(data[10])
    while data[at] == 0x21:  # an extension
        at = _after_blocks(data, at + 2)
    if data[at] != 0x2C:
        return None
    left, top, width, height = (_little(data, at + offset, 2) for offset in (1, 3, 5, 7))
    return Size(max(screen.width, left + width), max(screen.height, top + height))


def _colours(flags: int) -> int:
    """Bytes of the table of colours that a GIF's flags announce."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _after_blocks(data: bytes, at: int) -> int:
    while length := data[at]:
        at += 1 + length
    return at + 1


def _jpeg(data: bytes) -> Size | None:
    at = 2
    while data[at] == 0xFF:
        marker = data[at + 1]
        if marker in FRAMES:
            return Size(width=_big(data, at + 7, 2), height=_big(data, at + 5, 2))
        # 0xFF before a marker fills up.
        at += 1 if marker == 0xFF else 2 if marker in ALONE else 2 + max(2, _big(data, at + 2, 2))
    return None


def _webp(data: bytes) -> Size | None:
    chunk = data[12:16]
    if chunk == b"VP8X":
        return Size(_little(data, 24, 3) + 1, _little(data, 27, 3) + 1)
    if chunk == b"VP8L" and data[20] == 0x2F:
        bits = _little(data, 21, 4)
        return Size((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    if chunk == b"VP8 " and data[23:26] == b"\x9d\x01\x2a":
        return Size(_little(data, 26, 2) & 0x3FFF, _little(data, 28, 2) & 0x3FFF)
    return None


def _big(data: bytes, at: int, length: int) -> int:
    return int.from_bytes(_taken(data, at, length), "big")


def _little(data: bytes, at: int, length: int) -> int:
    return int.from_bytes(_taken(data, at, length), "little")


def _taken(data: bytes, at: int, length: int) -> bytes:
    """Raises IndexError past the end, as an index does."""
    if at + length > len(data):
        raise IndexError("the data ends before")
    return data[at : at + length]


READERS: Mapping[str, Callable[[bytes], Size | None]] = {
    "image/png": _png,
    "image/gif": _gif,
    "image/jpeg": _jpeg,
    "image/webp": _webp,
}
