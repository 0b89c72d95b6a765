"""What the moves tell the rest of the house, after commit."""

from __future__ import annotations

from django.dispatch import Signal

work_ready = Signal()
"""Steps or runs may be claimed. Arguments: `run_id`, `count` (how many steps at least)."""
