from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from runs.models.step import Step


class Proof(models.Model):
    """A verifier's verdict on an attempt, with the evidence it saw."""

    # `proof_once_per_verifier_and_attempt` begins with it: an index of its own would only cost each write.
    step = models.ForeignKey(Step, on_delete=models.CASCADE, related_name="proofs", db_index=False)
    attempt = models.PositiveIntegerField()
    position = models.PositiveSmallIntegerField(help_text="Its place under `verify`")
    verifier = models.CharField(max_length=100)
    passed = models.BooleanField()
    required = models.BooleanField(default=True)
    message = models.TextField(blank=True)
    evidence = models.JSONField(default=dict)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["step", "attempt", "position"]
        constraints = [
            models.UniqueConstraint(fields=["step", "attempt", "position"], name="proof_once_per_verifier_and_attempt")
        ]

    def __str__(self) -> str:
        return f"{self.verifier}: {'passed' if self.passed else 'refused'}"
