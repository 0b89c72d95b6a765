from __future__ import annotations

from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from controlroom import demo
from controlroom.demo.functions import count, report
from pulser.catalogue import check
from pulser.models import Plan, PlanVersion
from tests.factories import make_plan


@pytest.mark.parametrize("slug", demo.PLANS)
def test_every_demo_plan_is_right(slug: str) -> None:
    assert check(demo.source_of(slug, checkout=Path("/srv/checkout"))).problems == ()


@pytest.mark.parametrize(
    ("folder", "reason"),
    [
        ("/srv/checkout", "a plain path"),
        ("/srv/Küche & Bad", "letters of any kind"),
        ('/srv/a "quoted": #1', "signs that mean something in YAML"),
        ("/srv/{{ params.path }}", "signs that mean something in expressions"),
    ],
)
def test_the_checkout_is_the_default_of_the_path(folder: str, reason: str) -> None:
    checked = check(demo.source_of("checkup", checkout=Path(folder)))

    assert checked.plan is not None, reason
    assert checked.plan.params["properties"]["path"]["default"] == folder


@pytest.mark.django_db
def test_the_demo_plans_are_stored_once() -> None:
    assert demo.seed(Path("/srv/checkout")) == list(demo.PLANS)
    assert demo.seed(Path("/srv/checkout")) == []
    assert PlanVersion.objects.count() == len(demo.PLANS)


@pytest.mark.django_db
def test_a_plan_that_somebody_changed_is_left_alone() -> None:
    mine = make_plan(slug="flaky")

    demo.seed(Path("/srv/checkout"))

    assert Plan.objects.get(slug="flaky").latest == mine


def test_the_functions_of_the_demo_may_be_called(settings: Settings) -> None:
    assert "controlroom.demo.functions:*" in settings.TOOL_SETTINGS["python_functions"]


def test_files_and_lines_are_counted_by_kind(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("one\ntwo\n")
    (tmp_path / "b.py").write_text("three\n")
    (tmp_path / "notes.md").write_text("four\n")

    assert count(str(tmp_path)) == {
        "files": 3,
        "lines": 4,
        "kinds": [{"kind": ".py", "files": 2, "lines": 3}, {"kind": ".md", "files": 1, "lines": 1}],
    }


@pytest.mark.parametrize("folder", [".git", ".venv", "node_modules"])
def test_what_others_wrote_is_not_counted(tmp_path: Path, folder: str) -> None:
    (tmp_path / folder).mkdir()
    (tmp_path / folder / "a.py").write_text("one\n")

    assert count(str(tmp_path))["files"] == 0


def test_files_without_lines_count_as_files_only(tmp_path: Path) -> None:
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\n\0\0\n")
    (tmp_path / "nowhere").symlink_to(tmp_path / "missing")

    found = count(str(tmp_path))

    assert (found["files"], found["lines"]) == (2, 0)


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is not a folder on the worker's host"):
        count(str(tmp_path / "missing"))


def test_the_report_says_what_was_found() -> None:
    kinds = [{"kind": ".py", "files": 2, "lines": 1300}]

    text = report(
        path="/srv/x", count={"files": 2, "lines": 1300, "kinds": kinds}, lint="success", tests="success", collected=12
    )

    assert "# Checkup of `/srv/x`" in text
    assert "| Lines | 1,300 |" in text
    assert "| Tests | 12 collected |" in text
    assert "| `.py` | 2 | 1,300 |" in text


def test_the_report_says_what_is_not_known() -> None:
    text = report(path="/srv/x", count=None, lint="error", tests="skipped")

    assert "| Files | not counted |" in text
    assert "| ruff | has something to say |" in text
    assert "| Tests | not there |" in text


def test_a_file_name_cannot_break_the_table() -> None:
    kinds = [{"kind": ".a|b\nc`", "files": 1, "lines": 1}]

    text = report(path="/srv/x", count={"files": 1, "lines": 1, "kinds": kinds}, lint="success", tests="success")

    assert "| `.a?b?c?` | 1 | 1 |" in text
