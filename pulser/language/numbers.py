"""Whole numbers that come as text: in addresses, headers and messages, on command lines."""

from __future__ import annotations


def whole_number(text: str, *, at_most: int) -> int | None:
    """The number that these ASCII digits write. None for any other text, and for what is beyond the bound.

    Also for more digits than the bound has, zeros in front included: to convert thousands of them takes long.
    """
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(at_most))):
        return None
    number = int(text)
    return number if number <= at_most else None
