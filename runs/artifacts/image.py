"""Images, by their bytes. The browser draws them by way of `<img>`, where an SVG runs no script and loads nothing."""

from __future__ import annotations

from django.template.defaultfilters import filesizeformat

from runs.artifacts import text
from runs.artifacts.content import Head, image_type_of, is_text
from runs.artifacts.shown import Shown

NO_IMAGE = "This calls itself an image, but is not one."
TEXT_BYTES = 4096


def show(head: Head, *, at_most: int) -> Shown:
    """The image, if it is one and no larger than `at_most` bytes."""
    media_type = image_type_of(head.data)
    if not media_type:
        return _impostor(head)
    if head.size > at_most:
        return Shown(
            "none",
            notes=(f"This image has {filesizeformat(head.size)}; up to {filesizeformat(at_most)} are shown here.",),
        )
    return Shown("image", media_type)


def _impostor(head: Head) -> Shown:
    if not is_text(head.data):
        return Shown("none", notes=(NO_IMAGE,))
    shown = text.show(head, at_most=TEXT_BYTES)
    return Shown("text", shown.value, (NO_IMAGE, *shown.notes))
