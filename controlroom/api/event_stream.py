"""Server-sent events: the log of one run as a stream, for programs and for browsers' EventSource."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Sequence
from http import HTTPStatus

from channels.db import database_sync_to_async
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from controlroom.http.callers import caller_of_request
from controlroom.http.problems import InvalidRequest, NotAuthenticated, Unavailable, error_response
from pulser.language.limits import NUMBER_MAX
from pulser.language.numbers import whole_number
from runs.accounts.callers import Caller
from runs.errors import Forbidden, NotFound, RunError
from runs.models import Run
from runs.stream import feed
from runs.stream.event_json import dumps
from runs.stream.refusals import Refusal
from runs.stream.topics import Subscription

PING_INTERVAL = 15.0  # seconds


async def stream(request: HttpRequest, run_id: str | uuid.UUID) -> HttpResponseBase:
    """`GET .../events/stream?after=SEQ`: each event with its `id`, `event` and `data`, until the run has ended.

    `id` is the seq, `event` the kind, `data` JSON. `Last-Event-ID` goes before `after`. A browser that comes back to a
    run with nothing left to say gets 204, which tells its EventSource to stop. Errors are problem documents: 401,
    403, 404, 422.
    """
    try:
        caller = await database_sync_to_async(caller_of_request)(request)
        run = await _find_run(run_id, caller)
        resumed, asked = request.headers.get("Last-Event-ID", ""), request.GET.get("after", "0")
        for seq in (resumed or "0", asked):
            if whole_number(seq, at_most=NUMBER_MAX) is None:
                raise InvalidRequest(f"Expected the seq of an event, got {seq[:40]!r}.")
    except RunError as error:
        return error_response(request, error)
    after = int(resumed or asked)
    if resumed and run.is_finished and run.seq <= after:
        return HttpResponse(status=HTTPStatus.NO_CONTENT)
    response = StreamingHttpResponse(_events(str(run.pk), caller, after=after), content_type="text/event-stream")
    response["Cache-Control"] = "no-store"
    response["X-Accel-Buffering"] = "no"
    return response


async def _find_run(run_id: str | uuid.UUID, caller: Caller) -> Run:
    """Raises NotAuthenticated, Forbidden, Unavailable, NotFound."""
    if not caller.actor.can_view:
        if caller.actor.name:
            raise Forbidden("This requires the role viewer, operator or admin.")
        raise NotAuthenticated("A valid bearer token is required.")
    if feed.current().is_full:
        raise Unavailable("Too many viewers on this server; try again in a few seconds.")
    runs = Run.objects.visible_to(caller.actor).only("status", "seq")
    try:
        run = await runs.filter(pk=uuid.UUID(str(run_id))).afirst()
    except ValueError:
        run = None
    if run is None:
        raise NotFound(f"Run {str(run_id)[:100]} not found.")
    return run


async def _events(run_id: str, caller: Caller, *, after: int) -> AsyncIterator[str]:
    """Subscribe first, read second; a comment at once, so that the client knows it is connected, and in silence."""
    source = feed.current()
    async with source.watching(run_id, caller) as watch:
        yield ": connected\n\n"
        while True:
            batch = await source.events(watch, run_id, after=after)
            if batch is None:
                return
            if batch.events:
                yield _lines(batch.events)
            after = batch.seq
            if batch.is_last:
                return
            while not batch.more and (news := await _wait(watch)) != NEWS:
                if news == GONE:
                    return
                yield ": ping\n\n"


NEWS, SILENCE, GONE = "news", "silence", "gone"


async def _wait(watch: Subscription) -> str:
    try:
        async with asyncio.timeout(PING_INTERVAL):  # not `wait_for`, which may swallow that the client has gone
            await watch.news()
    except TimeoutError:
        return SILENCE
    except Refusal:
        return GONE
    return NEWS


def _lines(events: Sequence[dict[str, object]]) -> str:
    return "".join(f"id: {event['seq']}\nevent: {event['kind']}\ndata: {dumps(event)}\n\n" for event in events)
