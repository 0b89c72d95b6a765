from __future__ import annotations

from tests.live import committed, daphne, no_poll, quick_poll  # noqa: F401  (fixtures)
