"""A database that is away for a moment: work waits for it, and what must not be lost is written once it is back."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from django.db import InterfaceError, OperationalError, connection

from pulser.kernel.reporter import Disconnected

logger = logging.getLogger(__name__)
PAUSES = (0.1, 0.5, 2.0, 5.0)  # seconds
T = TypeVar("T")


class DatabaseAway(Disconnected, OperationalError):
    """The database cannot be reached now."""


@contextmanager
def raise_when_disconnected() -> Iterator[None]:
    """Raises DatabaseAway for a connection that broke, and gives it back: the next call opens another."""
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        connection.close()
        raise DatabaseAway(*error.args) from error


def retry_on_disconnect(write: Callable[[], T]) -> T:
    """Write to the database, and again on a new connection when it was away: a lease outlives its restart."""
    for pause in PAUSES:
        try:
            return write()
        except (OperationalError, InterfaceError) as error:
            logger.warning("database unavailable, retry in %s s: %s", pause, error)
            connection.close()
            time.sleep(pause)
    return write()
