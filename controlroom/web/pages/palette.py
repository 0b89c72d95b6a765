"""What the palette finds: runs, plans, sessions, views, lanes, places; a few of each, best first."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse

from controlroom.web.pages.access import PageRequest, for_viewers
from controlroom.web.pages.board_query import BoardQuery
from controlroom.web.pages.tabs import tabs_of
from pulser.models import Plan
from runs.bulk.plan import BY_BOARD
from runs.models import Lane, Run, Session
from runs.queries.lists.filters import Q_CHARS, RunFilters
from runs.queries.lists.newest import newest

SHOWN = 6  # of each kind
LANES_SEEN = 100
START = re.compile(r"^start +(plan +)?", re.IGNORECASE)  # what one says to start a plan, before its name
PLACES = (
    ("Board", "board", "all runs"),
    ("Inbox", "inbox", "approve or reject waiting steps"),
    ("Plans", "plans", "start a run"),
    ("Sessions", "sessions", ""),
    ("Health", "health", "workers, queue, servers"),
)
OPENS, ASKS, POSTS = "href", "asks", "posts"  # a page, a dialog, a verb


@dataclass(frozen=True, slots=True)
class PaletteEntry:
    """An entry: what it is, where it leads, what it is called. `how` the address is used: as `palette.js` has it."""

    kind: str
    href: str
    text: str
    status: str = ""
    about: str = ""
    how: str = OPENS


@for_viewers
def palette(request: PageRequest) -> HttpResponse:
    """`?q=`: part of a title or name, or a run's id."""
    text = request.GET.get("q", "").replace("\0", "").strip()[:Q_CHARS]
    found = [*_places(text), *_plans(request, text), *_sessions(request, text)]
    if text:  # who asks for nothing yet is not shown everything
        found += [*_views(request, text), *_lanes(request, text)]
    return render(request, "_palette.html", {"found": [*found, *_runs(request, text)], "text": text})


def _fits(text: str, *names: str) -> bool:
    """Whether each word begins a word of the names."""
    said = " ".join(names).casefold().replace(":", " ").split()
    return all(any(one.startswith(word) for one in said) for word in text.casefold().split())


def _places(text: str) -> Iterator[PaletteEntry]:
    for name, url, about in PLACES:
        if _fits(text, f"go to {name}", about):
            yield PaletteEntry("Go to", reverse(url), name, about=about)


def _plans(request: PageRequest, text: str) -> Iterator[PaletteEntry]:
    name = START.sub("", text)
    plans = Plan.objects.active().exclude(latest=None)
    named = plans.filter(Q(slug__icontains=name) | Q(title__icontains=name))[:SHOWN]
    for plan in named or (plans[:SHOWN] if START.fullmatch(f"{text} ") else ()):
        word = "Start" if request.actor.can_operate and plan.slug not in BY_BOARD else "Plan"
        yield PaletteEntry(word, reverse("plan", args=[plan.slug]), plan.title or plan.slug, about=plan.slug)


def _sessions(request: PageRequest, text: str) -> Iterator[PaletteEntry]:
    for session in Session.objects.visible_to(request.actor).active().filter(name__icontains=text)[:SHOWN]:
        yield PaletteEntry("Session", f"{reverse('board')}?{urlencode({'session': session.pk})}", session.name)


def _views(request: PageRequest, text: str) -> Iterator[PaletteEntry]:
    fitting = [tab for tab in tabs_of(request, BoardQuery()).all if _fits(text, "view", tab.name)]
    for tab in fitting[:SHOWN]:
        yield PaletteEntry("View", tab.asked.url, tab.name)


def _lanes(request: PageRequest, text: str) -> Iterator[PaletteEntry]:
    if not request.actor.can_operate:
        return
    for lane in Lane.objects.visible_to(request.actor)[:LANES_SEEN]:
        verb, url, how = ("Resume", "resume_lane", POSTS) if lane.paused else ("Pause", "ask_to_pause_lane", ASKS)
        if _fits(text, f"{verb} lane {lane.name}"):
            yield PaletteEntry(
                "Do", reverse(url, args=[lane.pk]), f"{verb} lane {lane.name}", about=lane.paused_reason, how=how
            )


def _runs(request: PageRequest, text: str) -> Iterator[PaletteEntry]:
    run_id = _uuid(text)
    ids = [run_id] if run_id else [pk for (pk,) in newest(request.actor, RunFilters(q=text), "pk", limit=SHOWN)]
    for run in Run.objects.visible_to(request.actor).listed(ids):
        about = f"{run.plan_version.plan.slug} · {run.short_id}"
        yield PaletteEntry("Run", reverse("run", args=[run.pk]), str(run), status=run.status, about=about)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
