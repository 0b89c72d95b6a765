"""How far runs have come: what the poll compares with what viewers were told."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping

from runs.models import Run
from runs.queries.logs.chunks import last_log_ids

NEWEST_LOOKED_AT = 400  # runs that a poll compares beside those that boards are known to show

Version = tuple[int, int]  # of a run: its last event's seq, its last log chunk's id
NO_VERSION: Version = (0, 0)


def read_versions(pages: Collection[str], *, shown: Collection[str] | None) -> dict[str, Version]:
    """The versions of all that is watched, in one query, and a second one where pages of runs are open.

    `pages`: runs whose pages or events are watched. `shown`: runs on boards, None when no board is open; with boards,
    the newest runs are looked at too.
    """
    watched = Run.objects.filter(pk__in={*pages, *(shown or ())}).order_by().values("pk")
    if shown is not None:  # a union: with OR, PostgreSQL reads all runs that there are
        watched = watched.union(Run.objects.newest_first().values("pk")[:NEWEST_LOOKED_AT])
    found = dict(Run.objects.filter(pk__in=watched).order_by().values_list("pk", "seq"))
    logs = last_log_ids(uuid.UUID(page) for page in pages) if pages else {}
    return {str(pk): (seq, logs.get(pk, 0)) for pk, seq in found.items()}


def latest(one: Version, other: Version) -> Version:
    """The later event and the later log chunk of both: a poll may have read before a hint came."""
    return max(one[0], other[0]), max(one[1], other[1])


def seqs_of(versions: Mapping[str, Version]) -> dict[str, int]:
    """The seq of each run by its id."""
    return {run_id: seq for run_id, (seq, _log) in versions.items()}
