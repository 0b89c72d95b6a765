"""A control room of the fuzzer's own: web, workers, sweeper, as `make up` starts them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from fuzz.target import Target


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    from fuzz.target import target

    with target() as ours:
        yield ours
