"""Plans whose steps are really performed, written as short as they can be."""

from __future__ import annotations

import json
from typing import Any


def shell(key: str, script: str, *needs: str, **fields: Any) -> dict[str, Any]:
    """A step that runs a script; `if_` stands for the key `if`."""
    if "if_" in fields:
        fields["if"] = fields.pop("if_")
    return {"id": key, "uses": "shell", "needs": list(needs), "with": {"run": script}, **fields}


def plan(*steps: dict[str, Any], finals: tuple[dict[str, Any], ...] = (), **fields: Any) -> str:
    """The document of a plan, as JSON."""
    return json.dumps({"pulser": 1, "slug": "drill", "steps": list(steps), "finally": list(finals), **fields})


ONCE = {"max_attempts": 1}
