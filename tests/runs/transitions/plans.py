"""Plans for moves: nobody performs their steps, so all that counts is who needs whom."""

from __future__ import annotations

ONE = """
pulser: 1
slug: one
steps:
  - {id: greet, uses: shell, with: {run: "true"}}
"""
TWO = """
pulser: 1
slug: two
steps:
  - {id: first, uses: shell, with: {run: "true"}}
  - {id: second, needs: [first], uses: shell, with: {run: "true"}}
"""
JOIN = """
pulser: 1
slug: join
steps:
  - {id: left, uses: shell, with: {run: "true"}}
  - {id: right, uses: shell, with: {run: "true"}}
  - {id: both, needs: [left, right], uses: shell, with: {run: "true"}}
"""
TIDY = """
pulser: 1
slug: tidy
steps:
  - {id: work, uses: shell, with: {run: "true"}}
finally:
  - {id: sweep, uses: shell, with: {run: "true"}}
  - {id: mop, uses: shell, with: {run: "true"}}
"""
GATE = """
pulser: 1
slug: gate
steps:
  - {id: gate, uses: approval, with: {role: operator, message: "Go?"}}
  - {id: deploy, needs: [gate], uses: shell, with: {run: "true"}}
"""
LAUNCH = """
pulser: 1
slug: launch
steps:
  - {id: launch, uses: shell, with: {run: "true"}, effect: irreversible}
"""
TIMED = """
pulser: 1
slug: timed
timeout: 1h
steps:
  - {id: work, uses: shell, with: {run: "true"}}
finally:
  - {id: tidy, uses: shell, with: {run: "true"}}
"""


def fan(width: int) -> str:
    """Steps `s0`, `s1`, ... that need nothing."""
    steps = "".join(f"  - {{id: s{number}, uses: shell, with: {{run: 'true'}}}}\n" for number in range(width))
    return f"pulser: 1\nslug: fan\nsteps:\n{steps}"
