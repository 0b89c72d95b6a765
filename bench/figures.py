"""A figure, what it must reach, and the table that shows figures beside each other."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

COLUMNS = f"{'what':<45} {'must reach':>12} {'median':>10}  {'unit':<10} {'lowest .. highest':<22} met"


@dataclass(frozen=True, slots=True)
class Target:
    """What the median must reach: at most so much, or with `is_least` at least so much."""

    value: float
    is_least: bool = False

    def __str__(self) -> str:
        return f"{'>=' if self.is_least else '<='} {self.value:g}"

    def is_met(self, figure: float) -> bool:
        return figure >= self.value if self.is_least else figure <= self.value


def at_most(value: float) -> Target:
    return Target(value)


def at_least(value: float) -> Target:
    return Target(value, is_least=True)


@dataclass(frozen=True, slots=True)
class Figure:
    """A line of the table: one value for each round. Without a target it is there to compare with."""

    name: str
    unit: str
    rounds: Sequence[float]
    target: Target | None = None

    @property
    def median(self) -> float:
        return statistics.median(self.rounds)

    @property
    def spread(self) -> str:
        return f"{min(self.rounds):.2f} .. {max(self.rounds):.2f}"

    @property
    def met(self) -> str:
        """yes, NO, or nothing where nothing is asked for."""
        if self.target is None:
            return ""
        return "yes" if self.target.is_met(self.median) else "NO"

    @property
    def line(self) -> str:
        target = str(self.target or "")
        return (
            f"{self.name:<45} {target:>12} {self.median:>10.2f}  {self.unit:<10} {self.spread:<22} {self.met}".rstrip()
        )


@dataclass(slots=True)
class Table:
    """Prints figures as they come, and remembers which targets were missed."""

    asked: int = 0
    missed: list[str] = field(default_factory=list)

    def head(self, title: str) -> None:
        print(f"\n{title}\n{COLUMNS}\n{'-' * len(COLUMNS)}", flush=True)

    def show(self, figures: Iterable[Figure]) -> None:
        for figure in figures:
            print(figure.line, flush=True)
            self.asked += figure.target is not None
            if figure.met == "NO":
                self.missed.append(figure.name)

    @property
    def summary(self) -> str:
        if not self.asked:
            return "Nothing here has a target."
        if not self.missed:
            return f"All {self.asked} targets are met."
        return f"{len(self.missed)} of {self.asked} targets are missed: {', '.join(self.missed)}."


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest of the values that at least this share of them does not exceed."""
    ordered = sorted(values)
    return ordered[max(-int(-len(ordered) * share // 1) - 1, 0)]
