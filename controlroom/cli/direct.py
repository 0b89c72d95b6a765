"""For the few commands that need the database itself, on the machine of the control room."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from controlroom.cli.client import Unreachable
from controlroom.env import data_dir


@contextmanager
def database() -> Iterator[None]:
    """Inside, Django is set up on DATABASE_URL, or on the embedded database of the data directory while it runs.

    Raises Unreachable when the database does not answer.
    """
    os.environ.setdefault("DATABASE_URL", _embedded_url())
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlroom.settings")
    import django
    from django.db import InterfaceError, OperationalError, ProgrammingError

    django.setup()
    try:
        yield
    except (InterfaceError, OperationalError, ProgrammingError) as error:
        raise Unreachable(f"the database does not answer: {error}; is the control room up?") from error


def _embedded_url() -> str:
    from controlroom.stack.postgres import EmbeddedPostgres

    return EmbeddedPostgres(data_dir()).url
