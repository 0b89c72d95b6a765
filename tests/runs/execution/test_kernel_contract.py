"""The kernel with the reporter of a Celery worker, which writes to the database."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection, connections

from pulser.catalogue import compiled_plan
from pulser.kernel.assignment import Assignment
from runs.commands import cancel
from runs.execution.assigning import assign
from runs.execution.reporter import DatabaseReporter
from runs.models import Artifact, Proof, Run, Step
from runs.transitions import lose_lease
from tests.factories import make_actor, start
from tests.pulser.kernel.contract import FUNCTIONS, KernelContract, Result
from tests.runs.execution.plans import ONCE, plan, shell
from tests.runs.helpers import ALICE, assert_log_folds_to_rows, attempts_of, claimed, let_leases_run_out, log_of

HANG_UP = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
WORDS = {"success": "success", "error": "failure", "cancelled": "stopped", "handed_back": "handed_back"}


class DatabaseBackend:
    """A run of one step that a worker has claimed."""

    run: Run

    def assign(self, tool: str, arguments: dict[str, Any], **fields: Any) -> tuple[Assignment, DatabaseReporter]:
        self.run = start(plan(shell("step", "true", retry=ONCE)))
        claim = claimed(self.run, ALICE)
        graph = compiled_plan(claim.version_id)
        assignment = replace(assign(claim, graph), tool=tool, arguments=arguments, **fields)
        return assignment, DatabaseReporter(claim, graph, effect=assignment.effect, go_on=lambda: True)

    def cancel(self) -> None:
        cancel(str(self.run.pk), actor=make_actor())

    def lose(self) -> None:
        let_leases_run_out(self.run)
        assert lose_lease(str(self.run.pk), "step", number=1)

    def disconnect(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(HANG_UP)

    def leave_thread(self) -> None:
        connections.close_all()

    def result(self) -> Result:
        step, attempt = self.run.steps.get(), attempts_of(self.run, "step")[0]
        is_waiting = step.status == "waiting"
        files = Artifact.objects.filter(run=self.run)
        return Result(
            outcome="suspended" if is_waiting else WORDS.get(attempt.outcome, ""),
            outputs=step.outputs,
            error_class=attempt.error_class,
            message=attempt.error_message,
            exit_code=attempt.exit_code,
            verdicts=list(
                Proof.objects.filter(step=step).order_by("position").values_list("verifier", "passed", "required")
            ),
            files={file.name: file.content.read() for file in files},
            log=log_of(self.run, "step"),
            log_bytes=attempt.log_bytes,
            log_cut=attempt.log_cut,
            progress=_progress_of(step),
            process_group=attempt.process_group,
            wait=(step.wait_kind, step.wait_role, step.on_timeout, step.wait_message) if is_waiting else None,
        )


def _progress_of(step: Step) -> tuple[int, int] | None:
    if step.progress_done is None or step.progress_total is None:
        return None
    return step.progress_done, step.progress_total


@pytest.mark.django_db(transaction=True)
class TestDatabaseReporter(KernelContract):
    @pytest.fixture
    def backend(self, settings: Any) -> Iterator[DatabaseBackend]:
        settings.TOOL_SETTINGS = settings.TOOL_SETTINGS | {"python_functions": [f"{FUNCTIONS}:*"]}
        backend = DatabaseBackend()
        yield backend
        assert_log_folds_to_rows(backend.run)
