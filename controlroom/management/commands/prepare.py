"""`prepare`: make the database ready to serve. `controlroom up` runs it at each start."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.core.checks import Tags
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import connection

from controlroom import demo, seed
from controlroom.env import env_bool, env_str
from runs.bulk.plan import ensure_plan

LOCK = 0x70726570  # an advisory lock of this database; any number that nobody else uses


class Command(BaseCommand):
    help = "Migrate the database and create missing roles, admin, tokens and demo plans."
    requires_system_checks = [Tags.compatibility, Tags.files]  # of settings; those of code are for the tests

    def handle(self, *args: Any, **options: Any) -> None:
        with one_at_a_time():
            call_command("migrate", interactive=False, verbosity=0)
            seed.ensure_defaults()
            ensure_plan()
            seed.ensure_roles()
            seed.ensure_admin(password=env_str("CONTROLROOM_ADMIN_PASSWORD"), say=self.say)
            seed.ensure_environment_token(settings.CONTROLROOM_API_TOKEN, say=self.say)
            seed.ensure_cli_token(settings.DATA_DIR / "cli-token")
            if env_bool("CONTROLROOM_DEMO", default=True):
                self.seed_plans()

    def seed_plans(self) -> None:
        if stored := demo.seed(settings.BASE_DIR):
            self.say(f"Demo plans: {', '.join(stored)}")

    def say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Two control rooms that start on one database prepare it one after the other."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
