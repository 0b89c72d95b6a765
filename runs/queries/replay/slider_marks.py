"""The marks along the time slider: where in the log something stands out."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db.models import Case, Count, F, IntegerField, Min, Value, When

from runs.models import Event
from runs.queries.replay.kinds import QUIET, STANDS_OUT

MARKS = 240  # at most; events that fall on one mark are seen as the weightiest of them
RANKS = [*STANDS_OUT, QUIET]


@dataclass(frozen=True, slots=True)
class SliderMark:
    """`left`: percent of the way from the first event to the last."""

    left: float
    status: str
    count: int


def slider_marks(run_id: UUID, last: int) -> list[SliderMark]:
    """The marks of a log of `last` events, in order. One query, grouped by the database."""
    marks = min(last, MARKS)
    ranks = [When(kind__in=kinds, then=Value(rank)) for rank, kinds in enumerate(STANDS_OUT.values())]
    rank = Min(Case(*ranks, default=Value(len(ranks)), output_field=IntegerField()))
    mark = (F("seq") - 1) * Value(marks) / Value(max(last, 1))  # whole numbers: PostgreSQL rounds down
    events = Event.objects.filter(run=run_id).up_to(last).annotate(mark=mark)
    rows = events.order_by().values("mark").annotate(rank=rank, count=Count("seq"), first=Min("seq"))
    found = sorted(rows.values_list("first", "rank", "count"))
    way = max(last - 1, 1)
    return [SliderMark(round(100 * (first - 1) / way, 2), RANKS[rank], count) for first, rank, count in found]
