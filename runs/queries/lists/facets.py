"""What filters may be set to: the values that there are, each with how many runs it would give."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db import connection
from django.db.models import Func, IntegerField, OuterRef, Q, QuerySet

from pulser.models import PlanVersion
from runs.accounts.actors import Actor
from runs.models import Lane, Session
from runs.models.choices import ENVIRONMENTS
from runs.queries.lists.counts import COUNTED, Count, by_word, capped
from runs.queries.lists.filters import RunFilters
from runs.queries.lists.newest import passing, tally_newest

VALUES_MAX = 500
FACETS = ("lane", "plan", "session", "environment", "trigger")
COLUMNS = {
    "lane": "lane_id",
    "plan": "plan_version_id",
    "session": "session_id",
}
NAMED = {"lane": ("name", "name"), "plan": ("plan__slug", "plan__title"), "session": ("pk", "name")}
# Each value once, by hopping along an index: DISTINCT would read all of it.
TRIGGERS = """
WITH RECURSIVE hop(word) AS (
    (SELECT trigger FROM runs_run ORDER BY trigger LIMIT 1)
    UNION ALL
    SELECT (SELECT trigger FROM runs_run WHERE trigger > word ORDER BY trigger LIMIT 1) FROM hop WHERE word IS NOT NULL
)
SELECT word FROM hop WHERE word IS NOT NULL LIMIT %s
"""


@dataclass(frozen=True, slots=True)
class FacetValue:
    """A value that a filter may take, as it stands in a URL; how it is called; how many runs it would give."""

    value: str
    label: str
    count: Count


def facet(actor: Actor, filters: RunFilters, *, name: str) -> list[FacetValue]:
    """The values of one filter, each with its count under the other filters; none for a name that is no facet.

    `name`: lane, plan, session, environment or trigger. At most `VALUES_MAX` values, of sessions the newest.
    """
    if name not in FACETS or filters.problems or not actor.can_view:
        return []
    if name in ("environment", "trigger"):
        return [
            FacetValue(word, word, count)
            for word, count in by_word(actor, filters, name=name, words=_words(name)).items()
        ]
    found: dict[str, FacetValue] = {}
    for value, label, count in _counted(
        actor, filters.without(name), name=name, things=_things(actor, name, filters=filters)
    ):
        earlier = found.get(str(value))  # another version of the same plan
        found[str(value)] = FacetValue(str(value), label or str(value), earlier.count + count if earlier else count)
    return list(found.values())[:VALUES_MAX]


def _counted(
    actor: Actor, others: RunFilters, *, name: str, things: QuerySet[Any]
) -> Iterator[tuple[str | int, str, Count]]:
    """Value, label and count of each thing. Where a search finds much, at least so many: it is not done for each."""
    seen = tally_newest(actor, others, column=COLUMNS[name], limit=COUNTED + 1)
    is_all = seen.total() <= COUNTED
    if is_all or others.q:
        for key, *named in things.values_list("pk", *NAMED[name]):
            yield *named, Count(seen[key], is_more=not is_all)
    else:
        things = things.annotate(passed=_passed(actor, others, COLUMNS[name]))
        for *named, passed in things.values_list(*NAMED[name], "passed"):
            yield *named, capped(passed)


def _words(name: str) -> list[str]:
    if name == "environment":
        return [word for word, _ in ENVIRONMENTS]
    with connection.cursor() as cursor:
        cursor.execute(TRIGGERS, [VALUES_MAX])
        return [word for (word,) in cursor.fetchall()]


def _things(actor: Actor, name: str, *, filters: RunFilters) -> QuerySet[Any]:
    """Lanes, versions of plans, or sessions: what the runs point at. Archived sessions when they are asked for."""
    if name == "lane":
        return Lane.objects.visible_to(actor)
    if name == "plan":
        return PlanVersion.objects.order_by("plan__slug")
    shown = Q() if filters.archived else Q(archived_at=None) | Q(pk__in=filters.session)
    return Session.objects.visible_to(actor).filter(shown).order_by("-pk")[:VALUES_MAX]


def _passed(actor: Actor, filters: RunFilters, column: str) -> Func:
    """How many runs that pass point at it, up to one more than are counted."""
    runs = passing(actor, filters).filter(**{column: OuterRef("pk")}).newest_first()
    some = ArraySubquery(runs.values("pk")[: COUNTED + 1])
    return Func(some, function="cardinality", output_field=IntegerField())
