"""What viewers were told of which run, so that the poll tells only what differs from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from runs.stream.versions import NO_VERSION, Version, latest

BOARD_RUNS_MAX = 2_000  # runs on boards that the poll looks at


class SentVersions:
    """Versions of runs whose pages are open, seqs of runs on boards, and which runs boards show."""

    def __init__(self) -> None:
        self._page_versions: dict[str, Version] = {}
        self._board_seqs: dict[str, int] = {}
        self._on_boards: dict[str, None] = {}  # in the order in which they were seen last
        self.knows_board = False

    @property
    def on_boards(self) -> set[str] | None:
        """The runs that boards show; None while no board is open."""
        return {*self._on_boards} if self.knows_board else None

    def note_page(self, run_id: str, version: Version) -> None:
        self._page_versions[run_id] = latest(self._page_versions.get(run_id, NO_VERSION), version)

    def note_board(self, run_id: str, seq: int) -> None:
        self._board_seqs[run_id] = max(self._board_seqs.get(run_id, 0), seq)

    def changed_pages(self, versions: Mapping[str, Version]) -> list[str]:
        """Take these versions, which are those of all open pages; returns the runs of which they are news."""
        told = self._page_versions
        self._page_versions = {run: latest(told.get(run, NO_VERSION), version) for run, version in versions.items()}
        return [run for run, version in self._page_versions.items() if version != told.get(run)]

    def changed_on_boards(self, seqs: Mapping[str, int]) -> list[str]:
        """Take these seqs, which are those of all runs that are looked at; returns the runs of which they are news."""
        told = self._board_seqs
        self._board_seqs = {run: max(told.get(run, 0), seq) for run, seq in seqs.items()}
        return [run for run, seq in self._board_seqs.items() if seq != told.get(run)]

    def open_board(self, seqs: Mapping[str, int]) -> None:
        """What is there before the first viewer comes is no news."""
        self._board_seqs = dict(seqs)
        self.knows_board = True

    def close_board(self) -> None:
        self.knows_board = False
        self._on_boards.clear()

    def remember(self, run_ids: Iterable[str]) -> None:
        """These runs are on boards: the poll looks at them, however old they are."""
        self._on_boards.update(dict.fromkeys(run_ids))
        while len(self._on_boards) > BOARD_RUNS_MAX:
            del self._on_boards[next(iter(self._on_boards))]
