from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.conf import settings
from django.template.loader import render_to_string

from controlroom.web.templatetags.runs import RIBBON_SEGMENTS, event_sentence, plain_text, ribbon
from pulser.engine.states import RunStatus, StepStatus
from runs.events import KINDS
from runs.models import Event, Step

WORDS = sorted({*RunStatus, *StepStatus})
ESC = "\x1b"


@pytest.mark.parametrize("status", WORDS)
def test_each_status_has_a_shape_and_a_colour(status: str) -> None:
    tokens = (Path(settings.BASE_DIR) / "static/css/tokens.css").read_text()
    assert f'id="glyph-{status}"' in render_to_string("_sprite.html")
    assert f'[data-status="{status}"]' in tokens


def test_a_short_plan_has_a_segment_for_each_step() -> None:
    shown = ribbon([Step(key="clone", status="success"), Step(key="test", status="running")])
    assert [segment.title for segment in shown["segments"]] == ["clone: success", "test: running"]
    assert shown["label"] == "1 of 2 steps ended: 1 success, 1 running"


def test_a_long_plan_is_grouped_and_loses_no_status() -> None:
    steps = [Step(key=f"s{number}", status="success") for number in range(999)] + [Step(key="bad", status="error")]
    segments = ribbon(steps)["segments"]
    assert len(segments) <= RIBBON_SEGMENTS + 1
    assert [segments[0].title, segments[-1].title] == ["999 success", "1 error"]


@pytest.mark.parametrize(
    ("written", "shown", "why"),
    [
        (f"{ESC}[1;31mred{ESC}[0m", "red", "colours"),
        (f"{ESC}]0;title\x07text", "text", "a window's title"),
        (f"{ESC}[2K{ESC}[1Gdone", "done", "erased and written again"),
        ("10 %\r50 %\r100 %\n", "100 %\n", "a progress bar keeps its last state"),
        ("one\r\ntwo\r\n", "one\ntwo\n", "lines of Windows"),
        ("bell\x07 null\x00", "bell null", "control characters"),
        ("a\tb\n", "a\tb\n", "tabs and line ends stay"),
    ],
)
def test_output_is_shown_as_plain_text(written: str, shown: str, why: str) -> None:
    assert plain_text(written) == shown, why


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_each_kind_of_event_is_a_sentence(kind: str) -> None:
    data = dict.fromkeys(KINDS[kind][1], "<b>")
    event = Event(seq=1, kind=kind, step="clone", attempt=1, data=data, at=datetime(2026, 11, 21, tzinfo=UTC))
    said = event_sentence(event)
    assert re.sub(r"</?(code|span[^>]*)>", "", said).strip()
    assert "<b>" not in said


def test_an_event_is_told_without_terminal_escapes() -> None:
    failed = Event(kind="step.failed", data={"reason": f"exit code 3: {ESC}[31mbroken{ESC}[0m"})
    assert event_sentence(failed) == "<code></code> failed: exit code 3: broken"


def test_a_kind_without_a_template_is_told_by_its_facts() -> None:
    event = Event(seq=1, kind="step.seen_by_moonlight", step="clone", data={"phase": "full"})
    assert "seen by moonlight" in event_sentence(event)
    assert "phase: full" in event_sentence(event)
