"""What steps left: listed, previewed, downloaded. A file is never shown as a page of ours: it may be any HTML."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import content_disposition_header

from controlroom.web.pages.access import PageRequest, signed_in
from controlroom.web.pages.responses import render_page
from controlroom.web.pages.run_at_event import files_of, find_run
from controlroom.web.previews.preview import preview as preview_of
from pulser.language.limits import NUMBER_MAX
from pulser.language.numbers import whole_number
from runs.models import Artifact
from runs.queries.artifact_content import IMAGES, SNIFFED, FileMissing, media_type_of, pieces, read_head

# Whatever a browser makes of the bytes, it runs nothing and loads nothing. `attachment` keeps it from opening them; an
# <img> draws them all the same.
SEALED: Mapping[str, str] = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@signed_in
def artifacts(request: PageRequest, run_id: UUID) -> HttpResponse:
    """The list alone, to be swapped in place: the first ones, or with `?all=1` however many there are."""
    run = find_run(request, run_id)
    cut = ":" if request.GET.get("all") else ""
    return render(request, "runs/_artifacts.html", {"run": run, "artifacts": files_of(run), "files_cut": cut})


@signed_in
def preview(request: PageRequest, run_id: UUID, artifact_id: int) -> HttpResponse:
    """What can be shown of it in the list."""
    artifact = _find_artifact(request, run_id, artifact_id)
    context = {"run": artifact.run, "artifact": artifact, "shown": preview_of(artifact)}
    return render(request, "runs/_artifact_preview.html", context)


@signed_in
def artifact_page(request: PageRequest, run_id: UUID, artifact_id: int) -> HttpResponse:
    """The same with more of it, on a page of its own."""
    artifact = _find_artifact(request, run_id, artifact_id)
    shown = preview_of(artifact, is_full=True)
    return render_page(request, "runs/artifact.html", run=artifact.run, artifact=artifact, shown=shown)


@signed_in
def named(request: PageRequest, run_id: UUID) -> HttpResponse:
    """To the page of the artifact with this step, attempt and name: an event knows no more of it."""
    asked = {key: request.GET.get(key, "").replace("\0", "") for key in ("step", "attempt", "name")}
    attempt = whole_number(asked["attempt"], at_most=NUMBER_MAX)
    if attempt is None:
        raise Http404("attempt: expected a number")
    wanted = {"step__key": asked["step"], "attempt": attempt, "name": asked["name"]}
    artifact = get_object_or_404(Artifact, run=find_run(request, run_id), **wanted)
    return redirect("run_artifact_page", run_id, artifact.pk)


@signed_in
def image(request: PageRequest, run_id: UUID, artifact_id: int) -> HttpResponseBase:
    """Its bytes for an <img>, with the type that they have; 404 when they are no image."""
    artifact = _find_artifact(request, run_id, artifact_id)
    media_type = _media_type(artifact)
    if media_type not in IMAGES.values():
        raise Http404(f"{artifact.name} is not an image")
    return _with_sandbox_policy(artifact, media_type)


@signed_in
def download(request: PageRequest, run_id: UUID, artifact_id: int) -> HttpResponseBase:
    artifact = _find_artifact(request, run_id, artifact_id)
    return _with_sandbox_policy(artifact, _media_type(artifact))


def _find_artifact(request: PageRequest, run_id: UUID, artifact_id: int) -> Artifact:
    run = find_run(request, run_id)
    artifact = get_object_or_404(Artifact.objects.select_related("step"), run=run, pk=artifact_id)
    artifact.run = run
    return artifact


def _media_type(artifact: Artifact) -> str:
    """By its bytes, not by its name. Raises Http404 when the storage has lost the file."""
    try:
        return media_type_of(read_head(artifact, at_most=SNIFFED).data)
    except FileMissing as error:
        raise Http404(str(error)) from None


def _with_sandbox_policy(artifact: Artifact, media_type: str) -> StreamingHttpResponse:
    response = StreamingHttpResponse(pieces(artifact.content), content_type=media_type, headers=dict(SEALED))
    response["Content-Length"] = str(artifact.content.size)
    response["Content-Disposition"] = content_disposition_header(True, artifact.name) or "attachment"
    response["ETag"] = f'"{artifact.sha256}"'
    response["Cache-Control"] = "private, max-age=3600, immutable"
    return response
