"""What is wrong with an expression, in words for its author."""

from __future__ import annotations


class ExpressionError(ValueError):
    """An expression that cannot be read, or that has no value here.

    `path` is where its text stands inside the value that was rendered; `ordinal` counts the expressions of one text.
    """

    def __init__(self, message: str, *, path: tuple[str | int, ...] = (), ordinal: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.path = path
        self.ordinal = ordinal

    def __str__(self) -> str:
        where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in self.path).lstrip(".")
        return f"{where}: {self.message}" if where else self.message
