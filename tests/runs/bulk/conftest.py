from __future__ import annotations

from tests.runs.execution.conftest import quick_looks

__all__ = ["quick_looks"]
