"""The admin: doors, tokens, lanes and sessions are managed here; what runs have done is read here."""

from __future__ import annotations

from controlroom.web.admin import board, history, hooks, starting, tokens

__all__ = ["board", "history", "hooks", "starting", "tokens"]
