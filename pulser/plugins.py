"""What other packages add by entry points. One that is broken is named in the log and left out; the rest stays."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from importlib.metadata import EntryPoint, entry_points
from typing import Any

log = logging.getLogger(__name__)


def load(group: str, *, check: Callable[[Any], str], taken: Collection[str]) -> dict[str, Any]:
    """Name -> loaded object of each sound entry point of the group; a class is called without arguments.

    `check` returns the object's name, or raises whatever it likes. Names in `taken` cannot be had again.
    """
    found: dict[str, Any] = {}
    for entry in sorted(entry_points(group=group), key=lambda entry: (entry.name, entry.value)):
        try:
            name, plugin = _load_one(entry, check=check)
            if name in taken or name in found:
                raise ValueError(f"the name `{name}` is already used")
        except (Exception, SystemExit) as error:  # foreign code may fail in any way
            log.warning("not loaded: %s = %s (%s): %s: %s", entry.name, entry.value, group, type(error).__name__, error)
        else:
            found[name] = plugin
    return found


def _load_one(entry: EntryPoint, *, check: Callable[[Any], str]) -> tuple[str, Any]:
    plugin = entry.load()
    if isinstance(plugin, type):
        plugin = plugin()
    return check(plugin), plugin
