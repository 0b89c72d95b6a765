"""Runs several children together: starts them in order, restarts what dies, stops them in the opposite order.

One thread and one loop, because the kernel ties a child's death signal to the thread that forked it.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self

from controlroom.stack.output import Console
from pulser.processes.child import (
    POLL_INTERVAL,
    Child,
    StackError,
    describe_exit,
    end,
    explain,
    is_group_alive,
    kill_group,
    spawn,
    wait_until_ready,
)
from pulser.processes.orphans import Orphans
from pulser.processes.pump import OnData, Pump

BACKOFF_FIRST_S = 0.5
BACKOFF_MAX_S = 10.0
HEALTHY_AFTER_S = 30.0  # a child that lived so long starts its backoff anew
STOP_BUDGET_S = 14.0  # for all children together
IDLE_WAIT_S = 5.0
ASK_INTERVAL = 0.2  # seconds, between two looks at something slow


class StopRequested(Exception):
    """Somebody asked us to stop."""


@dataclass(slots=True)
class SupervisedChild:
    """A child and how it fares."""

    child: Child
    process: subprocess.Popen[bytes]
    started_at: float = field(default_factory=time.monotonic)
    backoff_s: float = BACKOFF_FIRST_S  # before the next restart
    restart_at: float | None = None  # monotonic; set while it is down


class Supervisor:
    """Use it as a context manager, from the main thread; leaving it stops every child."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console()
        self._pump = Pump()
        self._members: list[SupervisedChild] = []
        self._groups: set[int] = set()
        self._started: set[int] = set()
        self._orphans = Orphans(is_own=self._started.__contains__)

    def __enter__(self) -> Self:
        self._pump.__enter__()
        self._orphans.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        try:
            self.stop()
        finally:
            self._orphans.__exit__(*error)
            self._pump.__exit__(*error)

    def start(self, child: Child) -> None:
        """Start a child and return when it is ready; from then on it is restarted when it dies.

        Raises StackError when it does not come up, StopRequested when somebody asked to stop meanwhile.
        """
        member = self._spawn(child, hear=self._hear(child))
        try:
            wait_until_ready(child, member.process, pause=self._nap)
        except BaseException:
            self._end(member, time.monotonic() + STOP_BUDGET_S)
            raise
        if child.restart:
            self._members.append(member)

    def run_once(self, child: Child) -> list[str]:
        """Run a child to its end and return its lines. Raises StackError when it fails, StopRequested likewise."""
        heard: list[str] = []
        say = self._hear(child)

        def hear(line: str) -> None:
            heard.append(line)
            say(line)

        member = self._spawn(child, hear=hear)
        try:
            while member.process.poll() is None:
                self._pause(IDLE_WAIT_S)
        finally:
            self._end(member, time.monotonic() + child.stop_grace_s)
        if member.process.returncode:
            raise StackError(explain(child, f"failed ({describe_exit(member.process.returncode)})"))
        return heard

    def watch(self) -> None:
        """Look after the children until somebody asks us to stop."""
        with suppress(StopRequested):
            while True:
                self._pause(IDLE_WAIT_S)

    def wait_for(self, is_so: Callable[[], bool], *, within_s: float) -> bool:
        """Look after the children until something is so; False when it was not in time."""
        deadline = time.monotonic() + within_s
        while not is_so():
            if time.monotonic() > deadline:
                return False
            self._nap(ASK_INTERVAL)
        return True

    def stop(self) -> None:
        """Stop everything, last started first, and leave no process of ours behind."""
        deadline = time.monotonic() + STOP_BUDGET_S
        while self._members:
            self._end(self._members.pop(), deadline)
        for group in filter(is_group_alive, self._groups):  # what outlived a child that died by itself
            kill_group(group)
        self._orphans.end()
        self._pump.drain()

    def _hear(self, child: Child) -> OnData:
        def hear(line: str) -> None:
            if line and not any(words in line for words in child.noise):
                self.console.line(child.name, line)

        return hear

    def _spawn(self, child: Child, *, hear: OnData) -> SupervisedChild:
        writing = self._pump.open_pipe(hear)
        try:
            process = spawn(child, output=writing)
        except (OSError, subprocess.SubprocessError) as error:
            raise StackError(explain(child, f"could not be started: {error}")) from error
        finally:
            os.close(writing)
        self._groups.add(process.pid)
        self._started.add(process.pid)
        return SupervisedChild(child, process)

    def _pause(self, seconds: float) -> None:
        """Wait for something to happen, and restart what is due. Raises StopRequested."""
        if not self._pump.is_stop_asked:
            self._pump.wait(min(seconds, self._until_next_restart()))
        if self._pump.is_stop_asked:
            raise StopRequested
        for place, member in enumerate(self._members):
            self._members[place] = self._look_after(member)
        self._orphans.reap()

    def _nap(self, seconds: float) -> None:
        """All of the time, whatever happens meanwhile. Raises StopRequested."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self._pause(left)

    def _until_next_restart(self) -> float:
        due = [member.restart_at for member in self._members if member.restart_at is not None]
        return min(due) - time.monotonic() if due else IDLE_WAIT_S

    def _look_after(self, member: SupervisedChild) -> SupervisedChild:
        """The member, or the fresh one that takes its place."""
        if member.process.poll() is None:
            return member
        if member.restart_at is None:
            how = describe_exit(member.process.returncode)
            if time.monotonic() - member.started_at >= HEALTHY_AFTER_S:
                member.backoff_s = BACKOFF_FIRST_S
            if not is_group_alive(member.process.pid):
                self._groups.discard(member.process.pid)
            self._plan_restart(member, f"{member.child.name} ended ({how})")
        elif time.monotonic() >= member.restart_at:
            return self._restart(member)
        return member

    def _plan_restart(self, member: SupervisedChild, why: str) -> None:
        member.restart_at = time.monotonic() + member.backoff_s
        self.console.say(f"{why}; restarting in {member.backoff_s:g} s")
        member.backoff_s = min(member.backoff_s * 2, BACKOFF_MAX_S)

    def _restart(self, member: SupervisedChild) -> SupervisedChild:
        try:
            fresh = self._spawn(member.child, hear=self._hear(member.child))
        except StackError as error:
            self._plan_restart(member, str(error))
            return member
        fresh.backoff_s = member.backoff_s
        self.console.say(f"{member.child.name} restarted, process {fresh.process.pid}")
        return fresh

    def _end(self, member: SupervisedChild, deadline: float) -> None:
        def wait(process: subprocess.Popen[bytes], patience_s: float) -> None:
            until = min(deadline, time.monotonic() + patience_s)
            while process.poll() is None and time.monotonic() < until and not self._pump.is_impatient:
                self._pump.wait(POLL_INTERVAL)

        end(member.child, member.process, wait=wait)
        self._groups.discard(member.process.pid)
        self._pump.drain()
