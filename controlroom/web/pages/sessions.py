"""Sessions: an operator's working contexts, with how much is in them and when something last happened there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django_htmx.http import HttpResponseClientRedirect

from controlroom.http.toasts import with_toast
from controlroom.web.pages.access import PageRequest, for_operators, for_viewers
from controlroom.web.pages.responses import command_view, render_page
from pulser.language.limits import ID_MAX
from pulser.language.numbers import whole_number
from runs.accounts.actors import Actor
from runs.commands import sessions as commands
from runs.models import Run, Session
from runs.models.session import DEFAULT_SESSION, NAME_CHARS, RUNS_COUNTED, SessionQuerySet

SHOWN = 100  # on one page


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A session as the list shows it. `runs`: in words, `1,000+` beyond what is counted."""

    session: Session
    runs: str
    unfinished: int
    last_run_at: Any

    @property
    def is_default(self) -> bool:
        return self.session.name == DEFAULT_SESSION


@for_viewers
def sessions(request: PageRequest) -> HttpResponse:
    """Newest first, `default` before all; `q` narrows by name, `archived` shows what was put away too."""
    text = request.GET.get("q", "").replace("\0", "").strip()[:NAME_CHARS]
    archived = request.GET.get("archived") == "1"
    found = list(_first_page(request, text, archived=archived)[: SHOWN + 1])
    context: dict[str, Any] = {
        "listed": _session_rows(request.actor, found[:SHOWN]),
        "q": text,
        "show_archived": archived,
        "further": _next_page(text, archived=archived, last=found[SHOWN - 1]) if len(found) > SHOWN else "",
        "is_first": "before" not in request.GET,
        "name_chars": NAME_CHARS,
    }
    return render_page(request, "runs/sessions.html", here="sessions", **context)


def _first_page(request: PageRequest, text: str, *, archived: bool) -> SessionQuerySet:
    """The default session leads the first page and stands on no other."""
    asked = Session.objects.visible_to(request.actor)
    asked = asked if archived else asked.active()
    asked = asked.named_like(text) if text else asked
    before = whole_number(request.GET.get("before", ""), at_most=ID_MAX)
    if before is not None:
        asked = asked.exclude(name=DEFAULT_SESSION).filter(pk__lt=before)
    return asked.default_first().with_use()


def _next_page(text: str, *, archived: bool, last: Session) -> str:
    kept = {name: value for name, value in {"q": text, "archived": "1" if archived else ""}.items() if value}
    return f"{reverse('sessions')}?{urlencode({**kept, 'before': last.pk})}"


def _session_rows(actor: Actor, found: Iterable[Any]) -> list[SessionRow]:
    """Sessions read `with_use`; one more query counts what is under way in all of them."""
    found = list(found)
    under_way = Run.objects.visible_to(actor).unfinished().filter(session__in=found).order_by()
    unfinished = dict(under_way.values_list("session").annotate(number=Count("pk")))
    return [SessionRow(one, _counted(one.runs), unfinished.get(one.pk, 0), one.last_run_at) for one in found]


def _counted(runs: int) -> str:
    return f"{RUNS_COUNTED:,}+" if runs > RUNS_COUNTED else f"{runs:,}"


@for_viewers
def session_row(request: PageRequest, session_id: int) -> HttpResponse:
    return _row(request, session_id, is_back=True)


@for_operators
def name_session(request: PageRequest, session_id: int) -> HttpResponse:
    """The row with a field for another name in it."""
    return _row(request, session_id, is_naming=True)


@command_view
def create_session(request: PageRequest) -> HttpResponse:
    """Makes the session and shows its board. One that is there already is named and not opened."""
    session, is_new = commands.open_session(request.POST.get("name", ""), actor=request.actor)
    address = f"{reverse('board')}?session={session.pk}"
    if is_new:
        return HttpResponseClientRedirect(address) if request.htmx else HttpResponseRedirect(address)
    if not request.htmx:
        return HttpResponseRedirect(f"{reverse('sessions')}?{urlencode({'q': session.name})}")
    text = f"Session {session.name} already exists"
    return with_toast(HttpResponse(status=204), text, href=address, link="Show runs")


@command_view
def rename_session(request: PageRequest, session_id: int) -> HttpResponse:
    session = _find_session(request, session_id)
    before = session.name
    commands.rename_session(session, name=request.POST.get("name", ""), actor=request.actor)
    return with_toast(_row(request, session_id, is_back=True), f"{before} renamed to {session.name}")


@command_view
def archive_session(request: PageRequest, session_id: int) -> HttpResponse:
    session = _find_session(request, session_id)
    commands.archive_session(session, actor=request.actor)
    return _changed(f"Session {session.name} archived", undo=reverse("unarchive_session", args=[session.pk]))


@command_view
def unarchive_session(request: PageRequest, session_id: int) -> HttpResponse:
    session = _find_session(request, session_id)
    commands.unarchive_session(session, actor=request.actor)
    return _changed(f"Session {session.name} unarchived")


def _find_session(request: PageRequest, session_id: int) -> Session:
    return get_object_or_404(Session.objects.visible_to(request.actor), pk=min(session_id, ID_MAX))


def _row(request: PageRequest, session_id: int, *, is_naming: bool = False, is_back: bool = False) -> HttpResponse:
    """`is_back`: somebody was just in its field, and goes on with its buttons."""
    found = get_object_or_404(Session.objects.visible_to(request.actor).with_use(), pk=min(session_id, ID_MAX))
    context = {
        "one": _session_rows(request.actor, [found])[0],
        "is_naming": is_naming,
        "is_back": is_back,
        "name_chars": NAME_CHARS,
    }
    return render(request, "runs/_session_row.html", context)


def _changed(text: str, *, undo: str = "") -> HttpResponse:
    """The list is fetched anew by its own trigger, wherever the button was pressed: in a row or in a toast."""
    response = with_toast(HttpResponse(status=204), text, undo=undo)
    response["HX-Trigger"] = "sessions-changed"
    return response
