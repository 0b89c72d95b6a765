"""Folders that bear a run's id (workspaces, artifacts), and how they go: out of sight at once, then bit by bit."""

from __future__ import annotations

import errno
import logging
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import lru_cache
from itertools import islice
from pathlib import Path

from runs.sql import column

logger = logging.getLogger(__name__)

TRASH = ".gone"  # beside the folders: a rename must not leave the file system
CHUNK = 200  # folders, or entries of one, in one step
OWN = 0o700
ENTER = os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC

ABSENT = (
    "SELECT id FROM unnest(%(run_ids)s::uuid[]) AS v(id) WHERE NOT EXISTS (SELECT FROM runs_run r WHERE r.id = v.id)"
)


def run_folders(root: Path, *, born_before: datetime) -> Iterator[list[str]]:
    """The ids of the runs that were made before that moment and have an entry here, in lists of at most `CHUNK`.

    A list may be empty: it stands for a step done.
    """
    try:
        with os.scandir(root) as entries:
            while names := [entry.name for entry in islice(entries, CHUNK)]:
                yield [name for name in names if _is_older(name, born_before)]
    except FileNotFoundError:
        return


def _is_older(name: str, moment: datetime) -> bool:
    """A run's id begins with the milliseconds of its birth (UUIDv7), so that nobody need be asked about young ones."""
    try:
        run_id = uuid.UUID(name)
    except ValueError:
        return False
    return str(run_id) == name and run_id.version == 7 and (run_id.int >> 80) < moment.timestamp() * 1000


def unknown_run_ids(run_ids: list[str]) -> list[str]:
    """Those of them that the database does not know."""
    return [str(run_id) for run_id in column(ABSENT, {"run_ids": run_ids})] if run_ids else []


def remove_orphans(root: Path, *, born_before: datetime) -> Iterator[int]:
    """Discard folders of runs that are gone: somebody was interrupted between commit and files. Yields how many."""
    for run_ids in run_folders(root, born_before=born_before):
        yield sum(move_to_trash(root, run_id) for run_id in unknown_run_ids(run_ids))


def move_to_trash(root: Path, run_id: str) -> bool:
    """Take the run's folder out of use. False: there is none, or it cannot be moved (said once, in the log)."""
    path = root / run_id
    try:
        (root / TRASH).mkdir(mode=OWN, exist_ok=True)
        if not path.is_symlink() and path.is_dir():
            with _entered(root) as outside:
                _open_up(run_id, outside)
        path.rename(root / TRASH / f"{run_id}-{uuid.uuid4().hex}")
    except FileNotFoundError:
        return False
    except OSError as error:  # a mount, or somebody else's
        _complain(str(path), str(error))
        return False
    return True


def empty_trash(root: Path) -> Iterator[int]:
    """Delete what was discarded. Yields the number of entries deleted after at most `CHUNK` of them.

    Folders within folders are moved up before they are entered, so neither depth nor number matters, and whoever goes
    on finds less to do. No link is followed, no other file system is entered; what resists stays, and is said once.
    """
    try:
        with _entered(root / TRASH) as bin_fd:
            while True:
                deleted = 0
                for count in _pass(bin_fd, root / TRASH):
                    deleted += count
                    yield count
                if not deleted:
                    return
    except FileNotFoundError:
        return


def _pass(bin_fd: int, place: Path) -> Iterator[int]:
    with os.scandir(bin_fd) as entries:
        for entry in entries:
            try:
                yield from _take_apart(entry, bin_fd)
            except FileNotFoundError:
                continue  # somebody else empties it too
            except OSError as error:
                _complain(str(place / entry.name), str(error))


def _take_apart(entry: os.DirEntry[str], bin_fd: int) -> Iterator[int]:
    """Delete a file; of a folder the files in it, then itself, with the folders in it moved up."""
    if not entry.is_dir(follow_symlinks=False):
        os.unlink(entry.name, dir_fd=bin_fd)
        yield 1
        return
    _open_up(entry.name, bin_fd)
    with _entered(entry.name, bin_fd) as folder, os.scandir(folder) as inside:
        if os.fstat(folder).st_dev != os.fstat(bin_fd).st_dev:
            raise OSError(errno.EXDEV, "a file system is mounted here")
        while some := list(islice(inside, CHUNK)):
            for inner in some:
                _lift(inner, folder, bin_fd)
            yield len(some)
    os.rmdir(entry.name, dir_fd=bin_fd)
    yield 1


def _lift(inner: os.DirEntry[str], folder: int, bin_fd: int) -> None:
    if inner.is_dir(follow_symlinks=False):
        _open_up(inner.name, folder)
        os.rename(inner.name, uuid.uuid4().hex, src_dir_fd=folder, dst_dir_fd=bin_fd)
    else:
        os.unlink(inner.name, dir_fd=folder)


def _open_up(name: str, parent: int) -> None:
    """A step may have left a folder read-only; then nothing in it can be deleted, nor can it be moved."""
    with _entered(name, parent, flags=os.O_PATH) as folder:
        if os.fstat(folder).st_mode & OWN != OWN:
            Path(f"/proc/self/fd/{folder}").chmod(OWN)


@contextmanager
def _entered(path: str | Path, parent: int | None = None, *, flags: int = os.O_RDONLY) -> Iterator[int]:
    """A descriptor of the folder; never of what a link points to."""
    descriptor = os.open(path, flags | ENTER, dir_fd=parent)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@lru_cache(maxsize=1000)
def _complain(path: str, reason: str) -> None:
    """Once for each place in a process's life: it will be tried again and again."""
    logger.warning("%s cannot be deleted: %s", path, reason)
