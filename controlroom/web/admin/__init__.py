"""The admin: doors, tokens, lanes and sessions are managed here; what runs have done is read here."""

from __future__ import annotations

from controlroom.web.admin import board, history, starting, tokens
from controlroom.web.admin import hooks as doors

__all__ = ["board", "doors", "history", "starting", "tokens"]
