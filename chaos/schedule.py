"""The plan of attack: which fault strikes when, and for how long. The same seed makes the same plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

QUIET_S = 2.0  # before the first strike
PAUSE_S = 1.0  # between two of the same word


@dataclass(frozen=True, slots=True)
class Kind:
    """A fault as the plan needs to know it: it lasts between `shortest_s` and `longest_s` seconds."""

    name: str
    shortest_s: float = 0.0
    longest_s: float = 0.0
    alone: str = ""
    """Faults of the same word do not overlap: they are about the same process, and one would hide the other."""
    is_slow: bool = False
    """It takes long to be noticed, so it strikes once, and early."""
    blinds: bool = False
    """Until all is well again nobody can sweep, so that nothing can be noticed either."""


@dataclass(frozen=True, slots=True)
class Strike:
    at: float
    kind: str
    lasts: float

    @property
    def until(self) -> float:
        return self.at + self.lasts


def plan_of_attack(kinds: Sequence[Kind], *, seed: int, seconds: float, every_s: float = 3.0) -> list[Strike]:
    """Each kind once at least, the longest first, so that all are over in time; then at random until time is up."""
    random = Random(f"attack {seed}")
    first = sorted(random.sample(list(kinds), len(kinds)), key=lambda kind: kind.longest_s, reverse=True)
    often = [kind for kind in kinds if not kind.is_slow]
    more = random.choices(often, k=max(0, int(seconds / every_s) - len(kinds)))
    strikes: list[Strike] = []
    free_from = dict.fromkeys((kind.alone for kind in kinds), QUIET_S)
    for kind in [*first, *more]:
        lasts = round(random.uniform(kind.shortest_s, kind.longest_s), 2)
        earliest = free_from[kind.alone] if kind.alone else QUIET_S
        latest = max(earliest, seconds - lasts)
        is_at_once = kind.is_slow or (kind.alone and not _is_among(strikes, kind))
        at = round(earliest if is_at_once else random.uniform(earliest, latest), 2)
        if not _is_among(strikes, kind) or at + lasts <= seconds:
            strikes.append(Strike(at, kind.name, lasts))
            free_from[kind.alone] = at + lasts + PAUSE_S
    return sorted(strikes, key=lambda strike: strike.at)


def _is_among(strikes: Sequence[Strike], kind: Kind) -> bool:
    return any(strike.kind == kind.name for strike in strikes)
