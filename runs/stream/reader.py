"""The database is read in one thread of the feed's own, once for all who watch."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from django.db import DatabaseError, InterfaceError, close_old_connections, connections

T = TypeVar("T")


class DatabaseReader:
    """Database and templates are synchronous: here they hold up nobody.

    The thread keeps its connection while there is much to read, since to take one from the pool costs as much as a
    reading; `give_back` returns it.
    """

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="live-feed")

    async def read(self, read: Callable[..., T], *args: Any) -> T:
        """What `read` returns or raises. After a database error its connection is not used again."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, partial(_read_or_drop, read, *args))

    async def give_back(self) -> None:
        await self.read(close_old_connections)

    def close(self) -> None:
        self._executor.submit(connections.close_all)
        self._executor.shutdown(wait=False)


def _read_or_drop(read: Callable[..., T], *args: Any) -> T:
    try:
        return read(*args)
    except (DatabaseError, InterfaceError):
        connections.close_all()
        raise
