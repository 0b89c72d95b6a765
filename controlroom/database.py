"""DATABASE_URL as Django wants it. psycopg parses the URL, so whatever libpq takes works, unix sockets included."""

from __future__ import annotations

from typing import Any

from psycopg.conninfo import conninfo_to_dict

FIELDS = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}


def django_database(url: str, *, pool: int = 0) -> dict[str, Any]:
    """Settings of one PostgreSQL database.

    `pool`: at most so many connections in this process, shared by its threads; 0 keeps one connection per thread.
    Raises psycopg.ProgrammingError for text that is no connection string.
    """
    given = conninfo_to_dict(url)
    settings: dict[str, Any] = {"ENGINE": "django.db.backends.postgresql", "CONN_HEALTH_CHECKS": True}
    settings |= {name: str(given.pop(field)) for field, name in FIELDS.items() if field in given}
    options: dict[str, Any] = {"connect_timeout": 5, "application_name": "controlroom"} | given
    if pool:
        options["pool"] = {"min_size": 1, "max_size": pool, "timeout": 10}
    settings["CONN_MAX_AGE"] = 0 if pool else None
    settings["OPTIONS"] = options
    return settings
