"""Functions that the demo plans call by the `python` tool. They read files and make text, nothing else."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pulser.tools.python import effect

SKIPPED_FOLDERS = frozenset({"node_modules", "build", "dist", "staticfiles", "venv"})  # and whatever begins with a dot
FILES_AT_MOST = 100_000
BYTES_AT_MOST = 5_000_000  # a larger file is data, not text that people write
KINDS_SHOWN = 10
WORDS = {"success": "content", "error": "has something to say", "skipped": "not there", "cancelled": "stopped"}


@effect("pure")
def count(path: str) -> dict[str, Any]:
    """Files and lines below a folder, in all and by kind, most lines first: `{"files", "lines", "kinds": [...]}`.

    Hidden folders and those of other people's code are passed over. Raises ValueError when `path` is no folder.
    """
    root = Path(path)
    if not root.is_dir():
        raise ValueError(f"{path} is not a folder on the worker's host")
    files, lines = Counter[str](), Counter[str]()
    for file in _files(root):
        files[file.suffix or file.name] += 1
        lines[file.suffix or file.name] += _lines(file)
    kinds = [{"kind": kind, "files": files[kind], "lines": number} for kind, number in lines.most_common(KINDS_SHOWN)]
    return {"files": files.total(), "lines": lines.total(), "kinds": kinds}


def _files(root: Path) -> Iterator[Path]:
    found = 0
    for folder, below, names in os.walk(root):
        below[:] = sorted(name for name in below if not name.startswith(".") and name not in SKIPPED_FOLDERS)
        for name in names:
            found += 1
            if found > FILES_AT_MOST:
                return
            yield Path(folder, name)


def _lines(file: Path) -> int:
    try:
        if file.is_symlink() or not file.is_file() or file.stat().st_size > BYTES_AT_MOST:
            return 0
        data = file.read_bytes()
    except OSError:  # gone meanwhile, or not ours to read
        return 0
    return 0 if b"\0" in data else data.count(b"\n")


@effect("pure")
def report(*, path: str, count: dict[str, Any] | None, lint: str, tests: str, collected: int | None = None) -> str:
    """The report as markdown. `lint` and `tests` are the statuses of these steps; what is unknown is None."""
    rows = [
        ("Files", f"{count['files']:,}" if count else "not counted"),
        ("Lines", f"{count['lines']:,}" if count else "not counted"),
        ("ruff", WORDS.get(lint, lint)),
        ("Tests", WORDS.get(tests, tests) if collected is None else f"{collected:,} collected"),
    ]
    parts = [f"# Checkup of `{_plain(path)}`", _table(("What", "Result"), rows)]
    if count and count["kinds"]:
        kinds = [(f"`{_plain(kind['kind'])}`", f"{kind['files']:,}", f"{kind['lines']:,}") for kind in count["kinds"]]
        parts += ["## By kind of file", _table(("Kind", "Files", "Lines"), kinds)]
    return "\n\n".join(parts) + "\n"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _plain(text: str) -> str:
    """A file name may hold anything; in a table's cell these would end the cell or the line."""
    return "".join("?" if character in "|`" or not character.isprintable() else character for character in text)
