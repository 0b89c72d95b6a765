"""Packages that others take along when they are installed, and can do without."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def hide_package(package: str) -> Iterator[None]:
    """Inside, this package counts as not installed, unless it is loaded already: an import of it fails."""
    if package in sys.modules:
        yield
        return
    sys.modules[package] = None  # type: ignore[assignment]  # the word of the import system for it
    try:
        yield
    finally:
        del sys.modules[package]
