"""The REST API, version 1. One noun, one file; each call finds, asks one verb, and answers."""

from __future__ import annotations

from controlroom.api import artifacts, events, hooks, lanes, logs, plans, problems, run_commands, runs, sessions, status
from controlroom.api.openapi import ControlRoomApi

DESCRIPTION = """
Start, watch, retry, approve and archive runs. Send `Authorization: Bearer <token>`.

Times are RFC 3339 in UTC. Lists are newest first; `next` is the `cursor` of the next page. Errors are problem
documents (RFC 9457), with `errors` for each invalid value.
"""

api = ControlRoomApi(
    title="Control Room",
    version="1",
    description=DESCRIPTION.strip(),
    docs_url=None,  # the pages stand at /api/docs, beside the versions
    urls_namespace="api",
)
api.add_router("/hooks", hooks.router)
for router in (runs.router, run_commands.router, events.router, logs.router, artifacts.router):
    api.add_router("/runs", router)
api.add_router("/sessions", sessions.router)
api.add_router("/plans", plans.router)
api.add_router("/lanes", lanes.router)
api.add_router("/status", status.router)
problems.register(api)
