"""Why a viewer is sent away. `RECONNECT` asks it to connect again and to resume."""

from __future__ import annotations

from enum import StrEnum

from runs.accounts.actors import NOBODY, Actor


class RefusalReason(StrEnum):
    MALFORMED = "malformed"
    NOT_SIGNED_IN = "not_signed_in"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    RECONNECT = "reconnect"

    @classmethod
    def of(cls, actor: Actor) -> RefusalReason:
        """For an actor who may not see runs."""
        return cls.NOT_SIGNED_IN if actor == NOBODY else cls.FORBIDDEN


class Refusal(Exception):
    """The stream ends for this reason."""

    def __init__(self, reason: RefusalReason) -> None:
        super().__init__(reason)
        self.reason = reason
