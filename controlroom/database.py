"""DATABASE_URL as Django wants it. psycopg parses the URL, so whatever libpq takes works, unix sockets included."""

from __future__ import annotations

from typing import Any

from psycopg.conninfo import conninfo_to_dict

FIELDS = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
POOL_TIMEOUT_S = 5.0  # in which a request gets a connection; then it is answered 503
WEB = "controlroom-web"
# The plan for any values walks a long way for some, and web asks for lists by all kinds of them.
PLANNED_EACH_TIME = "-c plan_cache_mode=force_custom_plan"
# A peer that has gone without a word is noticed within a lease; over a unix socket libpq takes no notice of these.
HEARTBEAT = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 25_000}

process_name = "controlroom"  # as `pg_stat_activity.application_name` shows it


def serve_web() -> None:
    """This process answers requests with many threads: they share a pool. Say so before the settings are read.

    Workers never have one: they fork, and a pool's sockets must not be shared by two processes.
    """
    global process_name  # noqa: PLW0603  (a process is of one kind)
    process_name = WEB


def is_web() -> bool:
    return process_name == WEB


def set_application_name(name: str) -> None:
    """Show this process to PostgreSQL under that name, from its next connection on."""
    from django.db import connections

    connections.settings["default"]["OPTIONS"]["application_name"] = name


def django_database(url: str, *, pool: int = 0) -> dict[str, Any]:
    """Settings of one PostgreSQL database.

    `pool`: at most so many connections in this process, shared by its threads; 0 keeps one connection per thread.
    Raises psycopg.ProgrammingError for text that is no connection string.
    """
    given = conninfo_to_dict(url)
    settings: dict[str, Any] = {"ENGINE": "django.db.backends.postgresql", "CONN_HEALTH_CHECKS": True}
    settings |= {name: str(given.pop(field)) for field, name in FIELDS.items() if field in given}
    options: dict[str, Any] = {
        "server_side_binding": True,  # values apart from the text: PostgreSQL can keep what it read of a statement
        "prepare_threshold": 3,  # uses of a statement on a connection, until it is kept
        "connect_timeout": 5,
        **HEARTBEAT,
        "application_name": process_name,
    } | given
    if pool:
        options["pool"] = {"min_size": 1, "max_size": pool, "timeout": POOL_TIMEOUT_S}
        options["options"] = f"{PLANNED_EACH_TIME} {given.get('options', '')}".rstrip()
    settings["CONN_MAX_AGE"] = 0 if pool else None
    settings["OPTIONS"] = options
    return settings
