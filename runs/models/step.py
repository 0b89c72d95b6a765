from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from pulser.engine.states import RUN_OPEN, STEP_BUSY, STEP_ENDED, STEP_OPEN, StepStatus
from pulser.language import limits
from runs.models.choices import STEP_STATUSES, status_values
from runs.models.run import Run

if TYPE_CHECKING:
    from runs.accounts.actors import Actor


class StepQuerySet(models.QuerySet["Step"]):
    def in_status(self, *statuses: str) -> Self:
        return self.filter(status__in=statuses)

    def unfinished(self) -> Self:
        """Found by way of their runs: those that are open are few."""
        return self.filter(status__in=STEP_OPEN, run__status__in=RUN_OPEN)

    def awaiting_anyone(self) -> Self:
        """Waiting for a person, and not for a timer."""
        return self.in_status(StepStatus.WAITING).exclude(wait_role="")

    def awaiting(self, actor: Actor) -> Self:
        """Waiting for a person, and this one may decide."""
        waiting = self.awaiting_anyone()
        return waiting if actor.is_admin else waiting.filter(wait_role__in=actor.roles)

    def in_plan_order(self) -> Self:
        return self.order_by("position")


class Step(models.Model):
    """A node of a run. `key` is its id in the plan; `attempt` is the fence that each write of a worker carries."""

    # `step_key_once_per_run` begins with it: an index of its own would only cost each write.
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="steps", db_index=False)
    key = models.CharField(max_length=limits.SLUG_CHARS)
    position = models.PositiveSmallIntegerField()
    is_finally = models.BooleanField(default=False)
    needs = ArrayField(models.CharField(max_length=limits.SLUG_CHARS), default=list)
    open_needs = models.PositiveSmallIntegerField(default=0)
    status = models.CharField(max_length=20, choices=STEP_STATUSES, default=StepStatus.PENDING.value)
    reason = models.CharField(max_length=500, blank=True, help_text="Why it was skipped, waits or failed")
    cause = models.CharField(max_length=30, blank=True, help_text="The same in one word, for programs")
    outputs = models.JSONField(null=True, blank=True)
    progress_done = models.BigIntegerField(null=True, blank=True, help_text="Of its latest attempt, where it says so")
    progress_total = models.BigIntegerField(null=True, blank=True, help_text="How much there is to do in all")

    attempt = models.PositiveIntegerField(default=0, help_text="The fence: the number of its latest attempt")
    budget_from = models.PositiveIntegerField(default=0, help_text="Attempts before the present budget began")
    lost = models.PositiveSmallIntegerField(default=0, help_text="Lost attempts in the present budget")

    queued_at = models.DateTimeField(null=True, blank=True)
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    deadline_at = models.DateTimeField(null=True, blank=True, help_text="Until when it waits")
    wait_kind = models.CharField(max_length=20, blank=True, help_text="timer, approval, or lost")
    wait_role = models.CharField(max_length=100, blank=True, help_text="Who may decide")
    wait_message = models.TextField(blank=True)
    on_timeout = models.CharField(max_length=20, blank=True, help_text="succeed, approve or reject")

    objects = StepQuerySet.as_manager()

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["run", "key"], name="step_key_once_per_run"),
            models.CheckConstraint(
                condition=~Q(status=StepStatus.RUNNING.value) | Q(attempt__gte=1), name="step_running_has_an_attempt"
            ),
            models.CheckConstraint(
                condition=~Q(status=StepStatus.BACKOFF.value) | Q(next_attempt_at__isnull=False),
                name="step_backoff_has_a_time",
            ),
            models.CheckConstraint(
                condition=~Q(status=StepStatus.WAITING.value) | Q(deadline_at__isnull=False),
                name="step_waiting_has_a_deadline",
            ),
            models.CheckConstraint(
                condition=~Q(status=StepStatus.QUEUED.value) | Q(queued_at__isnull=False), name="step_queued_has_a_time"
            ),
        ]
        indexes = [
            # Without pending ones: those are found by key, also by a planner that has no statistics yet.
            models.Index(fields=["run", "status"], condition=Q(status__in=status_values(STEP_BUSY)), name="step_busy"),
            models.Index(fields=["run", "position"], condition=Q(status=StepStatus.QUEUED.value), name="step_claims"),
            models.Index(fields=["queued_at"], condition=Q(status=StepStatus.QUEUED.value), name="step_queue"),
            models.Index(fields=["next_attempt_at"], condition=Q(status=StepStatus.BACKOFF.value), name="step_due"),
            models.Index(fields=["deadline_at"], condition=Q(status=StepStatus.WAITING.value), name="step_deadlines"),
        ]

    def __str__(self) -> str:
        return self.key

    @property
    def is_finished(self) -> bool:
        return self.status in STEP_ENDED
