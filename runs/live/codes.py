"""Why a socket is closed, as WebSocket close codes. `COME_BACK` asks the client to connect again and resume."""

from __future__ import annotations

from enum import IntEnum

from runs.actors import NOBODY, Actor


class Close(IntEnum):
    JUNK = 4400
    NOBODY = 4401
    MAY_NOT = 4403
    UNKNOWN = 4404
    COME_BACK = 4408

    @classmethod
    def of(cls, actor: Actor) -> Close:
        """The code for an actor who may not see runs."""
        return cls.NOBODY if actor == NOBODY else cls.MAY_NOT


class Refusal(Exception):
    """The socket ends with this code."""

    def __init__(self, code: Close) -> None:
        super().__init__(code.name)
        self.code = code
