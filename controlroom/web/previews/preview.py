"""What is shown of an artifact beside its name: one value, one template below `templates/runs/previews/`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from controlroom.web.previews import diff, image, link, table, text
from controlroom.web.previews.base import Preview
from pulser.language.limits import KIB, MIB
from runs.models import Artifact
from runs.queries.artifact_content import FileHead, FileMissing, image_type_of, is_text, read_head

READ_BYTES = 1 * MIB
TEXT_BYTES = 64 * KIB
MARKDOWN_BYTES = 128 * KIB  # as much of it is rendered, never more
FULL_IMAGE_BYTES = 16 * MIB

GONE = Preview("none", notes=("The content of this file was deleted.",))
EMPTY = Preview("none", notes=("Empty file.",))
BINARY = Preview("none", notes=("No preview for this file type. Download it to view it.",))


def preview(artifact: Artifact, *, is_full: bool = False) -> Preview:
    """What can be shown of it, with what must be said about it. Never raises for what a step wrote.

    At most a megabyte is read. `is_full`, for a page of its own, shows more of that, and larger images.
    """
    try:
        head = read_head(artifact, at_most=READ_BYTES)
    except FileMissing:
        return GONE
    return PREVIEWERS.get(artifact.kind, _file)(head, is_full) if head.data else EMPTY


def _file(head: FileHead, is_full: bool) -> Preview:
    """A file of no kind in particular: an image or a text, if that is what it is."""
    if image_type_of(head.data):
        return _image(head, is_full)
    return _text(head, is_full) if is_text(head.data) else BINARY


def _text(head: FileHead, is_full: bool) -> Preview:
    return text.show(head, at_most=READ_BYTES if is_full else TEXT_BYTES)


def _markdown(head: FileHead, _: bool) -> Preview:
    if not is_text(head.data):
        return BINARY
    return replace(text.show(head, at_most=MARKDOWN_BYTES), kind="markdown")


def _image(head: FileHead, is_full: bool) -> Preview:
    return image.show(head, at_most=FULL_IMAGE_BYTES if is_full else READ_BYTES)


PREVIEWERS: Mapping[str, Callable[[FileHead, bool], Preview]] = {
    "markdown": _markdown,
    "table": lambda head, is_full: table.show(head, at_most=table.ROWS_FULL if is_full else table.ROWS),
    "image": _image,
    "link": lambda head, _: link.show(head) if is_text(head.data) else BINARY,
    "diff": lambda head, is_full: diff.show(head, at_most=diff.LINES_FULL if is_full else diff.LINES),
    "file": _file,
}
