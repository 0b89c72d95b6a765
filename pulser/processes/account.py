"""Which user a server runs as, and what that user can reach."""

from __future__ import annotations

import hashlib
import os
import pwd
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

SOCKET_PATH_BYTES = 100  # sun_path holds 108 with its final zero; some clients add a suffix
ROOT_HOME = Path("/var/lib/controlroom")  # where root keeps what `nobody` must reach


@dataclass(frozen=True, slots=True)
class Account:
    """A user and a group, by number, without further groups."""

    uid: int
    gid: int


def database_account() -> Account | None:
    """`nobody` when we are root, because PostgreSQL refuses root; None, the user we are, otherwise."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        return Account(uid=65534, gid=65534)
    return Account(uid=entry.pw_uid, gid=entry.pw_gid)


def can_reach(account: Account | None, path: Path) -> bool:
    """Whether the account may pass through every directory above `path`, links followed; itself it always may."""
    if account is None:
        return True
    return all(_may_pass(account, folder.stat()) for folder in path.resolve().parents if folder.exists())


def _may_pass(account: Account, status: os.stat_result) -> bool:
    if status.st_uid == account.uid:
        return bool(status.st_mode & stat.S_IXUSR)
    if status.st_gid == account.gid:
        return bool(status.st_mode & stat.S_IXGRP)
    return bool(status.st_mode & stat.S_IXOTH)


def make_folder(folder: Path) -> None:
    """Make the folder and what is missing above it: 0700, and as root 0711, so that `nobody` may pass through.

    What is there already keeps its mode: we open nobody's home.
    """
    if folder.exists():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    folder.chmod(0o711 if os.geteuid() == 0 else 0o700)


def short_name(path: Path) -> str:
    """12 hex digits that stand for a path."""
    return hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:12]


def socket_folder(home: Path, *, file_name: str, account: Account | None) -> Path:
    """`home`, or a 0700 folder in the temp directory when a socket in `home` would have too long a path.

    Raises PermissionError when that folder is there already and belongs to somebody else.
    """
    if len(os.fsencode(home / file_name)) <= SOCKET_PATH_BYTES:
        return home
    owner = account.uid if account else os.geteuid()
    folder = _temp_root(account) / f"controlroom-{owner}-{short_name(home)}"
    _own_folder(folder, account=account, owner=owner)
    return folder


def _temp_root(account: Account | None) -> Path:
    chosen = Path(tempfile.gettempdir())
    is_short = len(os.fsencode(chosen)) < SOCKET_PATH_BYTES // 2
    return chosen if is_short and can_reach(account, chosen / "socket") else Path("/tmp")  # noqa: S108 (owner is checked)


def _own_folder(folder: Path, *, account: Account | None, owner: int) -> None:
    try:
        folder.mkdir(mode=0o700)
        if account:
            os.chown(folder, account.uid, account.gid)
    except FileExistsError:
        pass
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != owner or status.st_mode & 0o077:
        raise PermissionError(f"{folder} is not a 0700 directory of user {owner}; remove it, or set TMPDIR")
