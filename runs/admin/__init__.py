"""The admin: doors, tokens, lanes and sessions are managed here; what runs have done is read here."""

from __future__ import annotations

from runs.admin import board, doors, history, starting, tokens

__all__ = ["board", "doors", "history", "starting", "tokens"]
