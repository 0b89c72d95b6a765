"""The table: what was done and how long it took to be well, then each property with what was looked at."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from chaos.attack import Blow
from chaos.check import Verdict

SHOWN = 8  # violations of one property


def table_of_strikes(blows: Sequence[Blow], *, left_out: Mapping[str, str]) -> str:
    by_kind: dict[str, list[Blow]] = defaultdict(list)
    for blow in blows:
        by_kind[blow.strike.kind].append(blow)
    lines = [f"\n{'fault':<44} {'times':>5}  {'well again after, at most':>26}"]
    for kind, those in sorted(by_kind.items()):
        lines.append(f"{kind:<44} {len(those):>5}  {_longest(those):>26}")
    lines += [f"{kind:<44} {'-':>5}  left out: {why}" for kind, why in sorted(left_out.items())]
    return "\n".join(lines)


def _longest(blows: Sequence[Blow]) -> str:
    if any(blow.well_after is None for blow in blows):
        return "never"
    return f"{max(blow.well_after or 0.0 for blow in blows):.1f} s"


def table_of_verdicts(verdicts: Sequence[Verdict]) -> str:
    lines = [f"{'property':<64} {'checked':>8} {'violations':>11}"]
    for verdict in verdicts:
        lines.append(f"{verdict.name:<64} {verdict.checked:>8} {len(verdict.violations):>11}")
        lines += [f"    {violation}" for violation in verdict.violations[:SHOWN]]
        if len(verdict.violations) > SHOWN:
            lines.append(f"    ... and {len(verdict.violations) - SHOWN} more")
    return "\n".join(lines)
