"""A PostgreSQL cluster on disk: making one, and taking it over from an owner who is gone."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from pulser.processes.account import Account
from pulser.processes.child import POLL_INTERVAL, StackError

LEFTOVER_SIGNALS = ((signal.SIGINT, 4.0), (signal.SIGQUIT, 4.0), (signal.SIGKILL, 4.0))  # and seconds of patience


def initialise(folder: Path, *, programs: Path, account: Account | None, env: Mapping[str, str], sync: bool) -> None:
    """Run `initdb` in an empty folder. Raises StackError with its words when it fails."""
    done = subprocess.run(
        [
            *(str(programs / "initdb"), "-D", str(folder), "-U", "postgres", "-A", "trust", "-E", "UTF8"),
            *("--no-locale", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),  # the same on every machine
            *([] if sync else ["--no-sync"]),
        ],
        env=dict(env),
        cwd="/",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
        check=False,
    )
    if done.returncode:
        raise StackError(f"initdb failed in {folder}: {(done.stderr or done.stdout).strip()}")


def check_version(folder: Path, programs: Path) -> None:
    """Raises StackError when the cluster was made by another major version than `programs`."""
    made_by = (folder / "PG_VERSION").read_text().strip()
    words = subprocess.run([str(programs / "postgres"), "--version"], capture_output=True, text=True, check=True)
    ours = words.stdout.split()[-1].split(".")[0]
    if made_by != ours:
        raise StackError(
            f"{folder} was made by PostgreSQL {made_by}, this is {ours}: dump it with the old version, "
            "move the folder away and load the dump, or set DATABASE_URL"
        )


def says_ready(folder: Path) -> bool:
    """Whether the last line of `postmaster.pid` is `ready`."""
    try:
        return (folder / "postmaster.pid").read_text().rstrip().endswith("ready")
    except OSError:
        return False


def end_leftovers(folder: Path, *, cluster_name: str, socket: Path) -> None:
    """End what is left of a server whose owner was killed, then remove its stale lock files.

    PostgreSQL refuses to start while the pid in these files exists, even as a zombie or as an unrelated process. But
    they also keep a second server off the data while processes of the first one live, so they may only go when none
    of them is left. The caller holds the owner's lock, so that none can come.
    """
    for number, patience_s in LEFTOVER_SIGNALS:
        if not _processes_of(cluster_name):
            break
        _signal_postmaster(folder, number, among=_processes_of(cluster_name))
        _wait_until_gone(cluster_name, patience_s)
    if left := _processes_of(cluster_name):
        raise StackError(f"processes {sorted(left)} still use {folder} and do not stop; kill them and start again")
    for stale in (folder / "postmaster.pid", socket, socket.with_name(f"{socket.name}.lock")):
        stale.unlink(missing_ok=True)


def _signal_postmaster(folder: Path, number: signal.Signals, *, among: set[int]) -> None:
    with suppress(OSError, ValueError):
        postmaster = int((folder / "postmaster.pid").read_text().split()[0])
        if postmaster in among:
            os.kill(postmaster, number)


def _wait_until_gone(cluster_name: str, patience_s: float) -> None:
    deadline = time.monotonic() + patience_s
    while _processes_of(cluster_name) and time.monotonic() < deadline:
        time.sleep(POLL_INTERVAL)


def _processes_of(cluster_name: str) -> set[int]:
    """Pids of the cluster's processes. Each has the cluster's name in its title; a zombie has no title any more."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                title = (entry / "cmdline").read_bytes()
                if cluster_name.encode() in title and title.startswith((b"postgres: ", b"/")) and b"postgres" in title:
                    found.add(int(entry.name))
    return found
