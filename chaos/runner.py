"""One siege: bring the room up, start the load, attack, let it settle, check, and tell."""

from __future__ import annotations

import logging
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench.room import Room, room
from chaos import check, facts, ledger
from chaos.attack import Attack
from chaos.check import Verdict
from chaos.environment import SLOTS, Battlefield
from chaos.facts import RunFact
from chaos.faults import Deaf, mount_small, unmount
from chaos.load import Person, Starter, push, schedule
from chaos.observer import Readiness, Sight
from chaos.plans import Author, Document
from chaos.report import table_of_strikes, table_of_verdicts
from chaos.sockets import Watchers
from chaos.tools import FUNCTIONS

logger = logging.getLogger(__name__)

PER_SECOND = 1.2  # runs started
LOAD_ENDS = 0.85  # of the attack: the last strikes find work under way
SETTLE_S = 150.0  # leases of 30 s, retries, long steps
CATCH_UP_S = 30.0
COMPLETE_S = 90.0
LONG_FROM_S = 120.0  # an attack this long has steps that outlive their lease


@dataclass(frozen=True, slots=True)
class Wanted:
    """`folder`: for data, logs and the ledger; it is removed unless something was lost, or `keep`."""

    seed: int
    seconds: float
    folder: Path
    keep: bool = False

    @property
    def long_s(self) -> float:
        return 38.0 if self.seconds >= LONG_FROM_S else 6.0


def siege(wanted: Wanted) -> bool:
    """Returns whether nothing was lost."""
    folder = wanted.folder
    folder.chmod(0o711)
    work = folder / "work"
    work.mkdir(mode=0o711)
    problem = mount_small(work)
    try:
        with room(workers=SLOTS, folder=folder, CONTROLROOM_PYTHON_FUNCTIONS=FUNCTIONS) as ours:
            verdicts = _besiege(wanted, ours, disk_problem=problem)
    finally:
        if not problem:
            unmount(work)
    is_well = not any(verdict.violations for verdict in verdicts)
    if is_well and not wanted.keep:
        shutil.rmtree(folder, ignore_errors=True)
    else:
        print(f"\nlogs and ledger: {folder}")
    return is_well


def _besiege(wanted: Wanted, ours: Room, *, disk_problem: str) -> list[Verdict]:
    book = wanted.folder / "ledger"
    plans = Author(seed=wanted.seed, ledger=book, long_s=wanted.long_s).write()
    starts = schedule(plans, seed=wanted.seed, seconds=wanted.seconds * LOAD_ENDS, per_second=PER_SECOND)
    sight, readiness = Sight(ours.database_url), Readiness(ours.url)
    with ExitStack() as stack:
        field = stack.enter_context(Battlefield(ours, sight))
        field.add_full_disk(problem=disk_problem)
        attack = Attack(field.faults, field.plan(seed=wanted.seed, seconds=wanted.seconds), field.outsiders)
        with ours.client() as client:
            push(client, plans)
        if not attack.wait_for(field.is_complete, within_s=COMPLETE_S):
            raise SystemExit(f"the workers beside the control room did not come up; see {wanted.folder}")
        starter = Starter(stack.enter_context(ours.client()), starts)
        person = Person(stack.enter_context(ours.client()), ledger_path=book)
        watchers = Watchers(ours.url, token=ours.token, runs=starter.runs)
        field.loop.start(watchers.watch())
        for thread in (readiness, starter, person):
            thread.start()
            stack.callback(thread.stop)
        _attack(attack, starter=starter, watchers=watchers, sight=sight, url=ours.database_url)
        evidence = Evidence(plans, starter.runs, facts.read(ours.database_url), ledger.read(book))
        verdicts = judge(evidence, field=field, watchers=watchers, readiness=readiness, attack=attack)
        show(verdicts, evidence, attack=attack, field=field, watchers=watchers)
        return verdicts


def _attack(attack: Attack, *, starter: Starter, watchers: Watchers, sight: Sight, url: str) -> None:
    """Strike, let all become well, let the runs end, and let the sockets hear the last of it."""
    attack.carry_out()
    attack.recover(within_s=SETTLE_S)
    attack.wait_for(lambda: not starter.is_alive() and sight.unsettled() == 0, within_s=SETTLE_S)

    def all_is_heard() -> bool:
        runs = facts.read(url)
        return not check.sockets_heard_all(runs, watchers.heard([run.id for run in runs])).violations

    attack.wait_for(all_is_heard, within_s=CATCH_UP_S)


@dataclass(frozen=True, slots=True)
class Evidence:
    """`told`: idempotency key of each start -> the run that it was answered with."""

    plans: Sequence[Document]
    told: Mapping[str, str]
    runs: Sequence[RunFact]
    lines: Sequence[ledger.Line]


def judge(
    evidence: Evidence, *, field: Battlefield, watchers: Watchers, readiness: Readiness, attack: Attack
) -> list[Verdict]:
    runs, lines = evidence.runs, evidence.lines
    policies = check.policies(evidence.plans)
    return [
        check.every_start_is_one_run(evidence.told, runs),
        check.all_has_ended(runs),
        check.nothing_is_leaked(runs),
        check.no_deed_is_done_twice(runs, lines, of=policies),
        check.nothing_succeeds_twice(runs),
        check.needs_come_first(runs, lines),
        check.retries_keep_to_the_policy(runs, lines, of=policies),
        check.the_log_is_complete(runs),
        check.sockets_heard_all(runs, watchers.heard([run.id for run in runs])),
        check.the_dead_are_noticed(runs, field.sight.deaths, blinded=[s for b in attack.blows if (s := b.blinded)]),
        check.the_deaf_are_restarted([_silence(field.deaf, runs, readiness)]),
        check.all_is_well_again([(blow.strike.kind, blow.well_after) for blow in attack.blows]),
    ]


def _silence(deaf: Deaf, runs: Sequence[RunFact], readiness: Readiness) -> tuple[float | None, float | None]:
    """Seconds from the deaf worker's last work until `/readyz` named it, and until it was ended."""
    silent_since = check.last_work_of(deaf.names, runs, since=deaf.since)
    moments = [readiness.first_naming(name, since=silent_since) for name in deaf.names]
    named_at = next((moment for moment in moments if moment is not None), None)
    ended_at = deaf.ended_at
    return named_at and named_at - silent_since, ended_at and ended_at - silent_since


def show(
    verdicts: Sequence[Verdict], evidence: Evidence, *, attack: Attack, field: Battlefield, watchers: Watchers
) -> None:
    statuses = Counter(run.status for run in evidence.runs)
    lost = sum(a.outcome == "lost" for run in evidence.runs for step in run.steps.values() for a in step.attempts)
    print(table_of_strikes(attack.blows, left_out=field.left_out))
    print(
        f"\n{len(evidence.runs)} runs: "
        + ", ".join(f"{count} {status}" for status, count in sorted(statuses.items()))
        + f"; {len(evidence.lines)} lines in the ledger; {lost} attempts lost; "
        f"sockets came back {watchers.returns} times\n"
    )
    print(table_of_verdicts(verdicts))
