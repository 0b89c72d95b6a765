"""How the pages show statuses, ribbons, values and events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from django import template
from django.template.loader import select_template
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from pulser.engine.states import STEP_ENDED
from runs.models import Event, Step
from runs.queries.logs.ansi import plain

register = template.Library()

RIBBON_SEGMENTS = 40
RIBBON_ORDER = ("success", "skipped", "error", "cancelled", "running", "waiting", "backoff", "queued", "pending")
GLYPH = '<svg class="glyph glyph-{0}" aria-hidden="true"><use href="#glyph-{0}"/></svg>'
ICON = '<svg class="icon" aria-hidden="true"><use href="#icon-{}"/></svg>'


class Segment(NamedTuple):
    status: str
    title: str


@register.simple_tag
def glyph(status: str) -> SafeString:
    return format_html(GLYPH, status)


@register.simple_tag
def icon(name: str) -> SafeString:
    return format_html(ICON, name)


@register.inclusion_tag("runs/_ribbon.html")
def ribbon(steps: Iterable[Step]) -> dict[str, Any]:
    """One segment a step in plan order; many steps become at most 40 segments, grouped by status."""
    shown = list(steps)
    counts = Counter(step.status for step in shown)
    segments = [Segment(step.status, f"{step.key}: {step.status}") for step in shown]
    return {
        "segments": segments if len(shown) <= RIBBON_SEGMENTS else _grouped(counts),
        "label": _summary(counts),
    }


def _grouped(counts: Mapping[str, int]) -> list[Segment]:
    """Each status gets its share of the segments, and at least one."""
    total = sum(counts.values())
    return [
        Segment(status, f"{counts[status]} {status}")
        for status in RIBBON_ORDER
        if counts[status]
        for _ in range(max(1, round(counts[status] / total * RIBBON_SEGMENTS)))
    ]


def _summary(counts: Mapping[str, int]) -> str:
    ended = sum(counts[status] for status in STEP_ENDED)
    rest = [f"{counts[status]} {status}" for status in RIBBON_ORDER if counts[status]]
    return f"{ended} of {sum(counts.values())} steps ended: {', '.join(rest)}"


@register.simple_tag
def event_sentence(event: Event) -> SafeString:
    """What the event says, by the template of its kind, else by its kind and facts."""
    name = event.kind.replace(".", "_")
    found = select_template([f"runs/events/_{name}.html", "runs/events/_any.html"])
    data = {name: plain_text(value) if isinstance(value, str) else value for name, value in event.data.items()}
    said: str = found.render({"event": event, "data": data})
    return mark_safe(said.strip())  # noqa: S308 - a template made it, and escaped it


@register.filter
def kind_words(kind: str) -> str:
    """`step.backed_off` as words: `backed off`."""
    return kind.partition(".")[2].replace("_", " ")


@register.filter
def words(text: str) -> list[str]:
    """For a loop over a few fixed words."""
    return text.split()


@register.filter
def facts(data: Mapping[str, Any]) -> str:
    """An event's data in one line."""
    return ", ".join(f"{name}: {value}" for name, value in data.items() if value not in (None, ""))


@register.filter
def plain_text(text: str) -> str:
    """Output without terminal control: a line that was overwritten by carriage returns keeps its last state."""
    return "\n".join(map(plain, text.split("\n")))
