"""The plan catalogue as it is stored: plans and their immutable versions."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Now

from pulser.language import limits


class PlanQuerySet(models.QuerySet["Plan"]):
    def active(self) -> PlanQuerySet:
        """Plans that may be started."""
        return self.filter(archived_at=None)

    def with_latest(self) -> PlanQuerySet:
        return self.select_related("latest")


class Plan(models.Model):
    """A named plan. What it does is said by its versions; `latest` is what starts when no version is named."""

    slug = models.SlugField(
        max_length=limits.SLUG_CHARS,
        unique=True,
        validators=[RegexValidator(r"^[a-z0-9][a-z0-9-]*$", "lowercase letters, digits and hyphens")],
    )
    title = models.CharField(max_length=limits.TITLE_CHARS, blank=True)
    description = models.TextField(blank=True)
    latest = models.ForeignKey("PlanVersion", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(db_default=Now())
    archived_at = models.DateTimeField(null=True, blank=True)

    objects = PlanQuerySet.as_manager()

    class Meta:
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.slug


class PlanVersion(models.Model):
    """One immutable document of a plan, with its number and SHA-256 digest."""

    plan = models.ForeignKey(Plan, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    source = models.TextField(help_text="The document as it was written")
    document = models.JSONField(help_text="The document as data")
    digest = models.CharField(max_length=71)
    created_at = models.DateTimeField(db_default=Now())
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)

    class Meta:
        ordering = ["plan", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["plan", "number"], name="version_number_once_per_plan"),
            models.CheckConstraint(condition=models.Q(number__gte=1), name="version_numbers_from_one"),
        ]

    def __str__(self) -> str:
        return f"{self.plan.slug}@{self.number}"
