from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.functions import Concat, Now
from uuid_utils.compat import uuid7

from pulser.engine.states import RUN_ENDED, RUN_OPEN, RunStatus
from pulser.language import limits
from runs.accounts.actors import PROGRAM
from runs.models.choices import ENVIRONMENTS, RUN_STATUSES, status_values

if TYPE_CHECKING:
    from runs.accounts.actors import Actor


GRAM = 3  # characters of a title that are looked up together; see runs_grams() in the migrations


def _title_grams(**options: Any) -> Func:
    # The migration writes its words in the order of the alphabet, and Django takes another order for a change.
    return Func(Value(" "), F("title"), arg_joiner=" || ", function="runs_grams", **options)


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

    def ended(self) -> Self:
        return self.filter(finished_at__isnull=False)

    def titled_like(self, text: str) -> Self:
        """With the text in their title, in capitals or not; one or two characters must begin a word."""
        if len(text) >= GRAM:
            return self.filter(title__icontains=text)
        return self.alias(words=Concat(Value(" "), "title")).filter(words__icontains=f" {text}")

    def with_grams_of(self, text: str) -> Self:
        """Those that `titled_like` need look at, found by the index `run_titles`."""
        searched = Value(text if len(text) >= GRAM else f" {text}")
        grams = _title_grams(output_field=ArrayField(models.TextField()))
        return self.alias(grams=grams).filter(grams__contains=Func(searched, function="runs_grams"))

    def older_than(self, created_at: datetime, run_id: uuid.UUID) -> Self:
        """What comes after this run in `newest_first`. The first condition is what an index can begin with."""
        return self.filter(Q(created_at__lt=created_at) | Q(pk__lt=run_id), created_at__lte=created_at)

    def newest_first(self) -> Self:
        return self.order_by("-created_at", "-pk")

    def in_dispatch_order(self) -> Self:
        """As a lane takes them: what goes on comes before what was never started."""
        return self.order_by("-priority", "started_at", "queued_at", "pk")

    def listed(self, run_ids: Collection[uuid.UUID]) -> Self:
        """These runs as lists show them: newest first, with what they name."""
        return self.filter(pk__in=run_ids).with_context().newest_first()

    def with_context(self) -> Self:
        """Preloads what a card or a page names: lane, session, plan and version."""
        return self.select_related("lane", "session", "plan_version__plan")


NARROWING = ("lane", "status", "session", "plan_version", "environment", "trigger")


def _by_time(first: str) -> models.Index:
    """Runs in the order of lists, those with the same `first` together, with all that lists are narrowed to.

    So a list, a count and a menu of values are answered from one index, whatever else they are narrowed to.
    """
    carried = [name for name in (*NARROWING, "archived_at") if name != first]
    fields = [*([first] if first else []), "-created_at", "-id"]
    return models.Index(fields=fields, include=carried, name=f"run_{first or 'all'}_by_time")


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
    rested_s = models.FloatField(
        default=0.0, db_default=0.0, help_text="Seconds between an end and a retry, not counted as run time"
    )
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
                condition=Q(status__in=status_values(RUN_ENDED), finished_at__isnull=False)
                | Q(status__in=status_values(RUN_OPEN), finished_at__isnull=True),
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
            *map(_by_time, ("", *NARROWING)),
            GinIndex(  # a run enters it once, when it ends; the few open ones are read
                _title_grams(),
                condition=Q(finished_at__isnull=False),
                name="run_titles",
                gin_pending_list_limit=256,  # KiB
            ),
            models.Index(  # the order in which a lane takes them
                fields=["lane", "-priority", "started_at", "queued_at", "id"],
                condition=Q(status=RunStatus.QUEUED.value),
                name="run_queue",
            ),
            models.Index(fields=["lane"], condition=Q(status=RunStatus.RUNNING.value), name="run_slots"),
            models.Index(
                fields=["deadline_at"], condition=Q(finished_at=None, deadline_at__isnull=False), name="run_deadlines"
            ),
            models.Index(  # the timeline's, too: it carries what that is narrowed to
                fields=["finished_at", "id"],
                include=[*NARROWING, "archived_at", "created_at"],
                condition=Q(finished_at__isnull=False),
                name="run_ended",
            ),
            models.Index(fields=["status"], condition=Q(archived_at=None), name="run_tally"),
        ]

    def __str__(self) -> str:
        return self.title or self.short_id

    @property
    def counted_from(self) -> datetime | None:
        """Its start, moved on by what it rested: from there to its end, or to now, is how long it took."""
        return self.started_at + timedelta(seconds=self.rested_s) if self.started_at else None

    @property
    def short_id(self) -> str:
        """The random end of the id: eight characters tell two runs apart, the beginning of a UUIDv7 is its time."""
        return uuid.UUID(str(self.id)).hex[-8:]

    @property
    def starter(self) -> str:
        """Who or what started it, where there is room for a word: a person, or the way in which a program did."""
        return self.trigger if not self.actor or self.actor.startswith(PROGRAM) else self.actor

    @property
    def is_finished(self) -> bool:
        return self.status in RUN_ENDED

    @property
    def is_cancelling(self) -> bool:
        return bool(self.stop) and not self.is_finished
