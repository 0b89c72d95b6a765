"""What the palette finds: runs, plans, sessions, places; a few of each, best first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse

from pulser.models import Plan
from runs.bulk.plan import SLUG as BY_BOARD
from runs.lists.filters import Q_CHARS, RunFilters
from runs.lists.newest import newest
from runs.models import Run, Session
from runs.views.access import PageRequest, for_viewers

SHOWN = 6  # of each kind
START = "start "  # what one says to start a plan
PLACES = (("Board", "board"), ("Inbox", "inbox"), ("Plans", "plans"), ("Sessions", "sessions"), ("Health", "health"))


@dataclass(frozen=True, slots=True)
class Found:
    """An entry: what it is, where it leads, what it is called."""

    kind: str
    href: str
    text: str
    status: str = ""
    about: str = ""


@for_viewers
def palette(request: PageRequest) -> HttpResponse:
    """`?q=`: part of a title or name, or a run's id."""
    text = request.GET.get("q", "").replace("\0", "").strip()[:Q_CHARS]
    found = [*_places(text), *_plans(request, text), *_sessions(request, text), *_runs(request, text)]
    return render(request, "_palette.html", {"found": found, "text": text})


def _places(text: str) -> Iterator[Found]:
    for name, url in PLACES:
        if text.lower() in name.lower():
            yield Found("Go to", reverse(url), name)


def _plans(request: PageRequest, text: str) -> Iterator[Found]:
    text = text.removeprefix(START) or text
    plans = Plan.objects.active().exclude(latest=None).filter(Q(slug__icontains=text) | Q(title__icontains=text))
    for plan in plans[:SHOWN]:
        word = "Start" if request.actor.can_operate and plan.slug != BY_BOARD else "Plan"
        yield Found(word, reverse("plan", args=[plan.slug]), plan.title or plan.slug, about=plan.slug)


def _sessions(request: PageRequest, text: str) -> Iterator[Found]:
    for session in Session.objects.visible_to(request.actor).active().filter(name__icontains=text)[:SHOWN]:
        yield Found("Session", f"{reverse('board')}?{urlencode({'session': session.pk})}", session.name)


def _runs(request: PageRequest, text: str) -> Iterator[Found]:
    run_id = _uuid(text)
    ids = [run_id] if run_id else [pk for (pk,) in newest(request.actor, RunFilters(q=text), "pk", limit=SHOWN)]
    for run in Run.objects.visible_to(request.actor).listed(ids):
        about = f"{run.plan_version.plan.slug} · {run.short_id}"
        yield Found("Run", reverse("run", args=[run.pk]), str(run), status=run.status, about=about)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
