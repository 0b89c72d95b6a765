"""A log as the bytes that were written."""

from __future__ import annotations

from collections.abc import AsyncIterator

from asgiref.sync import sync_to_async
from django.db.models import QuerySet

from runs.models import LogChunk

CHUNKS_READ = 50  # at once: some megabytes at most


async def raw_log(chunks: QuerySet[LogChunk]) -> AsyncIterator[bytes]:
    """All there is now, read as it is sent: a log may be larger than memory should hold."""
    read = sync_to_async(lambda after: list(chunks.filter(pk__gt=after)[:CHUNKS_READ]))
    after = 0
    while found := await read(after):
        for chunk in found:
            yield bytes(chunk.data)
        after = found[-1].pk
