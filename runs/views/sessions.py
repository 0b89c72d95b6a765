"""Sessions: an operator's working contexts."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from runs.models import Session
from runs.views.access import PageRequest
from runs.views.answers import verb

NAME_CHARS = 200


@verb
def create_session(request: PageRequest) -> HttpResponse:
    """Makes the session, or finds the one of that name, and shows its board."""
    name = request.POST.get("name", "").replace("\0", "").strip()[:NAME_CHARS]
    if not request.actor.can_operate:
        raise PermissionDenied
    if not name:
        return redirect("board")
    session, _ = Session.objects.get_or_create(name=name)
    return redirect(f"{reverse('board')}?session={session.pk}")
