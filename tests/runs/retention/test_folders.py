"""Folders go out of sight by one rename, and then bit by bit; nothing outside is ever touched."""

from __future__ import annotations

import os
import tempfile
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from runs.retention import folders
from runs.retention.folders import TRASH, empty_trash, move_to_trash

NOBODY = 65534
DEEP = 3_000  # folders in one another: more than Python's stack, and than a path may be long


@pytest.fixture
def root(data: Path) -> Path:
    root = data / "work"
    root.mkdir()
    return root


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A file that is none of a run's business."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "precious").write_text("keep me")
    return folder


def make_workspace(root: Path) -> Path:
    path = root / str(uuid.uuid4())
    path.mkdir(mode=0o700)
    return path


def remove(root: Path, path: Path) -> int:
    assert move_to_trash(root, path.name)
    return sum(empty_trash(root))


def left(root: Path) -> list[Path]:
    return list((root / TRASH).iterdir())


def test_a_discarded_folder_is_out_of_use_at_once(root: Path) -> None:
    path = make_workspace(root)
    (path / "file").touch()
    assert move_to_trash(root, path.name)
    assert not path.exists()


def test_it_goes_with_everything_in_it(root: Path) -> None:
    path = make_workspace(root)
    (path / "src" / "inner").mkdir(parents=True)
    (path / "src" / "inner" / "file").write_text("x")
    os.mkfifo(path / "pipe")
    assert remove(root, path) > 0
    assert left(root) == []


def test_what_is_not_there_cannot_be_discarded(root: Path) -> None:
    assert not move_to_trash(root, str(uuid.uuid4()))
    assert not move_to_trash(root / "nowhere", str(uuid.uuid4()))


def test_links_go_and_what_they_point_to_stays(root: Path, outside: Path) -> None:
    path = make_workspace(root)
    (path / "folder").symlink_to(outside)
    (path / "file").symlink_to(outside / "precious")
    remove(root, path)
    assert left(root) == []
    assert (outside / "precious").read_text() == "keep me"


def test_a_workspace_that_became_a_link_goes_and_its_target_stays(root: Path, outside: Path) -> None:
    path = root / str(uuid.uuid4())
    path.symlink_to(outside)
    mode = outside.stat().st_mode
    remove(root, path)
    assert left(root) == []
    assert (outside / "precious").exists()
    assert outside.stat().st_mode == mode


def as_nobody(call: Callable[[], bool], *, reach: Path) -> bool:
    """What the call answers in a process that may not do everything: root's becomes one of `nobody`."""
    if os.geteuid() == 0:
        for folder in (reach, *reach.parents):
            if folder.is_relative_to(tempfile.gettempdir()) and folder != Path(tempfile.gettempdir()):
                folder.chmod(folder.stat().st_mode | 0o011)
    pid = os.fork()
    if pid == 0:
        try:
            if os.geteuid() == 0:
                os.setgid(NOBODY)
                os.setuid(NOBODY)
            os._exit(0 if call() else 1)
        finally:
            os._exit(2)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def give_to_nobody(*places: Path) -> None:
    if os.geteuid() == 0:
        for place in places:
            os.chown(place, NOBODY, NOBODY, follow_symlinks=False)


def test_folders_that_a_step_made_read_only_go_too(root: Path) -> None:
    path = make_workspace(root)
    inner = path / "locked" / "inner"
    inner.mkdir(parents=True)
    (inner / "file").touch()
    give_to_nobody(root, path, path / "locked", inner, inner / "file")
    for folder in (inner, path / "locked", path):
        folder.chmod(0o000)

    assert as_nobody(lambda: remove(root, path) > 0, reach=root)

    assert left(root) == []


@pytest.mark.root
def test_what_resists_stays_and_holds_nothing_up(root: Path) -> None:
    path, other = make_workspace(root), make_workspace(root)
    (path / "foreign").mkdir()
    (path / "foreign" / "file").touch()
    (other / "file").touch()
    give_to_nobody(root, path, other, other / "file")
    (path / "foreign").chmod(0o755)

    assert as_nobody(lambda: remove(root, path) == 0 and remove(root, other) > 0, reach=root)

    assert [folder.name[:36] for folder in left(root)] == [path.name]
    assert (left(root)[0] / "foreign" / "file").exists()


def test_depth_does_not_matter(root: Path) -> None:
    path = make_workspace(root)
    here = os.open(path, os.O_RDONLY)
    for _ in range(DEEP):
        os.mkdir("down", dir_fd=here)
        below = os.open("down", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    assert remove(root, path) == 2 * DEEP + 1
    assert left(root) == []


def test_each_step_deletes_a_bounded_number_and_who_stops_can_go_on(root: Path) -> None:
    path = make_workspace(root)
    for number in range(3 * folders.CHUNK):
        (path / f"file{number}").touch()
    move_to_trash(root, path.name)
    steps = empty_trash(root)
    assert next(steps) == folders.CHUNK
    steps.close()
    assert max(counts := list(empty_trash(root))) <= folders.CHUNK
    assert sum(counts) == 2 * folders.CHUNK + 1
    assert left(root) == []


def test_two_who_empty_the_same_bin_do_no_harm(root: Path) -> None:
    path = make_workspace(root)
    for number in range(2 * folders.CHUNK):
        (path / f"folder{number}").mkdir()
    move_to_trash(root, path.name)
    first, second = empty_trash(root), empty_trash(root)
    for _ in zip(first, second, strict=False):
        pass
    assert sum(first) + sum(second) >= 0
    assert left(root) == []
