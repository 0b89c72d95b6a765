from __future__ import annotations

from typing import Self

from django.db import models
from django.db.models.expressions import RawSQL

ALIVE_S = 60.0  # a worker that was heard of so lately is there: its watchdog gives a sign of life every few seconds
IS_ALIVE = f"seen_at > clock_timestamp() - interval '{ALIVE_S:g} seconds'"  # for statements over runs_worker


class WorkerQuerySet(models.QuerySet["Worker"]):
    def alive(self) -> Self:
        return self.seen_within(ALIVE_S)

    def seen_within(self, seconds: float) -> Self:
        """Heard of so lately, by the database's clock."""
        return self.filter(seen_at__gt=RawSQL("clock_timestamp() - %s * interval '1 second'", [seconds]))


class Worker(models.Model):
    """A worker process group as it was last heard of."""

    name = models.CharField(max_length=200, primary_key=True)
    host = models.CharField(max_length=200)
    pid = models.IntegerField()
    slots = models.PositiveSmallIntegerField()
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField(help_text="Last sign of life")
    answered_at = models.DateTimeField(null=True, blank=True, help_text="Last message that came through the step queue")
    full_at = models.DateTimeField(null=True, blank=True, help_text="When all its slots were last seen busy")

    objects = WorkerQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Duty(models.Model):
    """A piece of work that one process does at a time: the row is its lease."""

    name = models.CharField(max_length=50, primary_key=True)
    holder = models.CharField(max_length=200, blank=True)
    lease_expires = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True, help_text="When its last round ended")
    found = models.JSONField(default=dict, help_text="What the last round did")

    class Meta:
        verbose_name_plural = "duties"

    def __str__(self) -> str:
        return self.name
