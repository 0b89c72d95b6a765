from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from uuid_utils.compat import uuid7

from pulser.engine.states import RUN_ENDED, RUN_OPEN, RunStatus
from pulser.language import limits
from runs.models.choices import ENVIRONMENTS, RUN_STATUSES, words

if TYPE_CHECKING:
    from runs.actors import Actor


class RunQuerySet(models.QuerySet["Run"]):
    def visible_to(self, actor: Actor) -> Self:
        return self if actor.can_view else self.none()

    def active(self) -> Self:
        """Not archived."""
        return self.filter(archived_at=None)

    def archived(self) -> Self:
        return self.exclude(archived_at=None)

    def in_status(self, *statuses: str) -> Self:
        return self.filter(status__in=statuses)

    def unfinished(self) -> Self:
        return self.filter(status__in=RUN_OPEN)

    def in_lane(self, name: str) -> Self:
        return self.filter(lane__name=name)

    def in_session(self, session_id: int) -> Self:
        return self.filter(session_id=session_id)

    def of_plan(self, slug: str) -> Self:
        return self.filter(plan_version__plan__slug=slug)

    def titled_like(self, text: str) -> Self:
        return self.filter(title__icontains=text)

    def newest_first(self) -> Self:
        return self.order_by("-created_at", "-pk")

    def with_context(self) -> Self:
        """Preloads what a card or a page names: lane, session, plan and version."""
        return self.select_related("lane", "session", "plan_version__plan")


class Run(models.Model):
    """One execution of a plan version. Its status is written by `runs.transitions` alone."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    title = models.CharField(max_length=limits.TITLE_CHARS, blank=True)
    # Indexes that begin with these stand below; a second one would only cost each write.
    session = models.ForeignKey("runs.Session", on_delete=models.PROTECT, db_index=False)
    lane = models.ForeignKey("runs.Lane", on_delete=models.PROTECT, db_index=False)
    plan_version = models.ForeignKey(
        "pulser.PlanVersion", on_delete=models.PROTECT, related_name="runs", db_index=False
    )
    params = models.JSONField(default=dict)
    environment = models.CharField(max_length=20, choices=ENVIRONMENTS, default="dev")
    priority = models.IntegerField(default=0)
    status = models.CharField(max_length=20, choices=RUN_STATUSES, default=RunStatus.QUEUED.value)
    retry_count = models.PositiveIntegerField(default=0)
    seq = models.PositiveIntegerField(default=0, help_text="The number of its last event")
    result = models.JSONField(null=True, blank=True)
    reason = models.CharField(max_length=500, blank=True, help_text="Why it ended or waits, in a few words")

    trigger = models.CharField(max_length=30, default="api", help_text="api, hook, cli, board, admin, demo, retry")
    actor = models.CharField(max_length=200, blank=True, help_text="Who or what started it")
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL, related_name="children")
    correlation_id = models.CharField(max_length=200, blank=True)
    idempotency_scope = models.CharField(max_length=200, blank=True)
    idempotency_key = models.CharField(max_length=255, blank=True)
    request_digest = models.CharField(max_length=64, blank=True, help_text="SHA-256 of the request that started it")

    created_at = models.DateTimeField(db_default=Now())
    queued_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    deadline_at = models.DateTimeField(null=True, blank=True)
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    cancel_count = models.PositiveSmallIntegerField(
        default=0, help_text="1 ends the steps, 2 ends the finally steps as well"
    )
    stop = models.CharField(max_length=20, blank=True, help_text="Why it is being ended early: cancel or timeout")
    archived_at = models.DateTimeField(null=True, blank=True)

    objects = RunQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=words(RUN_ENDED), finished_at__isnull=False)
                | Q(status__in=words(RUN_OPEN), finished_at__isnull=True),
                name="run_ended_has_a_time",
            ),
            models.CheckConstraint(
                condition=Q(archived_at=None) | Q(finished_at__isnull=False), name="run_archived_only_when_ended"
            ),
            models.CheckConstraint(
                condition=~Q(status=RunStatus.RUNNING.value) | Q(started_at__isnull=False),
                name="run_running_was_started",
            ),
            models.UniqueConstraint(
                fields=["idempotency_scope", "idempotency_key"],
                condition=~Q(idempotency_key=""),
                name="run_once_per_idempotency_key",
            ),
        ]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="run_newest"),
            models.Index(fields=["lane", "-created_at"], name="run_lane_newest"),
            models.Index(fields=["status", "-created_at"], name="run_status_newest"),
            models.Index(fields=["session", "-created_at"], name="run_session_newest"),
            models.Index(fields=["plan_version", "-created_at"], name="run_plan_newest"),
            models.Index(  # the order in which a lane takes them
                fields=["lane", "-priority", "started_at", "queued_at", "id"],
                condition=Q(status=RunStatus.QUEUED.value),
                name="run_queue",
            ),
            models.Index(fields=["lane"], condition=Q(status=RunStatus.RUNNING.value), name="run_slots"),
            models.Index(
                fields=["deadline_at"], condition=Q(finished_at=None, deadline_at__isnull=False), name="run_deadlines"
            ),
            models.Index(fields=["finished_at", "id"], condition=Q(finished_at__isnull=False), name="run_ended"),
            models.Index(fields=["status"], condition=Q(archived_at=None), name="run_tally"),
        ]

    def __str__(self) -> str:
        return self.title or self.short_id

    @property
    def short_id(self) -> str:
        """The random end of the id: eight characters tell two runs apart, the beginning of a UUIDv7 is its time."""
        return uuid.UUID(str(self.id)).hex[-8:]

    @property
    def is_finished(self) -> bool:
        return self.status in RUN_ENDED

    @property
    def is_cancelling(self) -> bool:
        return bool(self.stop) and not self.is_finished
