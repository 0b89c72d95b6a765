"""What may be done to a run: each verb has its own call, and answers the run."""

from __future__ import annotations

from django.http import HttpResponse
from ninja import Router

from controlroom.api.auth import ApiRequest, may_operate, may_view
from controlroom.api.events import visible_run
from controlroom.api.openapi import documented_body, documented_responses
from controlroom.api.request_body import read_json_body
from controlroom.api.responses import run_response
from controlroom.api.schemas import Decision, RetryRun, RunId, RunOut
from controlroom.http.problems import invalid_at
from runs import commands
from runs.commands.start import restart
from runs.errors import NotFound
from runs.models import Run

router = Router(tags=["runs"], by_alias=True)

MOVED = documented_responses(RunOut, 404, 409)
DECIDED = documented_responses(RunOut, 404, 409, 413, 415, 422)
FROM_START = "start"


def run_to_move(request: ApiRequest, run_id: str) -> str:
    """The id of a run that the caller may see. Raises NotFound."""
    return str(visible_run(request, run_id).pk)


@router.post(
    "/{run_id}/retry",
    auth=may_operate,
    response={201: RunOut, **documented_responses(RunOut, 404, 409, 413, 415, 422)},
    openapi_extra=documented_body(RetryRun, required=False),
)
def retry(request: ApiRequest, run_id: RunId) -> HttpResponse:
    """Retry the failed steps (200), or, with `from: start`, `params` or `version`, start a linked new run (201)."""
    run_id, wanted = run_to_move(request, run_id), read_json_body(request, RetryRun)
    if wanted.params is None and wanted.version is None and wanted.from_ != FROM_START:
        commands.retry(run_id, actor=request.auth, start=wanted.from_)
        return run_response(run_id, actor=request.auth)
    if wanted.from_ not in {None, FROM_START}:
        raise invalid_at("body.from", "other params or another version start a new run: leave `from` out")
    run = Run.objects.visible_to(request.auth).with_context().filter(pk=run_id).first()
    if run is None:
        raise NotFound(f"run {run_id} not found")
    new = restart(run, actor=request.auth, params=wanted.params, version=wanted.version)
    return run_response(str(new.pk), actor=request.auth, created=True, status=201)


@router.post("/{run_id}/cancel", auth=may_operate, response=MOVED)
def cancel(request: ApiRequest, run_id: RunId) -> HttpResponse:
    """Cancel a run; a second request skips its `finally` steps."""
    run_id = run_to_move(request, run_id)
    commands.cancel(run_id, actor=request.auth)
    return run_response(run_id, actor=request.auth)


@router.post("/{run_id}/archive", auth=may_operate, response=MOVED)
def archive(request: ApiRequest, run_id: RunId) -> HttpResponse:
    """Archive an ended run."""
    run_id = run_to_move(request, run_id)
    commands.archive(run_id, actor=request.auth)
    return run_response(run_id, actor=request.auth)


@router.post("/{run_id}/unarchive", auth=may_operate, response=MOVED)
def unarchive(request: ApiRequest, run_id: RunId) -> HttpResponse:
    """Unarchive a run."""
    run_id = run_to_move(request, run_id)
    commands.unarchive(run_id, actor=request.auth)
    return run_response(run_id, actor=request.auth)


# Who may decide is said by the step itself, so the verbs check the role.
@router.post(
    "/{run_id}/steps/{step}/approve",
    auth=may_view,
    response=DECIDED,
    openapi_extra=documented_body(Decision, required=False),
)
def approve(request: ApiRequest, run_id: RunId, step: str) -> HttpResponse:
    """Approve a waiting step."""
    run_id, wanted = run_to_move(request, run_id), read_json_body(request, Decision)
    commands.approve(run_id, step, actor=request.auth, comment=wanted.comment)
    return run_response(run_id, actor=request.auth)


@router.post(
    "/{run_id}/steps/{step}/reject",
    auth=may_view,
    response=DECIDED,
    openapi_extra=documented_body(Decision, required=False),
)
def reject(request: ApiRequest, run_id: RunId, step: str) -> HttpResponse:
    """Reject a waiting step."""
    run_id, wanted = run_to_move(request, run_id), read_json_body(request, Decision)
    commands.reject(run_id, step, actor=request.auth, comment=wanted.comment)
    return run_response(run_id, actor=request.auth)
