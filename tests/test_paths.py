"""What docstrings, comments and docs call a file or a folder is there."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("controlroom", "runs", "pulser", "tests", "bench", "chaos", "fuzz", "screens")
OTHERS = ("docs", "static", "templates", ".ci")
DATED = ("docs/decisions/", "docs/performance.md")  # they say what was so on their day
FILE = re.compile(r"(?<![\w./<-])((?:[\w-]+/)+[\w-]{2,}\.(?:py|html|css|js|md))\b")
FOLDER = re.compile(
    r"(?<![\w./<-])((?:controlroom|runs|pulser|tests|bench|chaos|fuzz|screens)(?:/[\w-]+)*/)(?![\w*<{.])"
)
PLACEHOLDER = re.compile(r"[A-Z]{4,}|\bX\b")  # `pulser/tools/NAME.py`


def named_paths(text: str) -> Iterator[str]:
    for pattern in (FILE, FOLDER):
        yield from (found for found in pattern.findall(text) if not PLACEHOLDER.search(found))


def prose_of(source: str) -> Iterator[str]:
    """The docstrings and comments of a module."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node) or ""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    yield from (token.string for token in tokens if token.type == tokenize.COMMENT)


@cache
def known_paths() -> frozenset[str]:
    """Every file and folder, by its whole path and by each end of it: `language/params.py`, `params.py`."""
    paths = [path for top in (*PACKAGES, *OTHERS) for path in (ROOT / top, *(ROOT / top).rglob("*"))]
    parts = [path.relative_to(ROOT).parts for path in paths if "__pycache__" not in path.parts]
    return frozenset("/".join(each[start:]) for each in parts for start in range(len(each)))


def readings() -> Iterator[tuple[str, str]]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if "migrations" not in path.parts:
                yield str(path.relative_to(ROOT)), "\n".join(prose_of(path.read_text()))
    for path in [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]:
        name = str(path.relative_to(ROOT))
        if name != "CHANGELOG.md" and not name.startswith(DATED):
            yield name, path.read_text()


def test_what_is_called_a_file_or_a_folder_is_there() -> None:
    missing = {
        f"{name}: {path}"
        for name, text in readings()
        for path in named_paths(text)
        if path.rstrip("/") not in known_paths()
    }
    assert sorted(missing) == []


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("see `runs/transitions.py`.", ["runs/transitions.py"]),
        ("`runs/live/` is gone", ["runs/live/"]),
        ("language/params.py counts", ["language/params.py"]),
        ("copy it to `pulser/tools/NAME.py`", []),
        ("GET /runs/17/retry, https://x.org/a/b.html", []),
        ("and/or, 1/2", []),
    ],
)
def test_paths_are_told_from_other_words(text: str, paths: list[str]) -> None:
    assert list(named_paths(text)) == paths
