from __future__ import annotations

from typing import NamedTuple

from django.db import connection, models
from django.db.models import Q
from django.db.models.functions import Now

from runs.accounts.models import COLUMNS, IS_VALID, KNOWN, ApiToken, token_digest
from runs.models.run import Run


class Hook(models.Model):
    """An address for other programs: a POST to it starts a run of its plan.

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
        indexes = [models.Index(fields=["received_at"], condition=Q(run=None), name="delivery_without_run")]

    def __str__(self) -> str:
        return f"{self.hook_id} {self.key}"


class HookTarget(NamedTuple):
    """A hook with what a start needs of its plan, and not the plan's document."""

    hook_id: int
    slug: str
    secret: str
    lane_id: int | None
    session_id: int | None
    plan_id: int
    plan_slug: str
    version_id: int
    version_number: int
    is_enabled: bool


# One row: the token's columns, then those of HookTarget; NULL for what was not found. It locks nothing. The ORM would
# join neither table to the other, as nothing but this question relates them.
LOOKUP_HOOK = f"""
SELECT {COLUMNS}, h.id, h.slug, h.secret, h.lane_id, h.session_id, p.id, p.slug, v.id, v.number,
       h.enabled AND p.archived_at IS NULL AND v.id IS NOT NULL
FROM (SELECT) AS one LEFT JOIN runs_apitoken t ON {IS_VALID} LEFT JOIN (
    runs_hook h JOIN pulser_plan p ON p.id = h.plan_id LEFT JOIN pulser_planversion v ON v.id = p.latest_id
) ON h.slug = %(slug)s
"""  # noqa: S608


def lookup_hook(slug: str, *, secret: str) -> tuple[ApiToken | None, HookTarget | None]:
    """The valid token with this secret, and the hook of this slug: each call asks for both, so it is one statement."""
    with connection.cursor() as cursor:
        cursor.execute(LOOKUP_HOOK, {"digest": token_digest(secret), "slug": slug})
        found = cursor.fetchone()
    target = found[len(KNOWN) :]
    return ApiToken.of_row(found[: len(KNOWN)]), HookTarget(*target) if target[0] is not None else None
