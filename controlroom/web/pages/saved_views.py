"""Saved views: the tabs, their badges, and what their owner does to them."""

from __future__ import annotations

from functools import wraps
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django_htmx.http import HttpResponseClientRedirect

from controlroom.http.problems import status_of
from controlroom.http.toasts import with_toast
from controlroom.web.pages.access import PageRequest, View, for_viewers, person_of
from controlroom.web.pages.answers import refused, verb
from controlroom.web.pages.board_query import Asked, read_asked
from controlroom.web.pages.tabs import asked_of, tabs_of
from pulser.language.limits import ID_MAX
from runs.commands import views as saving
from runs.errors import DoesNotFit, MoveRefused, NotThere
from runs.models import SavedView
from runs.models.view import NAME_CHARS
from runs.queries.lists.badges import badges

VIEWS_CHANGED = "views-changed"


def told_when_gone(view: View) -> View:
    """A view that another tab has deleted: a toast says so, and the tabs are fetched anew, without it."""

    @wraps(view)
    def asked(request: PageRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except NotThere as error:
            response = refused(error)
            response["HX-Trigger"] = VIEWS_CHANGED
            return response

    return asked


@for_viewers
def views(request: PageRequest) -> HttpResponse:
    """The tabs anew, over a board with the request's query."""
    return render(request, "runs/_saved_views.html", {"tabs": tabs_of(request, read_asked(request.GET))})


@for_viewers
def view_badges(request: PageRequest) -> HttpResponse:
    """How many runs each view would show, to be swapped in place."""
    tabs = tabs_of(request, Asked()).all
    counts = badges(request.actor, {tab.key: tab.asked.filters for tab in tabs})
    return render(request, "runs/_view_badges.html", {"counts": counts.items()})


@for_viewers
def name_view(request: PageRequest) -> HttpResponse:
    """The dialog that asks how the board as it is shall be called."""
    return _dialog(request, query=read_asked(request.GET).query)


@for_viewers
@told_when_gone
def name_view_again(request: PageRequest, view_id: int) -> HttpResponse:
    view = _own(request, view_id)
    return _dialog(request, view=view, name=view.name)


@verb
def save_view(request: PageRequest) -> HttpResponse:
    if not request.actor.can_view:
        raise PermissionDenied
    name = request.POST.get("name", "")
    try:
        view = saving.save_view(person_of(request), name=name, query=_query(request))
    except (DoesNotFit, MoveRefused) as error:
        return _dialog(request, query=request.POST.get("query", ""), name=name, error=error)
    return HttpResponseClientRedirect(asked_of(view).url)


@verb
@told_when_gone
def change_view(request: PageRequest, view_id: int) -> HttpResponse:
    """The view takes over what the board asks for now."""
    view = _own(request, view_id)
    saving.change_view(view, query=_query(request))
    return _changed(f"{view.name} is saved")


@verb
@told_when_gone
def rename_view(request: PageRequest, view_id: int) -> HttpResponse:
    view, name = _own(request, view_id), request.POST.get("name", "")
    try:
        saving.rename_view(view, name=name)
    except (DoesNotFit, MoveRefused) as error:
        return _dialog(request, view=view, name=name, error=error)
    return _changed(f"The view is called {view.name} now")


@verb
@told_when_gone
def share_view(request: PageRequest, view_id: int) -> HttpResponse:
    view, shared = _own(request, view_id), request.POST.get("shared") == "1"
    saving.share_view(view, shared=shared, actor=request.actor)
    return _changed(f"Everybody sees {view.name} now" if shared else f"{view.name} is yours alone again")


@verb
@told_when_gone
def choose_default(request: PageRequest, view_id: int) -> HttpResponse:
    view, chosen = _own(request, view_id), request.POST.get("chosen") == "1"
    saving.choose_default(view, chosen=chosen)
    return _changed(f"Your board opens with {view.name}" if chosen else "Your board opens with all runs")


@verb
@told_when_gone
def delete_view(request: PageRequest, view_id: int) -> HttpResponse:
    view = _own(request, view_id)
    saving.delete_view(view)
    return _changed(f"View {view.name} deleted", undo=reverse("restore_view", args=[view.pk]))


@verb
@told_when_gone
def restore_view(request: PageRequest, view_id: int) -> HttpResponse:
    view = SavedView.objects.owned_by(person_of(request)).filter(pk=min(view_id, ID_MAX)).first()
    if view is None:
        raise NotThere("this view cannot be brought back any more")
    saving.restore_view(view)
    return _changed(f"View {view.name} is back")


def _query(request: PageRequest) -> str:
    """What the board asks for, as the dialog carried it. Raises DoesNotFit: who can match nothing needs no name."""
    asked = read_asked(QueryDict(request.POST.get("query", "")))
    if problems := [*asked.problems, *asked.filters.problems]:
        raise DoesNotFit(problems[0])
    return asked.query


def _own(request: PageRequest, view_id: int) -> SavedView:
    """Views of others are not there, for whoever wants to change them. Raises NotThere."""
    mine = SavedView.objects.kept().owned_by(person_of(request)).select_related("owner")
    view = mine.filter(pk=min(view_id, ID_MAX)).first()
    if view is None:
        raise NotThere(saving.GONE)
    return view


def _dialog(
    request: PageRequest,
    *,
    view: SavedView | None = None,
    query: str = "",
    name: str = "",
    error: DoesNotFit | MoveRefused | None = None,
) -> HttpResponse:
    context = {"view": view, "query": query, "name": name, "error": error, "name_chars": NAME_CHARS}
    return render(request, "runs/_view_dialog.html", context, status=status_of(error) if error else 200)


def _changed(text: str, *, undo: str = "") -> HttpResponse:
    """Nothing to show, which closes a dialog; the tabs are fetched anew by their own trigger."""
    response = with_toast(HttpResponse(), text, undo=undo)
    response["HX-Trigger"] = VIEWS_CHANGED
    return response
