"""What a person does to saved views: each is the board's URL under a name, and its owner's alone to change.

Another tab may have deleted the view since it was found: then all of these raise NotFound.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from pulser.tools.values import clean_text
from runs.accounts.actors import Actor
from runs.errors import Forbidden, InvalidValue, MoveRefused, NotFound
from runs.models import SavedView
from runs.models.view import NAME_CHARS

VIEWS_EACH = 50
QUERY_CHARS = 8_000
GONE = "view not found: it was deleted"


def save_view(owner: User, *, name: str, query: str) -> SavedView:
    """Keep the board of this query under a name. Raises InvalidValue, MoveRefused (a taken name, one view too many)."""
    name, asked = _name(name), _query(query)
    with transaction.atomic():
        _lock(owner)
        mine = SavedView.objects.owned_by(owner)
        mine.deleted().delete()
        if mine.kept().count() >= VIEWS_EACH:
            raise MoveRefused(f"you have {VIEWS_EACH} views: delete one first")
        if mine.kept().filter(name=name).exists():
            raise MoveRefused(_taken(name))
        return SavedView.objects.create(owner_id=owner.pk, name=name, query=asked)


def change_view(view: SavedView, *, query: str) -> None:
    """The view asks for this from now on. Raises InvalidValue."""
    _change(view, query=_query(query))


def rename_view(view: SavedView, *, name: str) -> None:
    """Raises InvalidValue, MoveRefused for a taken name."""
    wanted = _name(name)
    try:
        with transaction.atomic():
            _change(view, name=wanted)
    except IntegrityError:
        raise MoveRefused(_taken(wanted)) from None


def share_view(view: SavedView, *, shared: bool, actor: Actor) -> None:
    """Everybody sees a shared view over the board, so it asks for an operator. Raises Forbidden."""
    if shared and not actor.can_operate:
        raise Forbidden("sharing a view requires the role operator")
    _change(view, is_shared=shared)


def choose_default(view: SavedView, *, chosen: bool) -> None:
    """The board opens with it, or again with everything. A person has one default at most."""
    with transaction.atomic():
        _lock(view.owner)
        SavedView.objects.owned_by(view.owner).filter(is_default=True).update(is_default=False)
        _change(view, is_default=chosen)


def delete_view(view: SavedView) -> None:
    """It can be brought back until its owner saves or deletes another one."""
    with transaction.atomic():
        _change(view, deleted_at=Now())
        SavedView.objects.owned_by(view.owner).deleted().exclude(pk=view.pk).delete()


def restore_view(view: SavedView) -> None:
    """Raises MoveRefused when its name is taken, or another view has become the default meanwhile."""
    try:
        with transaction.atomic():
            there = SavedView.objects.filter(pk=view.pk).update(deleted_at=None)
    except IntegrityError:
        raise MoveRefused(f"another view is now named {view.name}") from None
    if not there:
        raise NotFound(f"{view.name} can no longer be restored: only the last deleted view can")


def _change(view: SavedView, **columns: Any) -> None:
    if not SavedView.objects.kept().filter(pk=view.pk).update(**columns):
        raise NotFound(GONE)
    for name, value in columns.items():
        setattr(view, name, value)


def _name(text: str) -> str:
    name = " ".join(clean_text(text.replace("\0", "")).split())
    if not name:
        raise InvalidValue("a view needs a name")
    if len(name) > NAME_CHARS:
        raise InvalidValue(f"a view's name has at most {NAME_CHARS} characters")
    return name


def _query(query: str) -> str:
    if len(query) > QUERY_CHARS:
        raise InvalidValue(f"the filters of a view have at most {QUERY_CHARS:,} characters: choose fewer values")
    return query


def _taken(name: str) -> str:
    return f"you already have a view {name}"


def _lock(owner: User) -> None:
    """Two tabs of one person that save at once count one after the other."""
    if User.objects.select_for_update().only("pk").filter(pk=owner.pk).first() is None:
        raise NotFound("your account was deleted: sign in again")
