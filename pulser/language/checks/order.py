"""Which steps run before which, and the circles in which none could ever begin."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from pulser.language.document import Plan
from pulser.language.names import did_you_mean


class Order:
    """The order of a plan's steps. Unknown needs and second steps of a name are left out.

    `unsure` are the steps whose needs cannot be read: any other step may run before them.
    """

    def __init__(self, plan: Plan, *, unsure: frozenset[str] = frozenset()) -> None:
        self._needs: dict[str, list[str]] = {}
        for step in plan.steps:
            self._needs.setdefault(step.id, list(step.needs))
        for needs in self._needs.values():
            needs[:] = [need for need in dict.fromkeys(needs) if need in self._needs]
        self._finals = list(dict.fromkeys(step.id for step in plan.finally_ if step.id not in self._needs))
        self._names = frozenset(self._needs).union(self._finals)
        self._bits = {step: 1 << index for index, step in enumerate(self._needs)}
        self._before = self._upstream(unsure)

    def _upstream(self, unsure: frozenset[str]) -> dict[str, int]:
        """The steps before each step, as bits. One with unknown needs, or in a circle, has all before it."""
        everything = (1 << len(self._bits)) - 1
        before: dict[str, int] = {}
        for step in self._sorted():
            found = everything if step in unsure else 0
            for need in self._needs[step]:
                found |= before[need] | self._bits[need]
            before[step] = found
        return {step: before.get(step, everything) for step in self._needs}

    def _sorted(self) -> Iterator[str]:
        """Steps after all that they need; those in a circle, and what follows them, never come."""
        waiting = {step: len(needs) for step, needs in self._needs.items()}
        followers: dict[str, list[str]] = {}
        for step, needs in self._needs.items():
            for need in needs:
                followers.setdefault(need, []).append(step)
        ready = deque(step for step, count in waiting.items() if not count)
        while ready:
            step = ready.popleft()
            yield step
            for follower in followers.get(step, ()):
                waiting[follower] -= 1
                if not waiting[follower]:
                    ready.append(follower)

    def circles(self) -> list[list[str]]:
        """Each circle once, from its first step in the plan back to it: `[a, b, a]`."""
        stuck = self._needs.keys() - set(self._sorted())
        found: list[list[str]] = []
        seen: set[str] = set()
        for start in self._needs:
            if start in stuck and start not in seen:
                circle = self._circle(start, seen)
                if circle:
                    found.append(circle)
        return found

    def _circle(self, start: str, seen: set[str]) -> list[str] | None:
        """Walks along needs until it meets its own way, or one walked before."""
        way: dict[str, int] = {}
        stack = [(start, iter(self._needs[start]))]
        way[start] = 0
        while stack:
            step, needs = stack[-1]
            need = next(needs, None)
            if need is None:
                stack.pop()
                way.pop(step)
                seen.add(step)
            elif need in way:
                circle = list(way)[way[need] :]
                seen.update(way)
                return self._turned(circle)
            elif need not in seen:
                way[need] = len(stack)
                stack.append((need, iter(self._needs[need])))
        return None

    def _turned(self, circle: list[str]) -> list[str]:
        places = {step: index for index, step in enumerate(self._needs)}
        first = circle.index(min(circle, key=lambda step: places[step]))
        return [*circle[first:], *circle[:first], circle[first]]

    def unreachable(self, step: str, named: str) -> str | None:
        """Why the expressions of a step may not name another one; None when they may."""
        if named == step:
            return "a step cannot refer to itself: it has no outputs yet"
        if unknown := self.unknown(named):
            return unknown
        if step in self._needs:
            return self._unreachable_in_main(step, named)
        if named in self._finals and self._finals.index(named) > self._finals.index(step):
            return f"`{named}` runs after this step"
        return None

    def _unreachable_in_main(self, step: str, named: str) -> str | None:
        if named in self._finals:
            return f"`{named}` is a `finally` step and runs after this one"
        if self._before[step] & self._bits[named]:
            return None
        return f"`{named}` does not run before this step; add it to `needs`"

    def unknown(self, named: str) -> str | None:
        """Why no step of this plan has this name; None when one has."""
        return None if named in self._names else f"unknown step `{named}`{did_you_mean(named, self._names)}"
