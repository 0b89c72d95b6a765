"""What a picture says of its size. The files are as browsers, and libraries that write them, make them."""

from __future__ import annotations

import struct

import pytest

from controlroom.web.previews.pixels import Size, size_of
from pulser.language.limits import PICTURE_PIXELS


def png(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", width, height) + b"\x08\x06\0\0\0"


def gif(width: int, height: int, *, first: tuple[int, int, int, int], between: bytes = b"", colours: int = 0) -> bytes:
    table = bytes([0x80 | colours - 1, 0, 0]) + b"\0" * (3 << colours) if colours else b"\0\0\0"
    return b"GIF89a" + struct.pack("<HH", width, height) + table + between + b"," + struct.pack("<HHHH", *first) + b"\0"


def jpeg(width: int, height: int, *, marker: int = 0xC0, before: bytes = b"") -> bytes:
    return b"\xff\xd8" + before + bytes([0xFF, marker, 0, 17, 8]) + struct.pack(">HH", height, width) + b"\x03"


def webp(chunk: bytes, content: bytes) -> bytes:
    return b"RIFF\0\0\0\0WEBP" + chunk + struct.pack("<I", len(content)) + content


EXIF = b"\xff\xe1" + struct.pack(">H", 2 + 40) + jpeg(160, 120).ljust(40, b"\0")  # with a small picture of its own
PAUSE = b"!\xf9\x04\0\x0a\0\0\0"
COMMENT = b"!\xfe\x03,,,\x02,,\0"


@pytest.mark.parametrize(
    ("media_type", "data", "size"),
    [
        pytest.param("image/png", png(640, 480), (640, 480), id="PNG"),
        pytest.param("image/png", png(50_000, 50_000), (50_000, 50_000), id="a vast PNG"),
        pytest.param("image/gif", gif(640, 480, first=(0, 0, 640, 480)), (640, 480), id="GIF"),
        pytest.param("image/gif", gif(9, 7, first=(0, 0, 9, 7), colours=8), (9, 7), id="GIF with colours"),
        pytest.param("image/gif", gif(9, 7, first=(0, 0, 9, 7), between=PAUSE + COMMENT), (9, 7), id="extensions"),
        pytest.param("image/gif", gif(1, 1, first=(10, 0, 60_000, 50_000)), (60_010, 50_000), id="beyond its screen"),
        pytest.param("image/jpeg", jpeg(640, 480), (640, 480), id="JPEG"),
        pytest.param("image/jpeg", jpeg(640, 480, marker=0xC2), (640, 480), id="progressive JPEG"),
        pytest.param("image/jpeg", jpeg(60_000, 9, before=EXIF), (60_000, 9), id="not that of the small picture in it"),
        pytest.param(
            "image/jpeg", jpeg(640, 480, before=b"\xff\xff\xff\x01\xff\xc4\0\x02"), (640, 480), id="filled up"
        ),
        pytest.param(
            "image/webp",
            webp(b"VP8 ", b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", 640, 0x4000 | 480)),
            (640, 480),
            id="WebP",
        ),
        pytest.param(
            "image/webp",
            webp(b"VP8L", b"\x2f" + struct.pack("<I", 639 | 479 << 14 | 1 << 28)),
            (640, 480),
            id="lossless",
        ),
        pytest.param("image/webp", webp(b"VP8X", b"\0\0\0\0\x4f\xc3\0\x4f\xc3\0"), (50_000, 50_000), id="extended"),
    ],
)
def test_the_size_is_read_from_the_head(media_type: str, data: bytes, size: tuple[int, int]) -> None:
    assert size_of(data, media_type=media_type) == Size(*size)


@pytest.mark.parametrize(
    ("media_type", "data"),
    [
        ("image/png", png(0, 480)),
        ("image/png", png(640, 480).replace(b"IHDR", b"IDAT")),
        ("image/gif", gif(9, 7, first=(0, 0, 9, 7), between=b";")),
        ("image/jpeg", b"\xff\xd8\0\0" + jpeg(1, 1)),
        ("image/jpeg", jpeg(640, 0)),
        ("image/webp", webp(b"ALPH", b"\0" * 20)),
        ("image/webp", webp(b"VP8 ", b"\0" * 20)),
    ],
)
def test_what_says_no_size_has_none(media_type: str, data: bytes) -> None:
    assert size_of(data, media_type=media_type) is None


@pytest.mark.parametrize(
    ("media_type", "data"),
    [
        ("image/png", png(640, 480)[:24]),
        ("image/gif", gif(640, 480, first=(0, 0, 640, 480), colours=2, between=PAUSE)[:-1]),
        ("image/jpeg", jpeg(640, 480, before=EXIF)[:-1]),
        ("image/webp", webp(b"VP8X", b"\0" * 10)),
    ],
)
def test_a_head_that_ends_too_early_has_no_size(media_type: str, data: bytes) -> None:
    assert size_of(data, media_type=media_type) is not None
    assert {size_of(data[:length], media_type=media_type) for length in range(len(data))} == {None}


def test_a_picture_may_have_so_many_pixels_and_no_more() -> None:
    assert Size(PICTURE_PIXELS, 1).is_drawn
    assert not Size(PICTURE_PIXELS + 1, 1).is_drawn
