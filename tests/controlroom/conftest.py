"""What the tests of the embedded stack share."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def short_dir() -> Iterator[Path]:
    """An empty directory with a path short enough for a socket, which `nobody` may pass through."""
    with tempfile.TemporaryDirectory(prefix="cr-", dir="/tmp") as name:
        Path(name).chmod(0o755)
        yield Path(name)
