"""What a control room needs before anybody signs in: roles, the admin, tokens. Every function may be called again."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path

from django.contrib.auth.models import Group, Permission, User
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from pulser.processes.account import make_folder
from runs.accounts.actors import ADMIN, OPERATOR, VIEWER
from runs.accounts.models import PREFIX, ApiToken, token_digest
from runs.models import Lane, Session
from runs.models.lane import DEFAULT_LANE
from runs.models.session import DEFAULT_SESSION

ADMIN_NAME = "admin"
ENVIRONMENT_TOKEN, CLI_TOKEN = "environment", "cli"
PASSWORD_BYTES = 12
SHORT_TOKEN_CHARS = 20

Say = Callable[[str], None]


def ensure_defaults() -> None:
    """The lane and the session that a run goes to when nobody names one."""
    Lane.objects.get_or_create(name=DEFAULT_LANE)
    Session.objects.get_or_create(name=DEFAULT_SESSION)


@transaction.atomic
def ensure_roles() -> None:
    """A group per role. Members of `admin` who are staff may do in Django's admin all but manage users."""
    for name in (VIEWER, OPERATOR, ADMIN):
        group, is_new = Group.objects.get_or_create(name=name)
        if is_new and name == ADMIN:
            group.permissions.set(Permission.objects.filter(content_type__app_label__in=["pulser", "runs"]))


def ensure_admin(*, password: str, say: Say) -> None:
    """The first user, `admin`, while nobody else is superuser. Without a password one is made, and said this once."""
    if User.objects.filter(Q(username=ADMIN_NAME) | Q(is_superuser=True)).exists():
        return
    chosen = password or secrets.token_urlsafe(PASSWORD_BYTES)
    with transaction.atomic():
        User.objects.create_superuser(ADMIN_NAME, password=chosen)
        # Said before the commit: a password that was stored and never shown would lock everybody out.
        shown = (
            "the password of CONTROLROOM_ADMIN_PASSWORD" if password else f"password {chosen} (shown only this once)"
        )
        say(f"Sign in as {ADMIN_NAME}, {shown}")


@transaction.atomic
def ensure_environment_token(secret: str, *, say: Say) -> None:
    """An admin token with the value of CONTROLROOM_API_TOKEN. The one of another value before it is revoked."""
    digest = token_digest(secret) if secret else ""
    stale = ApiToken.objects.filter(name=ENVIRONMENT_TOKEN, revoked_at=None).exclude(digest=digest)
    if stale.update(revoked_at=Now()):
        say("The previous API token of CONTROLROOM_API_TOKEN was revoked")
    if not secret:
        return
    if len(secret) < SHORT_TOKEN_CHARS:
        say(f"CONTROLROOM_API_TOKEN is easy to guess: use at least {SHORT_TOKEN_CHARS} random characters")
    fields = {"name": ENVIRONMENT_TOKEN, "role": ADMIN, "revoked_at": None, "expires_at": None}
    ApiToken.objects.update_or_create(
        digest=digest,
        defaults=fields,
        # Of a short secret seven characters would be most of it.
        create_defaults=fields | {"prefix": secret[: min(7, len(secret) // 4)]},
    )


def ensure_cli_token(path: Path) -> None:
    """A valid admin token in a file that only its owner reads, for the `controlroom` command on this machine."""
    if path.exists() and ApiToken.of_secret(path.read_text(encoding="utf-8").strip()):
        return
    make_folder(path.parent)
    secret = PREFIX + secrets.token_urlsafe(32)
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secret + "\n")
    ApiToken.issue(CLI_TOKEN, role=ADMIN, secret=secret)
    draft.rename(path)
