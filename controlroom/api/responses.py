"""Answers of the API: any value as JSON, a run as it stands, a run that a call started."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.http import HttpResponse

from controlroom.api.run_json import new_run, run_json
from pulser.catalogue import compiled_plan
from runs.accounts.actors import Actor
from runs.commands.start import StartResult
from runs.errors import NotFound


def run_id_of(text: str) -> str:
    """The id in its canonical form. Raises NotFound for text that is no UUID."""
    try:
        return str(UUID(text))
    except ValueError:
        raise NotFound(f"run {text[:100]} not found") from None


def json_response(value: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> HttpResponse:
    """A JSON answer of plain values; text is taken as JSON that is made already."""
    content = value if isinstance(value, str) else json.dumps(value)
    return HttpResponse(content, status=status, content_type="application/json", headers=dict(headers or {}))


def run_response(run_id: str, *, actor: Actor, created: bool = False, status: int = 200) -> HttpResponse:
    """The run as it stands; a new one with its place. Raises NotFound."""
    return json_response(
        run_json(run_id, actor=actor), status=status, headers=_location_header(run_id) if created else None
    )


def started_run_response(started: StartResult, *, actor: Actor, status: int) -> HttpResponse:
    """The run that a call started, or had started before; `status` is for a new one."""
    run = started.run
    if not started.created:
        return run_response(str(run.pk), actor=actor)
    return json_response(
        new_run(run, compiled_plan(run.plan_version_id).nodes), status=status, headers=_location_header(str(run.pk))
    )


def _location_header(run_id: str) -> dict[str, str]:
    return {"Location": f"/api/v1/runs/{run_id}"}
