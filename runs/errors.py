"""What can be refused, and why. Each error becomes one kind of answer: a problem document, a toast, an exit status."""

from __future__ import annotations

from collections.abc import Sequence


class RunError(Exception):
    """The request cannot be carried out."""

    def __init__(self, message: str = "") -> None:
        super().__init__(message or (self.__doc__ or "").strip())

    @property
    def message(self) -> str:
        return str(self.args[0])


class NotFound(RunError):
    """Not found."""


class MoveRefused(RunError):
    """Not possible in the current status."""


class UnsupportedPlan(MoveRefused):
    """The run's plan was stored by another release, and this one cannot read it."""

    def __init__(self, message: str, *, version_id: int) -> None:
        super().__init__(message)
        self.version_id = version_id


class Forbidden(RunError):
    """Permission denied."""


class InvalidValue(RunError):
    """Invalid values."""


class TooLarge(RunError):
    """Too large."""


class Busy(RunError):
    """Too many queued runs; try again later."""


class IdempotencyKeyReused(RunError):
    """The idempotency key was used before with another request."""


class StartRefused(RunError):
    """The run cannot be started with these values.

    `problems`: one `{"path": ..., "message": ...}` for each value that does not fit.
    """

    def __init__(self, message: str, problems: Sequence[dict[str, str]] = ()) -> None:
        super().__init__(message)
        self.problems = list(problems)
