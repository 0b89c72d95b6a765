"""The events of a run as its page lists them: the last ones that pass a filter, oldest first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Q, TextField
from django.db.models.functions import Cast

from runs.models import Event
from runs.models.event import EventQuerySet
from runs.queries.replay.kinds import GROUPS
from runs.queries.replay.small_events import FACTS, without_large_values

SHOWN = 200
TEXT_CHARS = 200


@dataclass(frozen=True, slots=True)
class EventFilter:
    """`group`: a group of kinds; `step`: its key; `text`: stands in kind, step or facts. Empty: all."""

    group: str = ""
    step: str = ""
    text: str = ""

    @property
    def query(self) -> str:
        """The same behind the question mark of an address."""
        given = {"group": self.group, "step": self.step, "text": self.text}
        return urlencode({name: value for name, value in given.items() if value})


@dataclass(frozen=True, slots=True)
class Listing:
    """Events in order; `earlier_than` is the seq before which more of them pass, None when these are all."""

    events: tuple[Event, ...]
    earlier_than: int | None
    wanted: EventFilter

    @property
    def context(self) -> dict[str, Any]:
        """For `runs/_events.html`."""
        return {"events": self.events, "earlier_than": self.earlier_than, "events_wanted": self.wanted}


def read_filter(query: Mapping[str, Any]) -> EventFilter:
    """What an address asks for. A value that no event has lets none pass."""
    asked = {
        name: str(query.get(name, "")).replace("\0", "")[:TEXT_CHARS].strip() for name in ("group", "step", "text")
    }
    return EventFilter(**asked)


def last_events(run_id: UUID, wanted: EventFilter = EventFilter(), *, before: int | None = None) -> Listing:
    """The last events that pass, of those before a seq."""
    events = passing(run_id, wanted)
    events = events.up_to(before - 1) if before is not None else events
    found = list(without_large_values(events.in_order().reverse()[: SHOWN + 1]))[::-1]
    shown = found[-SHOWN:]
    return Listing(tuple(shown), shown[0].seq if len(found) > SHOWN else None, wanted)


def passing(run_id: UUID, wanted: EventFilter) -> EventQuerySet:
    """The events of a run that pass the filter."""
    events = Event.objects.filter(run=run_id)
    if wanted.group:
        begins = GROUPS.get(wanted.group, ())
        kinds = [Q(kind__startswith=each) for each in begins]
        events = events.filter(Q(*kinds, _connector=Q.OR)) if kinds else events.none()
    if wanted.step:
        events = events.filter(step=wanted.step)
    if wanted.text:
        events = _speaking_of(events, wanted.text)
    return events


def _speaking_of(events: EventQuerySet, text: str) -> EventQuerySet:
    """`backed off` finds `step.backed_off`: people read words."""
    facts = events.annotate(facts_text=Cast(FACTS, TextField()))
    kind = Q(kind__icontains=text) | Q(kind__icontains=text.replace(" ", "_"))
    return facts.filter(kind | Q(step__icontains=text) | Q(facts_text__icontains=text))
