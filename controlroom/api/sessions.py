"""Sessions: working contexts of operators."""

from __future__ import annotations

from typing import Literal

from django.db import IntegrityError, transaction
from django.http import HttpResponse
from ninja import Query, Router

from controlroom.api.auth import ApiRequest, may_operate, may_view
from controlroom.api.openapi import documented_body, documented_responses
from controlroom.api.paging import PageQuery, paginate
from controlroom.api.request_body import read_json_body
from controlroom.api.responses import json_response
from controlroom.api.schemas import NewSession, SessionOut, SessionPage
from controlroom.http.problems import invalid_at
from pulser.language.limits import ID_MAX
from pulser.language.numbers import whole_number
from runs.commands.sessions import archive_session, unarchive_session
from runs.errors import NotFound
from runs.models import Session
from runs.stream.event_json import rfc3339

router = Router(tags=["sessions"])


class SessionFilters(PageQuery):
    archived: Literal["false", "true", "all"] = "false"


@router.get("", auth=may_view, response=documented_responses(SessionPage, 422))
def index(request: ApiRequest, query: Query[SessionFilters]) -> HttpResponse:
    """Sessions, newest first; archived ones with `archived=true` or `all`."""
    sessions = Session.objects.visible_to(request.auth)
    sessions = sessions.active() if query.archived == "false" else sessions
    sessions = sessions.archived() if query.archived == "true" else sessions
    items, following = paginate(sessions, query, bound_to={"archived": query.archived})
    return json_response({"items": [_session_json(session) for session in items], "next": following})


def _session_json(session: Session) -> dict[str, object]:
    return {
        "id": session.pk,
        "name": session.name,
        "created_at": rfc3339(session.created_at),
        "archived_at": rfc3339(session.archived_at) if session.archived_at else None,
    }


@router.post(
    "",
    auth=may_operate,
    response=documented_responses(SessionOut, 413, 415, 422, status=201),
    openapi_extra=documented_body(NewSession),
)
def create(request: ApiRequest) -> HttpResponse:
    """Create a session. Names are unique: a name in use is rejected (422)."""
    name = read_json_body(request, NewSession).name.strip()
    try:
        with transaction.atomic():
            session = Session.objects.create(name=name)
    except IntegrityError:
        raise invalid_at("body.name", f"session {name} already exists") from None
    return json_response(_session_json(session), status=201, headers={"Location": "/api/v1/sessions"})


@router.post("/{session_id}/archive", auth=may_operate, response=documented_responses(SessionOut, 404, 409))
def archive(request: ApiRequest, session_id: str) -> HttpResponse:
    """Archive a session: no run can start in it, its runs stay. `default` cannot be archived."""
    session = _find_session(request, session_id)
    archive_session(session, actor=request.auth)
    return json_response(_session_json(_find_session(request, session_id)))


@router.post("/{session_id}/unarchive", auth=may_operate, response=documented_responses(SessionOut, 404, 409))
def unarchive(request: ApiRequest, session_id: str) -> HttpResponse:
    """Unarchive a session."""
    session = _find_session(request, session_id)
    unarchive_session(session, actor=request.auth)
    return json_response(_session_json(_find_session(request, session_id)))


def _find_session(request: ApiRequest, session_id: str) -> Session:
    number = whole_number(session_id, at_most=ID_MAX) or 0
    found = Session.objects.visible_to(request.auth).filter(pk=number).first()
    if found is None:
        raise NotFound(f"session {session_id[:20]} not found")
    return found
