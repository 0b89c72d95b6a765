from __future__ import annotations

from typing import Self

from django.db import models
from django.db.models import Q

from runs.models.step import Step


class AttemptQuerySet(models.QuerySet["Attempt"]):
    def open(self) -> Self:
        return self.filter(finished_at=None)

    def leased(self) -> Self:
        """Held by a worker."""
        return self.open().exclude(lease_expires=None)


class Attempt(models.Model):
    """One try at a step, by one worker, under a lease."""

    # `attempt_number_once_per_step` begins with it: an index of its own would only cost each write.
    step = models.ForeignKey(Step, on_delete=models.CASCADE, related_name="attempts", db_index=False)
    number = models.PositiveIntegerField()
    cause = models.CharField(
        max_length=30, default="first", help_text="first, retry, lost, handed_back, button, approved"
    )
    worker = models.CharField(max_length=200, blank=True)
    host = models.CharField(max_length=200, blank=True)
    process = models.IntegerField(null=True, blank=True, help_text="The worker's own, which calls the tool")
    process_group = models.IntegerField(null=True, blank=True, help_text="Of the child that does the work")
    lease_expires = models.DateTimeField(null=True, blank=True)
    queued_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=20, blank=True, help_text="success, error, lost, handed_back, cancelled")
    exit_code = models.IntegerField(null=True, blank=True)
    error_class = models.CharField(max_length=20, blank=True)
    error_message = models.TextField(blank=True)
    log_bytes = models.BigIntegerField(default=0)
    log_cut = models.BooleanField(default=False, help_text="More came than the limit of a log")

    objects = AttemptQuerySet.as_manager()

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["step", "number"], name="attempt_number_once_per_step"),
            models.UniqueConstraint(fields=["step"], condition=Q(finished_at=None), name="attempt_open_once_per_step"),
        ]
        indexes = [
            models.Index(
                fields=["lease_expires"],
                condition=Q(finished_at=None, lease_expires__isnull=False),
                name="attempt_leases",
            )
        ]

    def __str__(self) -> str:
        return f"{self.step.key} #{self.number}"


class LogChunk(models.Model):
    """Output as it came. `offset` counts the bytes of the attempt's log before it."""

    # `log_offset_once_per_attempt` begins with it.
    attempt = models.ForeignKey(Attempt, on_delete=models.CASCADE, related_name="log", db_index=False)
    offset = models.BigIntegerField()
    stream = models.CharField(max_length=10)
    data = models.BinaryField()
    at = models.DateTimeField()
    # Both are empty on chunks of workers that did not count yet: who reads the log counts them, in
    # `runs/queries/logs/index.py`.
    lines = models.IntegerField(null=True, help_text="Line ends in it")
    is_open = models.BooleanField(null=True, help_text="Its last line goes on")

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["attempt", "offset"], name="log_offset_once_per_attempt")]

    def __str__(self) -> str:
        return f"{self.stream} at {self.offset}"

    @staticmethod
    def count(data: bytes) -> tuple[int, bool]:
        """The `lines` and `is_open` of such a chunk."""
        return data.count(b"\n"), not data.endswith(b"\n")

    @property
    def text(self) -> str:
        """The chunk for people: broken UTF-8 becomes replacement marks."""
        return bytes(self.data).decode("utf-8", errors="replace")
