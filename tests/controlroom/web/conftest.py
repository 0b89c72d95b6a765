from __future__ import annotations

from tests.in_process import (  # noqa: F401  (fixtures)
    asked_to_end,
    delete_instead_of_truncate,
    end_connections_of_other_threads,
    this_process_goes_on,
)
