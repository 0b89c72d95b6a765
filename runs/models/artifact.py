from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from runs.models.choices import ARTIFACT_KINDS
from runs.models.run import Run
from runs.models.step import Step


class Artifact(models.Model):
    """A file that a step left behind, kept in Django's storage and known by its SHA-256."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="artifacts")
    step = models.ForeignKey(Step, on_delete=models.CASCADE, related_name="artifacts")
    attempt = models.PositiveIntegerField()
    name = models.CharField(max_length=200)
    kind = models.CharField(max_length=20, choices=ARTIFACT_KINDS, default="file")
    media_type = models.CharField(max_length=100, default="application/octet-stream")
    size = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)
    content = models.FileField(upload_to="artifacts/", max_length=300)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["step", "attempt", "name"], name="artifact_once_per_attempt")]

    def __str__(self) -> str:
        return self.name
