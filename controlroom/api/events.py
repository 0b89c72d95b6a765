"""The log of a run: by pages, and as a stream of server-sent events."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from ninja import Field, Query, Router, Schema

from controlroom.api.auth import ApiRequest, may_view
from controlroom.api.event_stream import stream
from controlroom.api.openapi import documented_content, documented_responses
from controlroom.api.responses import json_response, run_id_of
from controlroom.api.schemas import EventPage, RunId
from pulser.language import limits
from runs.errors import NotFound
from runs.models import Event, Run
from runs.stream.event_json import event_json

router = Router(tags=["events"])


class AfterSeq(Schema):
    after: int = Field(0, ge=0, le=2**31 - 1, description="Return events after this `seq`")
    limit: int = Field(limits.PAGE_DEFAULT, ge=1, le=limits.PAGE_MAX)


@router.get("/{run_id}/events", auth=may_view, response=documented_responses(EventPage, 404, 422))
def index(request: ApiRequest, run_id: RunId, query: Query[AfterSeq]) -> HttpResponse:
    """Events in their order. `next` is the `after` of the next page."""
    run = visible_run(request, run_id)
    events = list(Event.objects.filter(run=run).after(query.after).in_order()[: query.limit + 1])
    items = events[: query.limit]
    following = str(items[-1].seq) if len(events) > query.limit else None
    return json_response({"items": [event_json(event) for event in items], "next": following})


def visible_run(request: ApiRequest, run_id: str) -> Run:
    """The run, if the caller may see it. Raises NotFound."""
    run = Run.objects.visible_to(request.auth).only("pk").filter(pk=run_id_of(run_id)).first()
    if run is None:
        raise NotFound(f"run {run_id[:100]} not found")
    return run


PLACES = [
    {"in": place, "name": name, "required": False, "schema": {"type": "string", "pattern": f"^[0-9]{{{least},9}}$"}}
    for place, name, least in (("query", "after", 1), ("header", "Last-Event-ID", 0))
]
STREAM = {"description": "Server-sent events: `id` is the `seq`, `event` the kind, `data` an event as JSON"}


@router.get(
    "/{run_id}/events/stream",
    auth=None,  # the stream knows signed-in people as well as tokens, and does not forget to ask again
    response={204: None, **documented_responses(None, 404, 422)},
    openapi_extra={
        **documented_content("text/event-stream", schema=STREAM),
        "parameters": PLACES,
        "security": [{"Bearer": []}],
    },
)
async def events_stream(request: HttpRequest, run_id: RunId) -> HttpResponseBase:
    """Events as they happen (`id` is the `seq`), after the one named. Ends when the run has ended."""
    return await stream(request, run_id)
