"""Callers of the API, and counts of what is stored."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.in_process import (  # noqa: F401  (fixtures)
    asked_to_end,
    delete_instead_of_truncate,
    end_connections_of_other_threads,
    this_process_goes_on,
)
from tests.live import committed, no_poll, quick_poll  # noqa: F401  (fixtures)

if TYPE_CHECKING:
    from tests.controlroom.api.callers import Caller


@pytest.fixture(autouse=True)
def defaults(db: None) -> None:
    """What every control room has from the start; tests on committed data, which empty all tables, take it away."""
    from tests.factories import make_lane, make_session

    make_session()
    for position, name in enumerate("ABCD"):
        make_lane(name, position=position)


@pytest.fixture
def operator(db: None) -> Caller:
    from tests.controlroom.api.callers import as_role

    return as_role("operator")


@pytest.fixture
def viewer(db: None) -> Caller:
    from tests.controlroom.api.callers import as_role

    return as_role("viewer")


@pytest.fixture
def nobody(db: None) -> Caller:
    from tests.controlroom.api.callers import Caller

    return Caller()


Rows = Callable[[], tuple[int, ...]]


@pytest.fixture
def rows(db: None) -> Rows:
    """Counts of everything that a call could store."""
    from pulser.models import Plan, PlanVersion
    from runs.models import Event, Lane, Run, Session, Step

    models = (Plan, PlanVersion, Run, Step, Event, Lane, Session)
    return lambda: tuple(model._default_manager.count() for model in models)
