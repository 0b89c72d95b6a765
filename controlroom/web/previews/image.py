"""Images, by their bytes. The browser draws them by way of `<img>`, where an SVG runs no script and loads nothing."""

from __future__ import annotations

from django.template.defaultfilters import filesizeformat

from controlroom.web.previews import text
from controlroom.web.previews.base import Preview
from controlroom.web.previews.pixels import size_of
from pulser.language.limits import PICTURE_PIXELS
from runs.queries.artifact_content import IMAGES, FileHead, image_type_of, is_text

NO_IMAGE = "Not an image."
NO_SIZE = "No preview: the image has no size. Download it to view it."
TEXT_BYTES = 4096


def show(head: FileHead, *, at_most: int) -> Preview:
    """The image, if it is one, no larger than `at_most` bytes, and of no more pixels than a browser can draw."""
    media_type = image_type_of(head.data)
    if not media_type:
        return _impostor(head)
    if head.size > at_most:
        return Preview(
            "none",
            notes=(f"No preview: the image has {filesizeformat(head.size)}, the limit is {filesizeformat(at_most)}.",),
        )
    problem = "" if media_type == IMAGES["svg"] else _too_many_pixels(head, media_type)
    return Preview("none", notes=(problem,)) if problem else Preview("image", media_type)


def _too_many_pixels(head: FileHead, media_type: str) -> str:
    """What is wrong with the size of its picture; an SVG is drawn as large as its place."""
    size = size_of(head.data, media_type=media_type)
    if size is None:
        return NO_SIZE
    if size.is_drawn:
        return ""
    claim, most = f"{size.width:,} by {size.height:,} pixels", f"{PICTURE_PIXELS // 1_000_000} million"
    return f"No preview: the image has {claim}, the limit is {most}. Download it to view it."


def _impostor(head: FileHead) -> Preview:
    if not is_text(head.data):
        return Preview("none", notes=(NO_IMAGE,))
    shown = text.show(head, at_most=TEXT_BYTES)
    return Preview("text", shown.value, (NO_IMAGE, *shown.notes))
