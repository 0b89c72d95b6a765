"""Pages of documentation that are made from tables in the code: the events, and the state machine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum

from pulser.engine.states import (
    RUN_ENDED,
    RUN_MOVES,
    RUN_STATUS_OWNERS,
    STEP_ENDED,
    STEP_MOVES,
    STEP_STATUS_OWNERS,
    Move,
    RunStatus,
    StatusOwner,
    StepStatus,
)
from runs.events import KINDS

MADE = "<!-- Made by `.venv/bin/python manage.py docs` from the code. Change it there. -->\n"


def pages() -> dict[str, str]:
    """File name below `docs/` -> its text."""
    return {"events.md": events_page(), "state-machine.md": state_page()}


def events_page() -> str:
    parts = [MADE, EVENTS_INTRO]
    for noun in dict.fromkeys(kind.partition(".")[0] for kind in KINDS):
        parts.append(f"## {noun.capitalize()}\n")
        rows = [
            (f"`{kind}`", _cell(meaning), "<br>".join(f"`{name}`: {_cell(said)}" for name, said in data.items()))
            for kind, (meaning, data) in KINDS.items()
            if kind.startswith(f"{noun}.")
        ]
        parts.append(_table(("Kind", "Meaning", "Data"), rows))
    return "\n".join(parts)


def state_page() -> str:
    return "\n".join(
        [
            MADE,
            STATES_INTRO,
            "## A run\n",
            *_state_machine_section(
                RunStatus, RUN_MOVES, ended=RUN_ENDED, custody=RUN_STATUS_OWNERS, start=RunStatus.QUEUED
            ),
            "## A step\n",
            *_state_machine_section(
                StepStatus, STEP_MOVES, ended=STEP_ENDED, custody=STEP_STATUS_OWNERS, start=StepStatus.PENDING
            ),
        ]
    )


def _state_machine_section(
    statuses: type[StrEnum],
    moves: Mapping[str, Move],
    *,
    ended: Iterable[str],
    custody: Mapping[RunStatus, StatusOwner] | Mapping[StepStatus, StatusOwner],
    start: str,
) -> list[str]:
    arrows = [
        f"    {source} --> {move.target}: {name}" for name, move in moves.items() for source in sorted(move.sources)
    ]
    diagram = ["```mermaid", "stateDiagram-v2", f"    [*] --> {start}", *arrows]
    diagram += [f"    {status} --> [*]" for status in statuses if status in ended]
    rows = [
        (
            f"`{name}`",
            ", ".join(f"`{source}`" for source in sorted(move.sources)),
            f"`{move.target}`",
            ", ".join(f"`{event}`" for event in move.events),
        )
        for name, move in moves.items()
    ]
    owners = [(f"`{status}`", each.owner, each.deadline, each.then) for status, each in custody.items()]
    return [
        *(*diagram, "```\n"),
        _table(("Move", "From", "To", "Events"), rows),
        "Who acts next, until when, and what happens then:\n",
        _table(("Status", "Who", "Until", "And then"), owners),
    ]


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"


EVENTS_INTRO = """\
# Events

Everything that happens to a run is an event in its log. Events of a run are numbered from 1, without gaps; rows are
only ever added. An event is written in the transaction that makes it true, so folding all events of a run gives its
present state, and folding some of them gives its state at that moment.

An event has `run`, `seq`, `kind`, `step` (empty when it is about the run as a whole), `attempt` (or null), `data` and
`at` (the database's clock, UTC). Read them at `GET /api/v1/runs/{id}/events?after=SEQ`, follow them at
`/api/v1/runs/{id}/events/stream` (server-sent events), on the WebSocket `/ws/runs/{id}?format=events`, or with
`controlroom events RUN --follow`.
"""

STATES_INTRO = """\
# The state machine

A move is an arrow: it is allowed from certain statuses, leads to one, and is told as one event, or as two where it
makes two moves at once. The tables below are
`pulser/engine/states.py`; the moves are carried out by `runs/transitions/`, and nothing else writes a status. A move
that the present status does not allow is refused: the API answers 409 with the reason.
"""
