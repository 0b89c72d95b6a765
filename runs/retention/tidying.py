"""Tidying: what the control process does about retention, in rounds so short that the sweeper does not notice."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

from runs.retention import folders
from runs.retention.pruning import moment_before, prune
from runs.retention.workspaces import clean_workspaces

ROUND_S = 1.0  # after which no further step is begun


class Tidier:
    """Goes on where its last round stopped, so that everything has its turn however much there is."""

    def __init__(self) -> None:
        self._steps: Iterator[object] | None = None

    def round(self, *, within_s: float = ROUND_S) -> bool:
        """Take steps until the time is over or all is done. Returns whether all is done.

        After a step that broke, the next round begins anew.
        """
        ends_at = time.monotonic() + within_s
        steps, self._steps = self._steps or everything(), None
        for _ in steps:
            if time.monotonic() >= ends_at:
                self._steps = steps
                return False
        return True


def everything() -> Iterator[object]:
    """One pass over all that CONTROLROOM_KEEP and CONTROLROOM_KEEP_WORK let go."""
    root, keep_s = Path(settings.WORK_DIR), settings.KEEP_WORK_S
    if keep_s is not None:
        yield from clean_workspaces(root, keep_s=keep_s, born_before=moment_before(keep_s))
    yield from folders.empty_trash(root)
    if settings.KEEP_S is not None:
        yield from prune(moment_before(settings.KEEP_S))
