"""Images, by their bytes. The browser draws them by way of `<img>`, where an SVG runs no script and loads nothing."""

from __future__ import annotations

from django.template.defaultfilters import filesizeformat

from controlroom.web.previews import text
from controlroom.web.previews.base import Preview
from controlroom.web.previews.pixels import size_of
from pulser.language.limits import PICTURE_PIXELS
from runs.queries.artifact_content import IMAGES, FileHead, image_type_of, is_text

NO_IMAGE = "This calls itself an image, but is not one."
NO_SIZE = "This image does not say how large its picture is, so it is not shown here. Download it to look at it."
TEXT_BYTES = 4096


def show(head: FileHead, *, at_most: int) -> Preview:
    """The image, if it is one, no larger than `at_most` bytes, and of no more pixels than a browser can draw."""
    media_type = image_type_of(head.data)
    if not media_type:
        return _impostor(head)
    if head.size > at_most:
        return Preview(
            "none",
            notes=(f"This image has {filesizeformat(head.size)}; up to {filesizeformat(at_most)} are shown here.",),
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
    return f"This picture has {claim}; up to {most} are shown here. Download it to look at it."


def _impostor(head: FileHead) -> Preview:
    if not is_text(head.data):
        return Preview("none", notes=(NO_IMAGE,))
    shown = text.show(head, at_most=TEXT_BYTES)
    return Preview("text", shown.value, (NO_IMAGE, *shown.notes))
