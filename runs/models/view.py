from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

if TYPE_CHECKING:
    from django.contrib.auth.models import User

NAME_CHARS = 100


class SavedViewQuerySet(models.QuerySet["SavedView"]):
    def kept(self) -> Self:
        """Not deleted; a deleted one is there for a while, so that it can be brought back."""
        return self.filter(deleted_at=None)

    def deleted(self) -> Self:
        return self.exclude(deleted_at=None)

    def owned_by(self, user: User) -> Self:
        return self.filter(owner_id=user.pk)

    def shared_with(self, user: User) -> Self:
        """Those of others that everybody sees."""
        return self.filter(is_shared=True).exclude(owner_id=user.pk)

    def by_name(self) -> Self:
        return self.order_by("name", "pk")


class SavedView(models.Model):
    """A board under a name: its filters and its layout, as the query of a URL. Its owner may share it."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="saved_views")
    name = models.CharField(max_length=NAME_CHARS)
    query = models.TextField(blank=True, help_text="What stands behind the question mark, always in the same order")
    is_shared = models.BooleanField(default=False, help_text="Everybody sees it")
    is_default = models.BooleanField(default=False, help_text="What its owner's board opens with")
    created_at = models.DateTimeField(db_default=Now())
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects = SavedViewQuerySet.as_manager()

    class Meta:
        ordering = ["name", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "name"], condition=Q(deleted_at=None), name="saved_view_name_once_per_owner"
            ),
            models.UniqueConstraint(
                fields=["owner"], condition=Q(is_default=True, deleted_at=None), name="saved_view_one_default_per_owner"
            ),
            models.CheckConstraint(condition=~Q(name=""), name="saved_view_has_a_name"),
        ]

    def __str__(self) -> str:
        return self.name
