"""Reading the beginning of a file, and telling from its bytes what it is: names and claims are a step's own words."""

from __future__ import annotations

import codecs
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

import puremagic
from asgiref.sync import sync_to_async
from django.db.models.fields.files import FieldFile

from pulser.language.limits import KIB
from runs.models import Artifact

SNIFFED = 8 * KIB
PIECE_BYTES = 256 * KIB
IMAGES: Mapping[str, str] = {
    "png": "image/png",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "svg": "image/svg+xml",
}
ALIASES = {"jpg": "jpeg", "jfif": "jpeg", "jpe": "jpeg"}
MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
BINARY = re.compile(rb"[\x00-\x06\x0e-\x1a\x1c-\x1f]")  # none of these stands in text; ESC may, for colours
PROLOGUE = (("<?xml", "?>"), ("<!--", "-->"), ("<!DOCTYPE svg", ">"))  # what may stand before the root of an SVG


class FileMissing(Exception):
    """The storage has lost the file."""


@dataclass(frozen=True, slots=True)
class FileHead:
    """The first bytes of a file; whether they are all; the size of the file as it lies in the storage."""

    data: bytes
    is_whole: bool
    size: int


@dataclass(frozen=True, slots=True)
class Text:
    """Bytes as text. `broken`: some were no text in that encoding, and are shown as replacement marks."""

    text: str
    broken: bool


async def pieces(file: FieldFile) -> AsyncIterator[bytes]:
    """Read as it is sent, off the event loop: a gigabyte neither fills memory nor holds others up."""
    opened = await sync_to_async(file.storage.open)(str(file.name), "rb")
    try:
        while piece := await sync_to_async(opened.read)(PIECE_BYTES):
            yield piece
    finally:
        await sync_to_async(opened.close)()


def read_head(artifact: Artifact, *, at_most: int) -> FileHead:
    """So many bytes of it, whatever its size. Raises Gone."""
    try:
        with artifact.content.open("rb") as file:
            data = file.read(at_most + 1)
            size = artifact.content.size
    except (OSError, ValueError) as error:
        raise FileMissing(f"the content of {artifact.name} was deleted") from error
    return FileHead(data[:at_most], len(data) <= at_most, size)


def media_type_of(data: bytes) -> str:
    """What may be said of bytes to a browser: an image that it draws, text, or nothing. Never a type that can act."""
    image = image_type_of(data)
    if image:
        return image
    return "text/plain; charset=utf-8" if is_text(data) else "application/octet-stream"


def image_type_of(data: bytes) -> str:
    """The media type of an image that browsers draw; "" for anything else."""
    if is_text(data):
        head = data[:SNIFFED].decode(_encoding(data), errors="replace")
        return IMAGES["svg"] if _is_svg(head) else ""
    try:
        found = puremagic.magic_string(data[:SNIFFED])
    except (puremagic.PureError, ValueError):
        return ""
    extensions = (match.extension.lstrip(".") for match in found)
    return next((IMAGES[name] for each in extensions if (name := ALIASES.get(each, each)) in IMAGES), "")


def _is_svg(head: str) -> bool:
    """Whether its root is `svg`. A document type of its own, with entities, is not taken."""
    rest = head.lstrip("\ufeff \t\r\n")
    while found := next((ends for begins, ends in PROLOGUE if rest.startswith(begins)), None):
        rest = rest.partition(found)[2].lstrip()
    return re.match(r"<svg[\s>/]", rest) is not None


def is_text(data: bytes) -> bool:
    """Whether it reads as text: no control characters that text has not, in the part that is looked at."""
    if _encoding(data) == "utf-16":
        return True
    return BINARY.search(data[:SNIFFED]) is None


def as_text(data: bytes, *, is_whole: bool = True) -> Text:
    """For people. What is no UTF-8 (or UTF-16 with its mark) becomes replacement marks; a cut character is left out."""
    decoder = codecs.getincrementaldecoder(_encoding(data))(errors="replace")
    text = decoder.decode(data, is_whole).replace("\0", "\ufffd")
    return Text(text, broken="\ufffd" in text)


def _encoding(data: bytes) -> str:
    return next((name for mark, name in MARKS.items() if data.startswith(mark)), "utf-8")
