"""What steps wrote, as it came."""

from __future__ import annotations

from typing import Literal

from django.db.models import QuerySet
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from ninja import Field, Query, Router, Schema

from controlroom.api.auth import ApiRequest, may_view
from controlroom.api.events import visible_run
from controlroom.api.openapi import documented_content, documented_responses
from controlroom.api.responses import json_response
from controlroom.api.schemas import LogPage, RunId
from pulser.language import limits
from runs.errors import NotFound
from runs.models import LogChunk, Step
from runs.queries.logs.chunks import log_chunks
from runs.queries.logs.raw import raw_log
from runs.stream.event_json import rfc3339

router = Router(tags=["logs"])


class LogQuery(Schema):
    step: str | None = Field(None, max_length=limits.SLUG_CHARS, description="Only this step")
    after: int = Field(0, ge=0, le=2**63 - 1, description="`next` of the previous page")
    limit: int = Field(limits.PAGE_DEFAULT, ge=1, le=limits.PAGE_MAX)
    format: Literal["json", "text"] = "json"


@router.get(
    "/{run_id}/log",
    auth=may_view,
    response=documented_responses(LogPage, 404, 422),
    openapi_extra=documented_content("text/plain"),
)
def show(request: ApiRequest, run_id: RunId, query: Query[LogQuery]) -> HttpResponseBase:
    """Chunks of output in their order; with `format=text` the raw bytes, all of them."""
    run = visible_run(request, run_id)
    if query.step is not None and not Step.objects.filter(run=run, key=query.step).exists():
        raise NotFound(f"step {query.step} not found")
    chunks = log_chunks(run.pk, after=query.after)
    chunks = chunks if query.step is None else chunks.filter(attempt__step__key=query.step)
    if query.format == "text":
        return StreamingHttpResponse(raw_log(chunks), content_type="text/plain; charset=utf-8")
    return _page(chunks, query)


def _page(chunks: QuerySet[LogChunk], query: LogQuery) -> HttpResponse:
    found = list(chunks[: query.limit + 1])
    items = _settled(found[: query.limit])
    last = items[-1].pk if items else query.after
    following = str(last) if len(found) > len(items) else None
    return json_response({"items": [_chunk_json(chunk) for chunk in items], "next": following})


def _settled(chunks: list[LogChunk]) -> list[LogChunk]:
    """Up to the first chunk that may still get a predecessor; whoever reads on from the last id misses nothing."""
    stop = next((index for index, chunk in enumerate(chunks) if not chunk.settled), len(chunks))  # type: ignore[attr-defined]
    return chunks[:stop]


def _chunk_json(chunk: LogChunk) -> dict[str, object]:
    return {
        "step": chunk.attempt.step.key,
        "attempt": chunk.attempt.number,
        "offset": chunk.offset,
        "stream": chunk.stream,
        "text": chunk.text,
        "at": rfc3339(chunk.at),
    }
