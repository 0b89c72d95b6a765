"""Files that steps left behind."""

from __future__ import annotations

from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.http import content_disposition_header
from ninja import Query, Router

from controlroom.api.auth import ApiRequest, may_view
from controlroom.api.events import visible_run
from controlroom.api.openapi import documented_content, documented_responses
from controlroom.api.paging import PageQuery, paginate
from controlroom.api.responses import json_response
from controlroom.api.schemas import ArtifactPage, RunId
from pulser.language.limits import ID_MAX
from pulser.language.numbers import whole_number
from runs.errors import NotFound
from runs.models import Artifact
from runs.queries.artifact_content import pieces
from runs.stream.event_json import rfc3339

router = Router(tags=["artifacts"])


@router.get("/{run_id}/artifacts", auth=may_view, response=documented_responses(ArtifactPage, 404, 422))
def index(request: ApiRequest, run_id: RunId, query: Query[PageQuery]) -> HttpResponse:
    """Artifacts of all steps, newest first."""
    run = visible_run(request, run_id)
    kept = Artifact.objects.filter(run=run).select_related("step")
    items, following = paginate(kept, query, bound_to={"run": run.pk})
    return json_response({"items": [_artifact_json(artifact) for artifact in items], "next": following})


def _artifact_json(artifact: Artifact) -> dict[str, object]:
    return {
        "id": artifact.pk,
        "step": artifact.step.key,
        "attempt": artifact.attempt,
        "name": artifact.name,
        "kind": artifact.kind,
        "media_type": artifact.media_type,
        "size": artifact.size,
        "sha256": artifact.sha256,
        "created_at": rfc3339(artifact.created_at),
    }


@router.get(
    "/{run_id}/artifacts/{artifact_id}/content",
    auth=may_view,
    response=documented_responses(None, 404),
    openapi_extra=documented_content("application/octet-stream", schema={"type": "string", "format": "binary"}),
)
def content(request: ApiRequest, run_id: RunId, artifact_id: str) -> HttpResponseBase:
    """The content of an artifact, always as a download."""
    run = visible_run(request, run_id)
    number = whole_number(artifact_id, at_most=ID_MAX) or 0
    artifact = Artifact.objects.filter(run=run, pk=number).first()
    if artifact is None or not artifact.content.storage.exists(str(artifact.content.name)):
        raise NotFound(f"artifact {artifact_id[:20]} not found, or its content was deleted")
    return StreamingHttpResponse(pieces(artifact.content), headers=_headers(artifact))


def _headers(artifact: Artifact) -> dict[str, str]:
    return {
        "Content-Type": "application/octet-stream",
        "Content-Disposition": content_disposition_header(True, artifact.name) or "attachment",
        "Content-Length": str(artifact.size),
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "X-Content-Type-Options": "nosniff",
        "ETag": f'"{artifact.sha256}"',
    }
