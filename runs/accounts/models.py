"""Tokens, by which programs sign in."""

from __future__ import annotations

import hashlib
import secrets
from typing import Any, Self

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connection, models
from django.db.models import Q
from django.db.models.functions import Now

from runs.accounts.actors import ROLES

PREFIX = "cr_"


def token_digest(secret: str) -> str:
    """SHA-256 is enough for a token of 256 random bits: there is nothing to guess that a slow hash would protect."""
    return hashlib.sha256(secret.encode()).hexdigest()


KNOWN = ("id", "name", "role", "last_used_at")
COLUMNS = ", ".join(f"t.{name}" for name in KNOWN)
IS_VALID = "t.digest = %(digest)s AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > now())"
OF_SECRET = f"SELECT {COLUMNS} FROM runs_apitoken t WHERE {IS_VALID}"  # noqa: S608


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    def valid(self) -> Self:
        return self.filter(revoked_at=None).filter(Q(expires_at=None) | Q(expires_at__gt=Now()))


class ApiToken(models.Model):
    """A bearer token for programs. The secret itself is shown once and never stored."""

    name = models.CharField(max_length=100)
    role = models.CharField(max_length=20, choices=[(role, role) for role in ROLES], default="operator")
    prefix = models.CharField(max_length=12, help_text="The first characters, to tell tokens apart")
    digest = models.CharField(max_length=64, unique=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = ApiTokenQuerySet.as_manager()

    class Meta:
        db_table = "runs_apitoken"  # it lived in `runs` at first
        ordering = ["-created_at"]
        verbose_name = "API token"

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @classmethod
    def of_secret(cls, secret: str) -> ApiToken | None:
        """The valid token with this secret. In SQL: every call of the API asks, and to compile it would cost more."""
        with connection.cursor() as cursor:
            cursor.execute(OF_SECRET, {"digest": token_digest(secret)})
            found = cursor.fetchone()
        return cls.of_row(found) if found else None

    @classmethod
    def of_row(cls, row: tuple[Any, ...]) -> ApiToken | None:
        """A token of a row read with COLUMNS; None when an outer join found none."""
        return cls.from_db(DEFAULT_DB_ALIAS, KNOWN, row) if row[0] is not None else None

    @classmethod
    def issue(cls, name: str, *, role: str = "operator", secret: str | None = None) -> tuple[ApiToken, str]:
        """A new token and its secret, which is not kept."""
        secret = secret or PREFIX + secrets.token_urlsafe(32)
        token = cls.objects.create(name=name, role=role, prefix=secret[:7], digest=token_digest(secret))
        return token, secret
