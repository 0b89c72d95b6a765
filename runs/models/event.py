from __future__ import annotations

from typing import Self

from django.db import models

from runs.models.run import Run


class EventQuerySet(models.QuerySet["Event"]):
    def after(self, seq: int) -> Self:
        return self.filter(seq__gt=seq)

    def up_to(self, seq: int) -> Self:
        return self.filter(seq__lte=seq)

    def in_order(self) -> Self:
        return self.order_by("run_id", "seq")


class Event(models.Model):
    """A fact in the log of a run: (run, seq) is unique and has no gaps. Rows are only ever added."""

    pk = models.CompositePrimaryKey("run_id", "seq")
    # The primary key begins with it: an index of its own would only cost each write.
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="events", db_index=False)
    seq = models.PositiveIntegerField()
    kind = models.CharField(max_length=40)
    step = models.CharField(max_length=100, blank=True, help_text="The key of the step it is about")
    attempt = models.PositiveIntegerField(null=True, blank=True)
    data = models.JSONField(default=dict)
    at = models.DateTimeField()

    objects = EventQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.seq} {self.kind}"
