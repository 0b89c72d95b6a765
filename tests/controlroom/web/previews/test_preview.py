"""What is shown of a file that a step left, whatever the step wrote."""

from __future__ import annotations

import os
import resource
from pathlib import Path

import pytest
from django.core.files.storage import FileSystemStorage

from controlroom.web.previews.base import Preview
from controlroom.web.previews.preview import BINARY, EMPTY, GONE, preview
from pulser.language.limits import GIB, KIB, MIB
from runs.models import Artifact
from runs.queries.artifact_content import media_type_of

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x02\0\0\0\x01" + b"\0" * 32
SVG = b"<?xml version='1.0'?>\n<!-- made -->\n<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
JPEG = b"\xff\xd8\xff\xe0\0\x10JFIF\0" + b"\0" * 9 + b"\xff\xc0\0\x0b\x08\0\x01\0\x02\x01\x01\x11\0"
GIF = b"GIF89a\x02\0\x01\0\0\0\0,\0\0\0\0\x02\0\x01\0\0\x02\0;"
WEBP = b"RIFF\x24\0\0\0WEBPVP8 \x18\0\0\0\0\0\0\x9d\x01\x2a\x02\0\x01\0" + b"\0" * 14
HTML = b"<!doctype html><script>alert(1)</script>"


def keep(tmp_path: Path, content: bytes, *, kind: str = "file") -> Artifact:
    """An artifact that is not in the database: looking at its content needs none."""
    (tmp_path / "kept").write_bytes(content)
    artifact = Artifact(name="kept", kind=kind, size=len(content), content="kept")
    artifact.content.storage = FileSystemStorage(tmp_path)
    return artifact


def shown(tmp_path: Path, content: bytes, *, kind: str = "file") -> Preview:
    return preview(keep(tmp_path, content, kind=kind))


@pytest.mark.parametrize("kind", ["markdown", "table", "image", "link", "diff", "file"])
def test_an_empty_file_is_said_to_be_empty(tmp_path: Path, kind: str) -> None:
    assert shown(tmp_path, b"", kind=kind) == EMPTY


def test_a_file_that_the_storage_lost_is_said_to_be_gone(tmp_path: Path) -> None:
    artifact = keep(tmp_path, b"x")
    (tmp_path / "kept").unlink()

    assert preview(artifact) == GONE


@pytest.mark.parametrize("kind", ["markdown", "table", "image", "link", "diff", "file"])
def test_bytes_that_are_no_text_are_never_shown_as_text(tmp_path: Path, kind: str) -> None:
    found = shown(tmp_path, bytes(range(256)) * 20, kind=kind)

    assert (found.kind, found.value) == ("none", None)
    assert found.notes


def test_text_is_shown_up_to_64_kib_and_says_so(tmp_path: Path) -> None:
    found = shown(tmp_path, b"x" * 100 * KIB)

    assert (found.kind, len(found.value)) == ("text", 64 * KIB)
    assert found.notes == ("The first 64.0\xa0KB of 100.0\xa0KB.",)
    assert len(preview(keep(tmp_path, b"x" * 100 * KIB), is_full=True).value) == 100 * KIB


def test_broken_utf8_is_shown_with_replacement_marks(tmp_path: Path) -> None:
    found = shown(tmp_path, b"caf\xe9 and \xff\xfe")

    assert found.value == "caf\ufffd and \ufffd\ufffd"
    assert "Bytes that are not UTF-8" in found.notes[0]


def test_a_character_that_the_limit_cuts_is_not_called_broken(tmp_path: Path) -> None:
    found = shown(tmp_path, b"x" * (64 * KIB - 1) + "é".encode() + b"y" * 10)

    assert found.value == "x" * (64 * KIB - 1)
    assert "Bytes that are not UTF-8" not in " ".join(found.notes)


def test_terminal_codes_and_control_signs_are_left_out(tmp_path: Path) -> None:
    assert shown(tmp_path, b"\x1b[31mred\x1b[0m\r\nnext\x7f").value == "red\nnext"


def test_html_is_text_whatever_it_calls_itself(tmp_path: Path) -> None:
    assert shown(tmp_path, HTML).kind == "text"
    assert media_type_of(HTML) == "text/plain; charset=utf-8"


@pytest.mark.parametrize(
    "content",
    [
        PNG,
        JPEG,
        GIF,
        WEBP,
        SVG,
    ],
)
def test_images_are_known_by_their_bytes(tmp_path: Path, content: bytes) -> None:
    found = shown(tmp_path, content, kind="image")

    assert (found.kind, found.notes) == ("image", ())
    assert found.value.startswith("image/")
    assert shown(tmp_path, content, kind="file").kind == "image"


@pytest.mark.parametrize(
    "content",
    [
        HTML,
        b"hello",
        b"%PDF-1.4\0",
        b"PK\x03\x04" + b"\0" * 30,
        b"<!DOCTYPE svg [<!ENTITY a 'aaaa'>]><svg/>",
        b"<html><svg/></html>",
    ],
)
def test_what_calls_itself_an_image_and_is_none_is_said(tmp_path: Path, content: bytes) -> None:
    found = shown(tmp_path, content, kind="image")

    assert found.kind in ("text", "none")
    assert found.notes[0] == "Not an image."
    assert not media_type_of(content).startswith("image/")


def test_a_large_image_is_shown_on_its_own_page_only(tmp_path: Path) -> None:
    large = keep(tmp_path, PNG + b"\0" * 2 * MIB, kind="image")

    assert preview(large).kind == "none"
    assert "2.0\xa0MB" in preview(large).notes[0]
    assert preview(large, is_full=True).kind == "image"


@pytest.mark.parametrize("kind", ["image", "file"])
def test_a_picture_of_too_many_pixels_is_offered_for_download_alone(tmp_path: Path, kind: str) -> None:
    vast = PNG[:16] + (50_000).to_bytes(4, "big") * 2 + PNG[24:]
    found = preview(keep(tmp_path, vast, kind=kind), is_full=True)

    assert (found.kind, found.value) == ("none", None)
    assert found.notes == (
        "No preview: the image has 50,000 by 50,000 pixels, the limit is 50 million. Download it to view it.",
    )


@pytest.mark.parametrize("content", [JPEG[:20] + b"\0" * 20, GIF[:13], WEBP[:26], PNG[:20]])
def test_a_picture_that_does_not_say_its_size_is_offered_for_download_alone(tmp_path: Path, content: bytes) -> None:
    found = shown(tmp_path, content, kind="image")

    assert found.kind == "none"
    assert "the image has no size" in found.notes[0]


def test_a_long_markdown_is_shown_up_to_128_kib_and_says_so(tmp_path: Path) -> None:
    found = shown(tmp_path, b"# Much\n" + b"x" * 200 * KIB, kind="markdown")

    assert (found.kind, found.notes) == ("markdown", ("The first 128.0\xa0KB of 200.0\xa0KB.",))


@pytest.mark.parametrize("kind", ["markdown", "table", "image", "link", "diff", "file"])
def test_of_a_gigabyte_no_more_than_a_megabyte_is_read(tmp_path: Path, kind: str) -> None:
    artifact = keep(tmp_path, b"a,b\n1,2\n", kind=kind)
    os.truncate(tmp_path / "kept", GIB)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    assert preview(artifact).kind in ("none", "text", "table", "markdown", "link")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 128 * KIB  # of KiB


def test_an_unknown_kind_is_shown_as_a_file(tmp_path: Path) -> None:
    assert shown(tmp_path, b"hello", kind="hologram").value == "hello"


def test_bytes_without_meaning_are_a_download(tmp_path: Path) -> None:
    assert shown(tmp_path, b"\0\1\2") == BINARY
    assert media_type_of(b"\0\1\2") == "application/octet-stream"
