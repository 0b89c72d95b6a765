"""How many runs pass filters, counted up to a limit: nobody reads on beyond "1,000+", and a count must stay cheap."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pulser.engine.states import RunStatus
from runs.accounts.actors import Actor
from runs.queries.lists.filters import RunFilters
from runs.queries.lists.newest import Key, count_each, tally_newest

COUNTED = 1000  # of one kind; beyond these it is "1,000+"


@dataclass(frozen=True, slots=True)
class Count:
    """So many, or with `is_more` more than so many."""

    number: int
    is_more: bool = False

    def __str__(self) -> str:
        return f"{self.number:,}{'+' if self.is_more else ''}"

    def __bool__(self) -> bool:
        return self.number > 0

    def __add__(self, other: Count) -> Count:
        return capped(self.number + other.number, is_more=self.is_more or other.is_more)


def capped(number: int, *, is_more: bool = False) -> Count:
    return Count(min(number, COUNTED), is_more or number > COUNTED)


def total(actor: Actor, filters: RunFilters) -> Count:
    """How many runs pass."""
    return totals(actor, {"": filters})[""]


def totals(actor: Actor, lists: Mapping[Key, RunFilters]) -> dict[Key, Count]:
    """How many runs pass each of these filters."""
    return {key: capped(number) for key, number in count_each(actor, lists, limit=COUNTED + 1).items()}


def by_status(actor: Actor, filters: RunFilters) -> dict[str, Count]:
    """How many each status would give under the other filters, all six in their order. The status filter is ignored."""
    return by_word(actor, filters, name="status", words=[status.value for status in RunStatus])


def by_word(actor: Actor, filters: RunFilters, *, name: str, words: Iterable[str]) -> dict[str, Count]:
    """How many each of these words would give as the filter `name`, which is the column's name too.

    A search that finds much is not done again for each word: then it is at least so many.
    """
    others = filters.without(name)
    seen = tally_newest(actor, others, column=name, limit=COUNTED + 1)
    if seen.total() <= COUNTED:
        return {word: Count(seen[word]) for word in words}
    lists = {word: others.having(name, word) for word in words}
    if not filters.q:
        return totals(actor, lists)
    exact = totals(actor, {word: one for word, one in lists.items() if not seen[word]})
    return {word: exact.get(word, Count(seen[word], is_more=True)) for word in lists}
