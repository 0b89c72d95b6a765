"""Events without their big values: a step's outputs may have a megabyte, and a log names thousands of them."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import F, Func, JSONField, Value

from runs.models import Event
from runs.models.event import EventQuerySet


class JsonWithout(Func):
    """A JSON object without some of its fields."""

    template = "(%(expressions)s)"
    arg_joiner = " - "
    output_field = JSONField()


FACTS = JsonWithout(F("data"), Value("outputs"), Value("result"))


def without_large_values(events: EventQuerySet) -> Iterator[Event]:
    """These events, each with its facts as `data`. They are for reading only."""
    for event in events.defer("data").annotate(facts=FACTS):
        event.data = event.facts  # type: ignore[attr-defined]
        yield event
