"""What the children say, line by line, each with its name before it: `web     | Listening on ...`."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TextIO

NAME_WIDTH = 9
COLOURS = {"web": 36, "worker": 32, "control": 35, "postgres": 34, "valkey": 33}  # ANSI foregrounds
OWN_COLOUR = 1  # bold, for the supervisor's own words


class Console:
    """Writes whole lines, one at a time, to one stream."""

    def __init__(self, stream: TextIO | None = None, *, environ: Mapping[str, str] = os.environ) -> None:
        self._stream = stream or sys.stdout
        self._is_coloured = self._stream.isatty() and not environ.get("NO_COLOR")
        self._is_open = True

    def line(self, name: str, text: str) -> None:
        """One line in a child's name."""
        prefix = f"{name:<{NAME_WIDTH}}|"
        self._write(f"{self._paint(prefix, COLOURS.get(name, 37))} {text}")

    def say(self, text: str) -> None:
        """A line of our own."""
        self._write(self._paint(text, OWN_COLOUR))

    def _paint(self, text: str, colour: int) -> str:
        return f"\033[{colour}m{text}\033[0m" if self._is_coloured and text else text

    def _write(self, text: str) -> None:
        if not self._is_open:
            return
        try:
            self._stream.write(text + "\n")
            self._stream.flush()
        except OSError:  # nobody reads any more (`| head`): go on in silence, the servers are what matters
            self._is_open = False
