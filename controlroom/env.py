"""The environment, read once and typed; and where a control room keeps its data. Imports no Django."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

DEFAULT_DATA = ".controlroom"
WORDS = dict.fromkeys(("1", "true", "yes", "on"), True) | dict.fromkeys(("0", "false", "no", "off"), False)


class EnvironmentProblem(ValueError):
    """A variable of the environment has a value that cannot be used."""

    def __init__(self, name: str, *, got: str, expected: str) -> None:
        super().__init__(f"{name}: expected {expected}, got {got!r}")


def env_str(name: str, *, default: str = "") -> str:
    """The variable's text without outer blanks; `default` when it is unset or empty."""
    return os.environ.get(name, "").strip() or default


def env_int(name: str, *, default: int, minimum: int | None = None, maximum: int | None = None) -> int:
    """A whole number in the given bounds. Raises EnvironmentProblem for anything else."""
    text = env_str(name)
    if not text:
        return default
    expected = _expected_number(minimum, maximum)
    try:
        number = int(text)
    except ValueError:
        raise EnvironmentProblem(name, got=text, expected=expected) from None
    too_small = minimum is not None and number < minimum
    too_large = maximum is not None and number > maximum
    if too_small or too_large:
        raise EnvironmentProblem(name, got=text, expected=expected)
    return number


def _expected_number(minimum: int | None, maximum: int | None) -> str:
    lower = "" if minimum is None else f" from {minimum}"
    upper = "" if maximum is None else f" up to {maximum}"
    return f"a whole number{lower}{upper}"


def env_bool(name: str, *, default: bool) -> bool:
    """1, true, yes, on or 0, false, no, off, in any case. Raises EnvironmentProblem for another word."""
    text = env_str(name)
    if not text:
        return default
    if text.lower() not in WORDS:
        raise EnvironmentProblem(name, got=text, expected="1 or 0 (or true, false, yes, no, on, off)")
    return WORDS[text.lower()]


def env_list(name: str, *, default: Sequence[str] = ()) -> list[str]:
    """The comma-separated items, without blanks and without empty ones."""
    text = env_str(name)
    if not text:
        return list(default)
    return [item.strip() for item in text.split(",") if item.strip()]


def env_map(name: str) -> dict[str, str]:
    """`name=value` items, separated by blanks or line ends. Raises EnvironmentProblem for an item without a name."""
    found = {}
    for item in env_str(name).split():
        key, separator, value = item.partition("=")
        if not (key and separator and value):
            raise EnvironmentProblem(name, got=item, expected="name=value items, separated by blanks")
        found[key] = value
    return found


def db_pool() -> int:
    """Database connections of a web process, at most."""
    return env_int("CONTROLROOM_DB_POOL", default=10, minimum=1, maximum=500)


def data_dir() -> Path:
    """The absolute path of CONTROLROOM_DATA, `.controlroom` under the current directory when unset. Makes nothing."""
    return Path(env_str("CONTROLROOM_DATA", default=DEFAULT_DATA)).expanduser().absolute()


@dataclass(frozen=True, slots=True)
class Layout:
    """What lies where in a data directory."""

    data: Path

    @property
    def lock(self) -> Path:
        """Held by the one `controlroom up` that owns this directory."""
        return self.data / "lock"

    @property
    def secret_key(self) -> Path:
        return self.data / "secret-key"

    @property
    def work(self) -> Path:
        """Workspaces, one directory a run."""
        return self.data / "work"

    @property
    def postgres(self) -> Path:
        return self.data / "postgres"

    @property
    def valkey(self) -> Path:
        return self.data / "valkey"
