"""Open, rename and archive sessions."""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from pulser.tools.values import clean_text
from runs.accounts.actors import Actor
from runs.commands.rights import require_operator
from runs.errors import InvalidValue, MoveRefused
from runs.models import Session
from runs.models.session import DEFAULT_SESSION, NAME_CHARS


def open_session(name: str, *, actor: Actor) -> tuple[Session, bool]:
    """The session of that name, and whether it is new. Raises Forbidden, InvalidValue, MoveRefused (it is archived)."""
    require_operator(actor)
    session, is_new = Session.objects.get_or_create(name=_session_name(name))
    if session.archived_at is not None:
        raise MoveRefused(f"the session {session.name} is archived: unarchive it on the sessions page")
    return session, is_new


def rename_session(session: Session, *, name: str, actor: Actor) -> None:
    """Raises Forbidden, InvalidValue for a name that cannot be, MoveRefused for a taken one and for `default`.

    Whatever names no session goes to the one called `default`: under another name it would be made a second time.
    """
    require_operator(actor)
    name = _session_name(name)
    if session.name == DEFAULT_SESSION and name != DEFAULT_SESSION:
        raise MoveRefused(f"{DEFAULT_SESSION} is the default session and cannot be renamed")
    try:
        with transaction.atomic():
            Session.objects.filter(pk=session.pk).update(name=name)
    except IntegrityError:
        raise MoveRefused(f"session {name} already exists") from None
    session.name = name


def archive_session(session: Session, *, actor: Actor) -> None:
    """Put a session away: no run starts in it, its runs stay. Raises Forbidden, MoveRefused (`default`, or done)."""
    require_operator(actor)
    if session.name == DEFAULT_SESSION:
        raise MoveRefused(f"{DEFAULT_SESSION} is the default session and cannot be archived")
    if not Session.objects.active().filter(pk=session.pk).update(archived_at=Now()):
        raise MoveRefused("the session is already archived")


def unarchive_session(session: Session, *, actor: Actor) -> None:
    """Take a session into use again. Raises Forbidden, MoveRefused."""
    require_operator(actor)
    if not Session.objects.archived().filter(pk=session.pk).update(archived_at=None):
        raise MoveRefused("the session is not archived")


def _session_name(text: str) -> str:
    name = clean_text(text.replace("\0", "")).strip()
    if not name:
        raise InvalidValue("a session needs a name")
    if len(name) > NAME_CHARS:
        raise InvalidValue(f"a session's name has at most {NAME_CHARS} characters")
    return name
