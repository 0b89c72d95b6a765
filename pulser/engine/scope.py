"""What expressions of a plan see beside its steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pulser.engine.graph import Graph


def run_scope(graph: Graph, *, run_id: str, title: str, params: Mapping[str, Any], environment: str) -> dict[str, Any]:
    """`params` and `run`."""
    run = {
        "id": run_id,
        "title": title,
        "environment": environment,
        "plan": graph.plan.slug,
        "version": graph.version,
    }
    return {"params": params, "run": run}
