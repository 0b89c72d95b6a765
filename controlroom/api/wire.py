"""Answers of the API: any value as JSON, a run as it stands, a run that a call started."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.http import HttpResponse

from controlroom.api.run_json import new_run, run_text
from pulser.catalogue import graph_of
from runs.accounts.actors import Actor
from runs.commands.start import Started
from runs.errors import NotThere


def run_id_of(text: str) -> str:
    """The id in its canonical form. Raises NotThere for text that is no UUID."""
    try:
        return str(UUID(text))
    except ValueError:
        raise NotThere(f"there is no run {text[:100]}") from None


def answer(value: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> HttpResponse:
    """A JSON answer of plain values; text is taken as JSON that is made already."""
    content = value if isinstance(value, str) else json.dumps(value)
    return HttpResponse(content, status=status, content_type="application/json", headers=dict(headers or {}))


def answer_run(run_id: str, *, actor: Actor, created: bool = False, status: int = 200) -> HttpResponse:
    """The run as it stands; a new one with its place. Raises NotThere."""
    return answer(run_text(run_id, actor=actor), status=status, headers=_place(run_id) if created else None)


def answer_started(started: Started, *, actor: Actor, status: int) -> HttpResponse:
    """The run that a call started, or had started before; `status` is for a new one."""
    run = started.run
    if not started.created:
        return answer_run(str(run.pk), actor=actor)
    return answer(new_run(run, graph_of(run.plan_version_id).nodes), status=status, headers=_place(str(run.pk)))


def _place(run_id: str) -> dict[str, str]:
    return {"Location": f"/api/v1/runs/{run_id}"}
