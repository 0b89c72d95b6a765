from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connection
from psycopg.conninfo import make_conninfo

from bench.record import Record

NAMES = {"dbname": "NAME", "user": "USER", "host": "HOST", "port": "PORT", "password": "PASSWORD"}


@pytest.fixture
def record() -> Iterator[Record]:
    """The bench's own connection, to the test's database."""
    settings = {name: connection.settings_dict[field] for name, field in NAMES.items()}
    opened = Record(make_conninfo("", **{name: value for name, value in settings.items() if value}))
    yield opened
    opened.close()
