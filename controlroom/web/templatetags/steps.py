"""How the page of a run shows attempts, lengths of time, and the nodes and bars of its maps."""

from __future__ import annotations

from django import template

from controlroom.web.drawing.waterfall import PAUSE, RUNNING, SLOT, WAITING, WORKER, WaterfallBar
from controlroom.web.templatetags.times import HasTimes, length
from pulser.engine.states import StepStatus

register = template.Library()

OUTCOMES = {"success": "success", "error": "error", "lost": "error", "handed_back": "skipped", "cancelled": "cancelled"}
WORDS = {
    "success": "succeeded",
    "error": "failed",
    "lost": "worker lost",
    "handed_back": "handed back by a stopping worker",
    "cancelled": "cancelled",
}
SHAPES = {
    SLOT: "queued for a slot",
    WORKER: "queued for a worker",
    PAUSE: "delayed before the retry",
    WAITING: "waited for a person or a timer",
}
LETTERS = 22  # of a node's name; the rest is in its title


@register.filter
def outcome_status(outcome: str) -> str:
    """The status whose shape and colour an attempt's outcome has; empty while it is open."""
    return OUTCOMES.get(outcome, "")


@register.filter
def outcome_words(outcome: str) -> str:
    return WORDS.get(outcome, outcome)


@register.filter
def seconds(value: float | None) -> str:
    """A length of time that is known in seconds."""
    return "" if value is None else length(float(value), is_exact=float(value) % 1 != 0)


@register.filter
def shortened(name: str, letters: int = LETTERS) -> str:
    """A long name with its middle left out: both ends tell steps apart."""
    if len(name) <= letters:
        return name
    head = letters * 2 // 3 - 1
    return f"{name[:head]}…{name[-(letters - head - 1) :]}"


@register.simple_tag
def took(span: HasTimes) -> str:
    """From start to end, as plain text."""
    return length((span.finish - span.start).total_seconds()) if span.start and span.finish else ""


@register.simple_tag
def bar_title(bar: WaterfallBar) -> str:
    """What a bar of the waterfall means."""
    return f"Attempt {bar.attempt} {_bar_words(bar)}: {length(bar.seconds)}"


def _bar_words(bar: WaterfallBar) -> str:
    if bar.kind == RUNNING:
        return "running" if bar.status == StepStatus.RUNNING else WORDS.get(bar.status, bar.status)
    return SHAPES[bar.kind]


@register.filter
def attempt_status(status: str) -> str:
    """The status whose colour a bar has: an attempt's outcome, or what it does now."""
    return OUTCOMES.get(status, status)
