"""A line of the table, and the table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Row:
    """What was sent to one place. `answers` counts requests by what came back, `violations` say what was wrong."""

    name: str
    answers: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)

    @property
    def requests(self) -> int:
        return self.answers.total()

    def saw(self, answer: object, *, right: bool = True, why: str = "") -> None:
        """Count an answer; `right` says whether it is one, `why` what it violates otherwise."""
        self.answers[str(answer)] += 1
        if not right:
            self.violations.append(f"{answer}: {why}")


def show(rows: Iterable[Row]) -> int:
    """Print the table, then each violation. Returns how many there are."""
    rows = list(rows)
    width = max(len(row.name) for row in rows)
    print(f"{'call':<{width}}  requests  violations  answers")
    print("-" * (width + 60))
    for row in rows:
        answers = "  ".join(f"{answer} x {count}" for answer, count in sorted(row.answers.items()))
        print(f"{row.name:<{width}}  {row.requests:>8}  {len(row.violations):>10}  {answers}")
    found = [f"{row.name}: {violation}" for row in rows for violation in row.violations]
    print(f"\n{sum(row.requests for row in rows)} requests, {len(found)} violations")
    for violation in found:
        print(f"\n{violation}")
    return len(found)
