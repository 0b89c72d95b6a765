"""The other side of the kernel: whoever keeps what comes of an attempt."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import BinaryIO, NamedTuple, Protocol, TypeVar

from pulser.kernel.outcomes import ArtifactFile, AttemptReport, RunnerOutcome, StoredFile

T = TypeVar("T")


class Disconnected(Exception):
    """The server cannot be reached now. The call may be made again: repeats are harmless."""


class NotStorable(Exception):
    """The outcome itself cannot be stored; the message says why, in one line."""


class StopReason(StrEnum):
    """Why a tool is stopped before it is done."""

    CANCELLED = "cancelled"
    LOST = "lost"
    STOPPING = "stopping"
    TIMEOUT = "timeout"


class OutputChunk(NamedTuple):
    """A piece of a step's output; `offset` counts the bytes of the attempt's log before it."""

    stream: str
    offset: int
    data: bytes


class Reporter(Protocol):
    """Carries one attempt's news to the server, and its orders back.

    The step's thread and the heartbeat's call it, at the same time. Each method may raise `Disconnected`; a call that
    must not be lost goes through `retry_on_disconnect`.
    """

    def retry_on_disconnect(self, call: Callable[[], T]) -> T:
        """Make the call, and again while it is `Disconnected`. Raises that when the server stays away too long."""
        ...

    def renew_lease(self) -> bool:
        """Prolong the claim's lease to its full length. False: it was lost, the step belongs to somebody else."""
        ...

    def stop_reason(self) -> StopReason | None:
        """`CANCELLED` or `LOST` when the tool should end for that. Asked every two seconds."""
        ...

    def has_worked_before(self) -> bool:
        """Whether an earlier step of the run did work in the workspace. Asked when that had to be made."""
        ...

    def note_process_group(self, group: int) -> None:
        """Remember a child's process group, so that a later attempt can end what is left of it."""
        ...

    def store_output(self, chunks: Sequence[OutputChunk]) -> None:
        """Append to the attempt's log. A chunk that is stored already, or comes after the attempt's end, is dropped."""
        ...

    def progress(self, *, done: int, total: int) -> None:
        """The step is at `done` of `total`. Nothing happens when the claim was lost."""
        ...

    def store_artifact(self, file: ArtifactFile, content: BinaryIO) -> StoredFile:
        """Keep the file's content, from its beginning; it belongs to the run once `finish` names it."""
        ...

    def finish(self, outcome: RunnerOutcome, *, report: AttemptReport, process_ends: bool = False) -> bool:
        """Record the attempt's end. False: the claim was lost, and nothing has changed.

        `process_ends`: this process can take no other step. Raises NotStorable.
        """
        ...
