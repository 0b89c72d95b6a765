from __future__ import annotations

import pytest

from tests.live import committed, no_poll, quick_poll  # noqa: F401  (fixtures)


@pytest.fixture(autouse=True)
def news_by_hints(no_poll: None) -> None:  # noqa: F811  (the fixture)
    """However long a test waits, a poll does not help it; one that is about polls asks for `quick_poll`."""
