"""`first_run`: run the plan *checkup* on this checkout and say how it goes. `controlroom up` runs it at each start."""

from __future__ import annotations

import time
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from controlroom.env import env_bool, env_int, env_str
from pulser.catalogue import compiled_plan
from pulser.engine.states import STEP_ENDED
from runs.accounts.actors import SYSTEM
from runs.commands.start import find_version, start_run
from runs.errors import RunError
from runs.models import Run, Step

PLAN = "checkup"
TIMEOUT_S = 120.0
LOOK_EVERY_S = 0.2


class Command(BaseCommand):
    help = "Run the demo plan checkup on this checkout and print how each step ends."
    requires_system_checks = []  # they would load every page and call

    def handle(self, *args: Any, **options: Any) -> None:
        """Raises CommandError only when the run cannot be started: how it ends is for the reader to judge."""
        if not env_bool("CONTROLROOM_DEMO", default=True):
            return
        try:
            run = start()
        except RunError as error:
            raise CommandError(f"the demo was not started: {error.message}") from error
        if run.lane.paused:
            self.say(f"Checkup of this checkout: queued, because lane {run.lane} is paused  {run_url(run)}")
        else:
            self.follow(run)

    def follow(self, run: Run) -> None:
        """Print each step as it ends, until the run has ended or the patience is over."""
        told: set[str] = set()
        ends_at = time.monotonic() + TIMEOUT_S
        while time.monotonic() < ends_at:
            run.refresh_from_db(fields=["status", "reason", "finished_at"])
            self.tell_steps(run, told)
            if run.is_finished:
                break
            time.sleep(LOOK_EVERY_S)
        self.tell_end(run)

    def tell_steps(self, run: Run, told: set[str]) -> None:
        ended = Step.objects.filter(run=run).in_status(*STEP_ENDED).exclude(key__in=told).in_plan_order()
        for step in ended:
            told.add(step.key)
            self.say(f"  {step.key:<10} {step.status}" + (f"  ({step.reason})" if step.reason else ""))

    def tell_end(self, run: Run) -> None:
        took = f" after {(run.finished_at - run.created_at).total_seconds():.1f} s" if run.finished_at else " still"
        why = f" ({run.reason})" if run.reason else ""
        self.say(f"Checkup of this checkout: {run.status}{took}{why}  {run_url(run)}")

    def say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


def start() -> Run:
    """A run of the plan as it is now. The checkout may have moved since the plan was stored, so its place is said."""
    version = find_version(PLAN)
    has_path = "path" in compiled_plan(version.pk).plan.params.get("properties", {})
    params = {"path": str(settings.BASE_DIR)} if has_path else {}
    return start_run(version, params=params, actor=SYSTEM, trigger="demo").run


def run_url(run: Run) -> str:
    """Where the run's page is, seen from this machine."""
    bind = env_str("CONTROLROOM_BIND", default="127.0.0.1")
    host = "127.0.0.1" if bind in ("0.0.0.0", "::") else bind  # noqa: S104 (an address to show, not to listen on)
    return f"http://{f'[{host}]' if ':' in host else host}:{env_int('CONTROLROOM_PORT', default=8000)}/runs/{run.pk}"
