from __future__ import annotations

import io
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from pytest_django.fixtures import Settings

from controlroom.generated_docs import events_page, pages, state_page
from pulser.engine.states import RUN_MOVES, STEP_MOVES
from runs.events import KINDS

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("name", list(pages()))
def test_the_pages_made_from_the_code_are_fresh(name: str) -> None:
    assert (DOCS / name).read_text() == pages()[name], "run `.venv/bin/python manage.py docs`"


def test_every_kind_of_event_is_told() -> None:
    assert all(f"`{kind}`" in events_page() for kind in KINDS)


def test_every_arrow_is_in_a_diagram() -> None:
    moves = [(name, move) for table in (RUN_MOVES, STEP_MOVES) for name, move in table.items()]

    arrows = [f"{source} --> {move.target}: {name}" for name, move in moves for source in move.sources]

    assert all(arrow in state_page() for arrow in arrows)


def test_a_stale_page_is_refused(settings: Settings, tmp_path: Path) -> None:
    settings.BASE_DIR = tmp_path
    (tmp_path / "docs").mkdir()

    with pytest.raises(CommandError, match=r"stale: events\.md, state-machine\.md"):
        call_command("docs", check=True)


def test_stale_pages_are_written(settings: Settings, tmp_path: Path) -> None:
    settings.BASE_DIR = tmp_path
    (tmp_path / "docs").mkdir()

    call_command("docs", stdout=io.StringIO())
    call_command("docs", check=True)

    assert (tmp_path / "docs/events.md").read_text() == events_page()
