"""Downloads. What a step left is never shown as a page of ours: it may be any HTML."""

from __future__ import annotations

from uuid import UUID

from django.http import FileResponse, Http404
from django.shortcuts import get_object_or_404

from runs.models import Artifact, Run
from runs.views.access import PageRequest, signed_in


@signed_in
def download(request: PageRequest, run_id: UUID, artifact_id: int) -> FileResponse:
    run = get_object_or_404(Run.objects.visible_to(request.actor), pk=run_id)
    artifact = get_object_or_404(Artifact, run=run, pk=artifact_id)
    response = FileResponse(_content(artifact), as_attachment=True, filename=artifact.name)
    response["Content-Type"] = artifact.media_type
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


def _content(artifact: Artifact) -> object:
    """Raises Http404 when the storage has lost the file."""
    try:
        return artifact.content.open("rb")
    except OSError:
        raise Http404(f"the content of {artifact.name} is gone") from None
