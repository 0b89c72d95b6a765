"""What one board's client has: the runs that it shows, each with the seq up to which it was told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from runs.stream.refusals import Refusal, RefusalReason

CHECKED_RUNS = 5_000  # from so many on a page is asked what it still shows
RUNS_MAX = 10_000  # and past that it must connect anew


class ClientRuns:
    """Bounded: a page that stays open for days would else be remembered with every run that it ever showed."""

    def __init__(self, seqs: Mapping[str, int] | None = None) -> None:
        self._seqs = dict(seqs or {})
        self._unconfirmed: set[str] = set()  # those of these that the client does not name are not shown any more

    def __contains__(self, run_id: str) -> bool:
        return run_id in self._seqs

    @property
    def run_ids(self) -> Iterable[str]:
        return self._seqs.keys()

    @property
    def is_to_be_checked(self) -> bool:
        """Whether the client should be asked what it still shows."""
        return len(self._seqs) > CHECKED_RUNS and not self._unconfirmed

    def seq_of(self, run_id: str) -> int:
        """-1 for a run that it has not."""
        return self._seqs.get(run_id, -1)

    def note(self, run_id: str, seq: int) -> None:
        """It is told of this run up to here. Raises Refusal(RECONNECT) when it has too many."""
        if len(self._seqs) >= RUNS_MAX:
            raise Refusal(RefusalReason.RECONNECT)
        self._seqs[run_id] = seq
        self._unconfirmed.discard(run_id)

    def forget(self, run_id: str) -> int:
        """It shows this run no more; returns the seq up to which it was told."""
        return self._seqs.pop(run_id)

    def doubt_all(self) -> None:
        """From now on only what the client confirms is kept."""
        self._unconfirmed = {*self._seqs}

    def confirm(self, has: Mapping[str, int], *, shown: Iterable[str]) -> None:
        """The client says what it has; what the board shows and it lacks is to be told from the beginning."""
        gone, self._unconfirmed = self._unconfirmed - has.keys(), set()
        kept = {run_id: seq for run_id, seq in self._seqs.items() if run_id not in gone}
        self._seqs = kept | dict.fromkeys(shown, -1) | dict(has)
