"""Tables that several suites are held against."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

# How lengths of time are written and read, in Python and in the browser: rows of [given, expected].
DURATIONS: dict[str, list[Any]] = json.loads((Path(__file__).parent / "fixtures" / "durations.json").read_text())
