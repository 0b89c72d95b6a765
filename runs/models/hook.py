from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from runs.models.run import Run


class Hook(models.Model):
    """A door for other programs: a POST to it starts a run of its plan.

    Every plan has one of its own slug. Without a secret a bearer token is needed; with one, a signature does as well.
    """

    slug = models.SlugField(max_length=100, unique=True)
    plan = models.ForeignKey("pulser.Plan", on_delete=models.CASCADE, related_name="hooks")
    secret = models.CharField(max_length=200, blank=True, help_text="For HMAC-SHA256; empty: bearer token only")
    lane = models.ForeignKey("runs.Lane", null=True, blank=True, on_delete=models.SET_NULL)
    session = models.ForeignKey("runs.Session", null=True, blank=True, on_delete=models.SET_NULL)
    enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.slug


class Delivery(models.Model):
    """One call of a hook, as it came, and what became of it."""

    hook = models.ForeignKey(Hook, on_delete=models.CASCADE, related_name="deliveries")
    run = models.ForeignKey(Run, null=True, blank=True, on_delete=models.SET_NULL, related_name="deliveries")
    key = models.CharField(max_length=255, blank=True, help_text="The sender's own id of the delivery")
    headers = models.JSONField(default=dict, help_text="Without Authorization, cookies and signatures")
    body = models.BinaryField()
    status = models.PositiveSmallIntegerField(help_text="The answer that was given")
    received_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-pk"]
        verbose_name_plural = "deliveries"

    def __str__(self) -> str:
        return f"{self.hook_id} {self.key}"
