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
from controlroom.web.pages.access import PageRequest, PageView, for_viewers, signed_in_user
from controlroom.web.pages.board_query import BoardQuery, read_board_query
from controlroom.web.pages.responses import command_view, error_toast
from controlroom.web.pages.tabs import query_of_view, tabs_of
from pulser.language.limits import ID_MAX
from runs.commands import views as commands
from runs.errors import InvalidValue, MoveRefused, NotFound
from runs.models import SavedView
from runs.models.view import NAME_CHARS
from runs.queries.lists.badges import badges

VIEWS_CHANGED = "views-changed"


def toast_when_deleted(view: PageView) -> PageView:
    """A view that another tab has deleted: a toast says so, and the tabs are fetched anew, without it."""

    @wraps(view)
    def asked(request: PageRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except NotFound as error:
            response = error_toast(error)
            response["HX-Trigger"] = VIEWS_CHANGED
            return response

    return asked


@for_viewers
def views(request: PageRequest) -> HttpResponse:
    """The tabs anew, over a board with the request's query."""
    return render(request, "runs/_saved_views.html", {"tabs": tabs_of(request, read_board_query(request.GET))})


@for_viewers
def view_badges(request: PageRequest) -> HttpResponse:
    """How many runs each view would show, to be swapped in place."""
    tabs = tabs_of(request, BoardQuery()).all
    counts = badges(request.actor, {tab.key: tab.asked.filters for tab in tabs})
    return render(request, "runs/_view_badges.html", {"counts": counts.items()})


@for_viewers
def name_view(request: PageRequest) -> HttpResponse:
    """The dialog that asks how the board as it is shall be called."""
    return _dialog(request, query=read_board_query(request.GET).query)


@for_viewers
@toast_when_deleted
def name_view_again(request: PageRequest, view_id: int) -> HttpResponse:
    view = _find_own_view(request, view_id)
    return _dialog(request, view=view, name=view.name)


@command_view
def save_view(request: PageRequest) -> HttpResponse:
    if not request.actor.can_view:
        raise PermissionDenied
    name = request.POST.get("name", "")
    try:
        view = commands.save_view(signed_in_user(request), name=name, query=_query(request))
    except (InvalidValue, MoveRefused) as error:
        return _dialog(request, query=request.POST.get("query", ""), name=name, error=error)
    return HttpResponseClientRedirect(query_of_view(view).url)


@command_view
@toast_when_deleted
def change_view(request: PageRequest, view_id: int) -> HttpResponse:
    """The view takes over what the board asks for now."""
    view = _find_own_view(request, view_id)
    commands.change_view(view, query=_query(request))
    return _close_dialog(f"View {view.name} saved")


@command_view
@toast_when_deleted
def rename_view(request: PageRequest, view_id: int) -> HttpResponse:
    view, name = _find_own_view(request, view_id), request.POST.get("name", "")
    try:
        commands.rename_view(view, name=name)
    except (InvalidValue, MoveRefused) as error:
        return _dialog(request, view=view, name=name, error=error)
    return _close_dialog(f"View renamed to {view.name}")


@command_view
@toast_when_deleted
def share_view(request: PageRequest, view_id: int) -> HttpResponse:
    view, shared = _find_own_view(request, view_id), request.POST.get("shared") == "1"
    commands.share_view(view, shared=shared, actor=request.actor)
    return _close_dialog(f"{view.name} is shared with everyone" if shared else f"{view.name} is private")


@command_view
@toast_when_deleted
def choose_default(request: PageRequest, view_id: int) -> HttpResponse:
    view, chosen = _find_own_view(request, view_id), request.POST.get("chosen") == "1"
    commands.choose_default(view, chosen=chosen)
    return _close_dialog(f"{view.name} is the default view" if chosen else "Default view removed")


@command_view
@toast_when_deleted
def delete_view(request: PageRequest, view_id: int) -> HttpResponse:
    view = _find_own_view(request, view_id)
    commands.delete_view(view)
    return _close_dialog(f"View {view.name} deleted", undo=reverse("restore_view", args=[view.pk]))


@command_view
@toast_when_deleted
def restore_view(request: PageRequest, view_id: int) -> HttpResponse:
    view = SavedView.objects.owned_by(signed_in_user(request)).filter(pk=min(view_id, ID_MAX)).first()
    if view is None:
        raise NotFound("this view can no longer be restored")
    commands.restore_view(view)
    return _close_dialog(f"View {view.name} restored")


def _query(request: PageRequest) -> str:
    """What the board asks for, as the dialog carried it. Raises InvalidValue: who can match nothing needs no name."""
    asked = read_board_query(QueryDict(request.POST.get("query", "")))
    if problems := [*asked.problems, *asked.filters.problems]:
        raise InvalidValue(problems[0])
    return asked.query


def _find_own_view(request: PageRequest, view_id: int) -> SavedView:
    """Views of others are not there, for whoever wants to change them. Raises NotFound."""
    mine = SavedView.objects.kept().owned_by(signed_in_user(request)).select_related("owner")
    view = mine.filter(pk=min(view_id, ID_MAX)).first()
    if view is None:
        raise NotFound(commands.GONE)
    return view


def _dialog(
    request: PageRequest,
    *,
    view: SavedView | None = None,
    query: str = "",
    name: str = "",
    error: InvalidValue | MoveRefused | None = None,
) -> HttpResponse:
    context = {"view": view, "query": query, "name": name, "error": error, "name_chars": NAME_CHARS}
    return render(request, "runs/_view_dialog.html", context, status=status_of(error) if error else 200)


def _close_dialog(text: str, *, undo: str = "") -> HttpResponse:
    """Nothing to show, which closes a dialog; the tabs are fetched anew by their own trigger."""
    response = with_toast(HttpResponse(), text, undo=undo)
    response["HX-Trigger"] = VIEWS_CHANGED
    return response
