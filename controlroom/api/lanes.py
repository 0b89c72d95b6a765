"""Lanes: how many runs go at once."""

from __future__ import annotations

from django.http import HttpResponse
from ninja import Query, Router

from controlroom.api.auth import ApiRequest, may_operate, may_view
from controlroom.api.openapi import documented_body, documented_responses
from controlroom.api.paging import ListOrder, PageQuery, paginate
from controlroom.api.request_body import read_json_body
from controlroom.api.responses import json_response
from controlroom.api.schemas import LaneChange, LaneOut, LanePage
from runs.commands.lanes import change_lane
from runs.models import Lane

router = Router(tags=["lanes"])

ON_THE_BOARD = ListOrder(("position", "name"), descending=False)


@router.get("", auth=may_view, response=documented_responses(LanePage, 422))
def index(request: ApiRequest, query: Query[PageQuery]) -> HttpResponse:
    """Lanes in the order of the board, with their load."""
    lanes, following = paginate(Lane.objects.visible_to(request.auth).with_load(), query, order=ON_THE_BOARD)
    return json_response({"items": [lane_json(lane) for lane in lanes], "next": following})


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
    response=documented_responses(LaneOut, 404, 413, 415, 422),
    openapi_extra=documented_body(LaneChange, required=False),
)
def change(request: ApiRequest, name: str) -> HttpResponse:
    """Change the limit, pause or resume the lane. Queued runs that fit start at once."""
    wanted = read_json_body(request, LaneChange).model_dump(exclude_none=True)
    return json_response(lane_json(change_lane(name, wanted, actor=request.auth)))
