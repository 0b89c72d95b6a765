"""Writing what must not be lost although the database is away for a moment."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from django.db import InterfaceError, OperationalError, connection

logger = logging.getLogger(__name__)
PAUSES = (0.1, 0.5, 2.0, 5.0)  # seconds
T = TypeVar("T")


def insist(write: Callable[[], T]) -> T:
    """Write to the database, and again on a new connection when it was away: a lease outlives its restart."""
    for pause in PAUSES:
        try:
            return write()
        except (OperationalError, InterfaceError) as error:
            logger.warning("the database is away, next try in %s s: %s", pause, error)
            connection.close()
            time.sleep(pause)
    return write()
