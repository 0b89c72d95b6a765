"""How long something is kept, as the environment and the command line say it: `90d`, `36h`."""

from __future__ import annotations

from controlroom.env import EnvironmentProblem, env_str
from pulser.language.durations import seconds

LONGEST_S = 100 * 366 * 86_400.0  # what a clock can be set back by


def read_duration(text: str) -> float:
    """Seconds. Raises ValueError for text that is no duration, and for one of more than a hundred years."""
    found = seconds(text)
    if found > LONGEST_S:
        raise ValueError(f"expected a hundred years at most, got {text!r}")
    return found


def env_duration(name: str, *, default: float | None, unless: str = "forever") -> float | None:
    """Seconds; `default` when it is unset, None for the word `unless`. Raises EnvironmentProblem for anything else."""
    text = env_str(name)
    if not text:
        return default
    if text.lower() == unless:
        return None
    try:
        return read_duration(text)
    except ValueError:
        raise EnvironmentProblem(name, got=text, expected=f"a duration such as 90d or 36h, or {unless}") from None
