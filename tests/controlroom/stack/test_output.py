from __future__ import annotations

import io

from controlroom.stack.output import Console
from pulser.processes.lines import LINE_BYTES, LineBuffer


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class ClosedPipe(io.StringIO):
    tries = 0

    def write(self, text: str) -> int:
        self.tries += 1
        raise BrokenPipeError


def test_a_line_carries_the_name_of_who_said_it() -> None:
    stream = io.StringIO()
    Console(stream).line("web", "Listening")
    assert stream.getvalue() == "web      | Listening\n"


def test_colours_are_for_terminals_that_want_them() -> None:
    wanted, unwanted = Terminal(), Terminal()
    Console(wanted, environ={}).line("web", "x")
    Console(unwanted, environ={"NO_COLOR": "1"}).line("web", "x")
    assert "\033[36m" in wanted.getvalue()
    assert "\033" not in unwanted.getvalue()


def test_a_reader_who_went_away_does_not_bring_us_down() -> None:
    pipe = ClosedPipe()
    console = Console(pipe)
    console.say("one")
    console.say("two")
    assert pipe.tries == 1, "nobody reads, so nothing more is written"


def test_chunks_become_whole_lines() -> None:
    lines = LineBuffer()
    assert lines.feed(b"one\r\ntw") == ["one"]
    assert lines.feed("o ä".encode()[:-1]) == []
    assert lines.feed("ä".encode()[1:] + b"\n") == ["two ä"]
    assert lines.feed(b"rest") == []
    assert lines.flush() == ["rest"]
    assert lines.flush() == []


def test_an_endless_line_is_cut_so_that_memory_stays_bounded() -> None:
    assert [len(line) for line in LineBuffer().feed(b"x" * (LINE_BYTES + 1))] == [LINE_BYTES + 1]
