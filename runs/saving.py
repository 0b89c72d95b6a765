"""What a person does to saved views: each is the board's URL under a name, and its owner's alone to change."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from pulser.tools.values import clean_text
from runs.actors import Actor
from runs.errors import DoesNotFit, Forbidden, MoveRefused
from runs.models import SavedView
from runs.models.view import NAME_CHARS

VIEWS_EACH = 50
QUERY_CHARS = 8_000


def save_view(owner: User, *, name: str, query: str) -> SavedView:
    """Keep the board of this query under a name. Raises DoesNotFit, MoveRefused (a taken name, one view too many)."""
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
    """The view asks for this from now on. Raises DoesNotFit."""
    view.query = _query(query)
    view.save(update_fields=["query"])


def rename_view(view: SavedView, *, name: str) -> None:
    """Raises DoesNotFit, MoveRefused for a taken name."""
    view.name = _name(name)
    try:
        with transaction.atomic():
            view.save(update_fields=["name"])
    except IntegrityError:
        raise MoveRefused(_taken(view.name)) from None


def share_view(view: SavedView, *, shared: bool, actor: Actor) -> None:
    """Everybody sees a shared view over the board, so it asks for an operator. Raises Forbidden."""
    if shared and not actor.can_operate:
        raise Forbidden("sharing a view asks for the role operator")
    view.is_shared = shared
    view.save(update_fields=["is_shared"])


def choose_default(view: SavedView, *, chosen: bool) -> None:
    """The board opens with it, or again with everything. A person has one default at most."""
    with transaction.atomic():
        _lock(view.owner)
        SavedView.objects.owned_by(view.owner).filter(is_default=True).update(is_default=False)
        SavedView.objects.filter(pk=view.pk).update(is_default=chosen)
    view.is_default = chosen


def delete_view(view: SavedView) -> None:
    """It can be brought back until its owner saves or deletes another one."""
    with transaction.atomic():
        SavedView.objects.owned_by(view.owner).deleted().delete()
        SavedView.objects.filter(pk=view.pk).update(deleted_at=Now())


def restore_view(view: SavedView) -> None:
    """Raises MoveRefused when its name is taken, or another view has become the default meanwhile."""
    try:
        with transaction.atomic():
            SavedView.objects.filter(pk=view.pk).update(deleted_at=None)
    except IntegrityError:
        raise MoveRefused(f"another view has taken the place of {view.name} meanwhile") from None


def _name(text: str) -> str:
    name = " ".join(clean_text(text.replace("\0", "")).split())
    if not name:
        raise DoesNotFit("a view needs a name")
    if len(name) > NAME_CHARS:
        raise DoesNotFit(f"a view's name has at most {NAME_CHARS} characters")
    return name


def _query(query: str) -> str:
    if len(query) > QUERY_CHARS:
        raise DoesNotFit(f"a view holds at most {QUERY_CHARS:,} characters of filters: choose fewer values")
    return query


def _taken(name: str) -> str:
    return f"you have a view {name} already"


def _lock(owner: User) -> None:
    """Two tabs of one person that save at once count one after the other."""
    User.objects.select_for_update().only("pk").get(pk=owner.pk)
