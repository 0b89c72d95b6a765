"""The digest that names one state of a plan."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def digest(document: dict[str, Any]) -> str:
    """`sha256:` and the hex digest over canonical JSON: keys sorted, no spaces, UTF-8."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
