"""Output as text that can be shown: colours become classes, everything else that steers a terminal is taken out."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

from rich.ansi import AnsiDecoder
from rich.color import Color, ColorSystem, ColorType
from rich.style import Style

from pulser.tools.terminal import CONTROL, without_control

COLOURS_MAX = 500  # of one line: a page of lines in which each sign has one would take a minute to make
CODES_HEARD = 64  # of what is not shown, the last ones
SGR = re.compile(r"\x1b\[[0-9;]{0,64}m")  # colours; rich reads their numbers, so they have a bound
# What turns or breaks a line without being seen is written out.
WRITTEN_OUT = {sign: f"\\u{sign:04x}" for sign in (*range(0x2028, 0x202F), *range(0x2066, 0x206A))}

NAMES = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
STYLES = ("bold", "dim", "italic", "underline", "strike")


class StyledText(NamedTuple):
    """Text in one style; `classes` of `static/css/ansi.css`, or none."""

    text: str
    classes: str = ""


class AnsiState:
    """One attempt's output: a colour that it switches on stays on over the ends of lines."""

    def __init__(self) -> None:
        self._decoder = AnsiDecoder()

    def hear(self, text: str) -> None:
        """Take note of the colours in what is not shown."""
        if codes := SGR.findall(text):
            self._decoder.decode_line("".join(codes[-CODES_HEARD:]))

    def say(self, line: str) -> tuple[StyledText, ...]:
        """The line as a terminal shows it in the end: what was written over is gone."""
        gone, shown = _written_over(line)
        self.hear(gone)
        if "\x1b" not in shown and not self._decoder.style:
            return (StyledText(_clean(shown)),)
        shown, dull = _colourful(shown)
        said = self._decoder.decode_line(_clean(shown, keep=r"\1"))
        plain, end, pieces = said.plain, 0, []
        for span in said.spans:
            pieces += [StyledText(plain[end : span.start])] if span.start > end else []
            pieces.append(StyledText(plain[span.start : span.end], classes_of(span.style)))
            end = span.end
        pieces += [StyledText(plain[end:])] if end < len(plain) else []
        self.hear(dull)
        return (*pieces, StyledText(_clean(dull))) if dull else tuple(pieces)


def _colourful(line: str) -> tuple[str, str]:
    """The line up to where it has changed its colour too often to be read, and the rest of it."""
    if line.count("\x1b") <= COLOURS_MAX:
        return line, ""
    codes = list(islice(SGR.finditer(line), COLOURS_MAX + 1))
    cut = codes[-1].start() if len(codes) > COLOURS_MAX else len(line)
    return line[:cut], line[cut:]


def plain(line: str) -> str:
    """The line as `Voice.say` shows it, without colours."""
    return _clean(_written_over(line)[1])


def plain_block(text: str) -> str:
    """Many lines without colours, which may stand between any two signs; what was written over is still there."""
    return text if "\x1b" not in text else without_control(text)


def _written_over(line: str) -> tuple[str, str]:
    """What stands before the last carriage return, and after it. A regular expression would be quadratic here."""
    gone, _, shown = line.rstrip("\r").rpartition("\r")
    return gone, shown


def _clean(text: str, *, keep: str = "") -> str:
    return CONTROL.sub(keep, text).translate(WRITTEN_OUT)


@lru_cache(maxsize=4096)
def classes_of(style: Style) -> str:
    """`a` and what differs from plain text: `a a-bold a-red a-on-17`."""
    names = [f"a-{name}" for name in STYLES if getattr(style, name)]
    names += ["a-inverse"] if style.reverse else []
    names += _color("a-", style.color) + _color("a-on-", style.bgcolor)
    return " ".join(["a", *names]) if names else ""


def _color(prefix: str, color: Color | None) -> list[str]:
    """The sixteen that have names, else the nearest of the 240 that have numbers."""
    if color is None or color.type is ColorType.DEFAULT:
        return []
    number = color.downgrade(ColorSystem.EIGHT_BIT).number or 0
    if number >= 16:
        return [f"{prefix}x", f"{prefix}{number}"]
    bright = "bright-" if number >= 8 else ""
    return [f"{prefix}{bright}{NAMES[number % 8]}"]
