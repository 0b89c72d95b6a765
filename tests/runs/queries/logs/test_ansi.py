"""Terminal output as text: colours become classes, nothing else of a terminal is left."""

from __future__ import annotations

import pytest

from runs.queries.logs.ansi import COLOURS_MAX, AnsiState, StyledText, plain


def said(text: str) -> list[tuple[str, str]]:
    return [tuple(piece) for piece in AnsiState().say(text)]


@pytest.mark.parametrize(
    ("written", "classes", "why"),
    [
        ("\x1b[31m", "a a-red", "one of eight"),
        ("\x1b[92m", "a a-bright-green", "one of the bright eight"),
        ("\x1b[38;5;9m", "a a-bright-red", "the first of 256 are those sixteen"),
        ("\x1b[38;5;208m", "a a-x a-208", "one of 256"),
        ("\x1b[38;2;255;135;0m", "a a-x a-208", "true colour: the nearest"),
        ("\x1b[44m", "a a-on-blue", "behind the text"),
        ("\x1b[48;5;17m", "a a-on-x a-on-17", "one of 256 behind the text"),
        ("\x1b[1;2;3;4;7;9m", "a a-bold a-dim a-italic a-underline a-strike a-inverse", "all styles"),
        ("\x1b[1;31m\x1b[22m", "a a-red", "bold goes off alone"),
    ],
)
def test_colours_and_styles_become_classes(written: str, classes: str, why: str) -> None:
    assert said(f"{written}x\x1b[0my") == [("x", classes), ("y", "")], why


@pytest.mark.parametrize(
    ("written", "shown", "why"),
    [
        ("10 %\r99 %", "99 %", "written over"),
        ("done\r", "done", "a Windows line"),
        ("\rspin\r\rend", "end", "several times over"),
        ("\x1b[2K\x1b[1Gdone", "done", "cursor moves"),
        ("\x1b]0;title\x07text", "text", "a window's title"),
        ("\x1b]8;;http://example.org\x1b\\link\x1b]8;;\x1b\\", "link", "a link"),
        ("\x1b]never ends", "", "a title without an end"),
        ("\x1bPq#0~\x1b\\image", "image", "an image"),
        ("a\x00b\x07c\x08d\x7fe\x9bf", "abcdef", "control characters"),
        ("\x1b[" + "9" * 5000 + "mx", "x", "a number without an end"),
        ("\x1b[38;5mx", "x", "a colour without its number"),
        ("\x1b[38;5;;;;;mx", "x", "a colour of nothing"),
        ("a\x1b[", "a", "a sequence that was cut off"),
        ("a\tb", "a\tb", "a tab stays"),
        ("user\u202etxt.exe", "user\\u202etxt.exe", "what turns the line around is written out"),
        ("a\u2028b", "a\\u2028b", "what breaks the line is written out"),
    ],
)
def test_nothing_else_of_a_terminal_is_left(written: str, shown: str, why: str) -> None:
    assert "".join(text for text, _ in said(written)) == shown, why
    assert plain(written) == shown, why


def test_a_colour_stays_on_until_it_is_reset() -> None:
    voice = AnsiState()
    assert voice.say("\x1b[31mone") == (StyledText("one", "a a-red"),)
    assert voice.say("two\x1b[0m") == (StyledText("two", "a a-red"),)
    assert voice.say("three") == (StyledText("three"),)


def test_a_colour_that_was_written_over_counts_on() -> None:
    assert said("\x1b[31mgone\rshown") == [("shown", "a a-red")]


def test_markup_stays_text() -> None:
    assert said("<script>alert(1)</script>") == [("<script>alert(1)</script>", "")]


def test_a_line_with_a_colour_for_each_sign_loses_its_later_ones_and_no_sign() -> None:
    pieces = said("".join(f"\x1b[{31 + number % 7}m{number % 10}" for number in range(5_000)))

    assert "".join(text for text, _ in pieces) == "0123456789" * 500
    assert len(pieces) == COLOURS_MAX + 1
    assert pieces[-1][1] == ""


def test_the_colour_that_such_a_line_ends_in_stays_on() -> None:
    voice = AnsiState()
    voice.say("\x1b[31mx\x1b[32my" * 1_000 + "\x1b[0;34m")

    assert voice.say("next") == (StyledText("next", "a a-blue"),)
