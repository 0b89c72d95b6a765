"""What boards and run pages read of the feed: rendered, or compared with filters, once for all who see the same."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from functools import partial

from controlroom.web.live import frames
from controlroom.web.live.frames import FilterMatch, Frame
from runs.queries.lists.filters import RunFilters
from runs.stream.feed import Feed
from runs.stream.topics import Subscription


async def read_page(source: Feed, watch: Subscription, *, after: int, log: int) -> Frame:
    """What a run's page lacks. Look at `more`; a log chunk that is held is told as news soon."""
    run_id = watch.topic.name
    read = partial(frames.run_page_frame, run_id, after=after, log=log)
    frame = await source.once(watch.topic, ("page", after, log), read=read)
    if frame.held:
        watch.topic.touch(run_id)
    return frame


async def read_matches(
    source: Feed, watch: Subscription, *, run_ids: Iterable[str], filters: RunFilters
) -> dict[str, FilterMatch]:
    """Whether these runs pass the filters, as far as they are there: one query for all who filter alike."""
    read = partial(frames.match_filters, filters=filters)
    return await source.each(watch, run_ids, about=_key_of(filters), read=read)


async def read_cards(source: Feed, watch: Subscription, *, run_ids: Iterable[str], view: str) -> dict[str, Frame]:
    """How this view shows these runs, as far as they are there: rendered once for all who look at it."""
    found = await source.each(watch, run_ids, about=view, read=partial(frames.card_frames, view=view))
    source.remember(found)
    return found


async def read_snapshot(source: Feed, watch: Subscription, *, filters: RunFilters, view: str) -> dict[str, int]:
    """What the board shows to this viewer: the seq of each run by its id."""
    read = partial(frames.board_snapshot, watch.caller.actor, filters=filters, view=view)
    shown: dict[str, int] = await source.once(watch.topic, ("snapshot", view, _key_of(filters)), read=read)
    source.remember(shown)
    return shown


def _key_of(filters: RunFilters) -> Hashable:
    """Filters with problems are equal to those without, and nothing passes them."""
    return filters, bool(filters.problems)
