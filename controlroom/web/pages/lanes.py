"""Pausing a lane, with the reason for those who wonder, and letting it go on."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render

from controlroom.http.toasts import with_toast
from controlroom.web.pages.access import PageRequest, for_operators
from controlroom.web.pages.responses import command_view
from runs.commands.lanes import pause_lane, resume_lane
from runs.models import Lane
from runs.models.lane import REASON_CHARS


@for_operators
def ask_to_pause(request: PageRequest, lane_id: int) -> HttpResponse:
    """The dialog that asks for the reason."""
    return render(
        request, "runs/_lane_pause_dialog.html", {"lane": _find_lane(request, lane_id), "chars": REASON_CHARS}
    )


@command_view
def pause(request: PageRequest, lane_id: int) -> HttpResponse:
    lane = _find_lane(request, lane_id)
    pause_lane(lane, reason=request.POST.get("reason", ""), actor=request.actor)
    return _changed(f"Lane {lane.name} paused")


@command_view
def resume(request: PageRequest, lane_id: int) -> HttpResponse:
    lane = _find_lane(request, lane_id)
    resume_lane(lane, actor=request.actor)
    return _changed(f"Lane {lane.name} resumed")


def _find_lane(request: PageRequest, lane_id: int) -> Lane:
    return get_object_or_404(Lane.objects.visible_to(request.actor), pk=lane_id)


def _changed(text: str) -> HttpResponse:
    """Nothing to show, which closes the dialog; the heads of the lanes are fetched anew."""
    response = with_toast(HttpResponse(), text)
    response["HX-Trigger"] = "board-changed"
    return response
