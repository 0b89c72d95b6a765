"""Lanes: how many runs go at once."""

from __future__ import annotations

from django.http import HttpResponse
from ninja import Query, Router

from controlroom.api.auth import ApiRequest, may_operate, may_view
from controlroom.api.body import take
from controlroom.api.openapi import answers, takes
from controlroom.api.paging import Order, Paged, page
from controlroom.api.schemas import LaneChange, LaneOut, LanePage
from controlroom.api.wire import answer
from runs.commands.lanes import change_lane
from runs.models import Lane

router = Router(tags=["lanes"])

ON_THE_BOARD = Order(("position", "name"), descending=False)


@router.get("", auth=may_view, response=answers(LanePage, 422))
def index(request: ApiRequest, query: Query[Paged]) -> HttpResponse:
    """Lanes in the order of the board, with their load."""
    lanes, following = page(Lane.objects.visible_to(request.auth).with_load(), query, order=ON_THE_BOARD)
    return answer({"items": [lane_json(lane) for lane in lanes], "next": following})


def lane_json(lane: Lane) -> dict[str, object]:
    """A lane that was read `with_load`."""
    return {
        "name": lane.name,
        "position": lane.position,
        "limit": lane.limit,
        "paused": lane.paused,
        "used": lane.used,  # type: ignore[attr-defined]
        "queued": lane.queued,  # type: ignore[attr-defined]
    }


@router.patch(
    "/{name}",
    auth=may_operate,
    response=answers(LaneOut, 404, 413, 415, 422),
    openapi_extra=takes(LaneChange, required=False),
)
def change(request: ApiRequest, name: str) -> HttpResponse:
    """Change the limit, pause or open the lane. What has waited for it and may start now, starts at once."""
    wanted = take(request, LaneChange).model_dump(exclude_none=True)
    return answer(lane_json(change_lane(name, wanted, actor=request.auth)))
