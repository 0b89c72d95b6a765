"""Was anything lost? Pure functions over the ledger, the log, the rows and what the watchers saw.

Each gives a verdict: how many things it looked at, and a sentence for each that is not as it must be.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chaos.facts import AttemptFact, RunFact, StepFact
from chaos.ledger import BEGIN, Line
from chaos.plans import Document
from pulser.engine.fold import fold_events
from pulser.engine.states import RUN_ENDED, STEP_ENDED
from pulser.language.limits import LOST_ATTEMPTS, MAX_ATTEMPTS

NOTICED_WITHIN_S = 40.0
RESTARTED_WITHIN_S = 60.0
LEFT = ("lost", "handed_back")  # outcomes of attempts that a machine ended, and no tool

Violations = list[str]


@dataclass(frozen=True, slots=True)
class Verdict:
    """`checked`: how many things were looked at; none is suspicious, and said so in the table."""

    name: str
    checked: int
    violations: Sequence[str]


@dataclass(frozen=True, slots=True)
class Policy:
    """What a plan says of a step."""

    max_attempts: int = MAX_ATTEMPTS
    is_irreversible: bool = False


def policies(plans: Iterable[Document]) -> dict[tuple[str, str], Policy]:
    """(plan, step) -> its policy."""
    found = {}
    for plan in plans:
        default = plan.get("retry", {})
        for step in [*plan["steps"], *plan.get("finally", [])]:
            retry = {**default, **step.get("retry", {})}
            limit = int(retry.get("max_attempts", MAX_ATTEMPTS))
            found[plan["slug"], step["id"]] = Policy(limit, step.get("effect") == "irreversible")
    return found


def every_start_is_one_run(wanted: Mapping[str, str], runs: Sequence[RunFact]) -> Verdict:
    """`wanted`: idempotency key, which is the title too, -> the run that the caller was told of."""
    violations = []
    by_title = defaultdict(list)
    for run in runs:
        by_title[run.title].append(run.id)
    for key, told in wanted.items():
        if by_title[key] != [told]:
            violations.append(f"the start {key} was answered with run {told}, there are {by_title[key]}")
    violations += [f"run {run.id} was started by nobody" for run in runs if run.title not in wanted]
    return Verdict("every start is one run", len(wanted), violations)


def all_has_ended(runs: Sequence[RunFact]) -> Verdict:
    """Ended, or waiting for a person with a name, a deadline and a reason."""
    violations: Violations = []
    for run in runs:
        waiting = [step for step in run.steps.values() if step.status == "waiting"]
        if run.status in RUN_ENDED:
            left = [step.key for step in run.steps.values() if step.status not in STEP_ENDED]
            violations += [f"run {run.id} is {run.status}, its step {key} has not ended" for key in left]
        elif run.status != "waiting" or not waiting:
            violations.append(f"run {run.id} ({run.plan}) is still {run.status}: {_statuses(run)}")
        else:
            violations += [_incomplete_wait(run, step) for step in waiting if _is_incomplete(step)]
    return Verdict("every run has ended or waits for a person", len(runs), violations)


def _is_incomplete(step: StepFact) -> bool:
    return not (step.wait_role and step.deadline and (step.wait_message or step.reason))


def _incomplete_wait(run: RunFact, step: StepFact) -> str:
    return (
        f"run {run.id}, step {step.key} waits for {step.wait_role or 'nobody'} until {step.deadline}, "
        f"because of {step.wait_message or step.reason or 'nothing'}"
    )


def _statuses(run: RunFact) -> str:
    return ", ".join(f"{step.key} {step.status}" for step in run.steps.values())


def nothing_is_leaked(runs: Sequence[RunFact]) -> Verdict:
    """A slot is a run that is running; a lease is an attempt in a worker's hands. At the end there is neither."""
    violations = [f"run {run.id} holds a slot of its lane" for run in runs if run.status == "running"]
    for run in runs:
        for step in run.steps.values():
            violations += [
                f"run {run.id}, step {step.key}: attempt {attempt.number} of {attempt.worker} keeps its lease"
                for attempt in step.attempts
                if attempt.has_lease
            ]
            violations += [
                f"run {run.id}, step {step.key} is {step.status}, and attempt {attempt.number} is open"
                for attempt in step.attempts
                if attempt.finished is None and step.status != "waiting"
            ]
    return Verdict("no slot and no lease is leaked", sum(len(run.steps) for run in runs), violations)


def no_deed_is_done_twice(
    runs: Sequence[RunFact], lines: Sequence[Line], *, of: Mapping[tuple[str, str], Policy]
) -> Verdict:
    """What cannot be undone stands in the ledger once at most; and once exactly, when the step succeeded."""
    begun = Counter((line.run, line.step) for line in lines if line.word == BEGIN)
    violations, checked = [], 0
    for run in runs:
        for step in run.steps.values():
            if of[run.plan, step.key].is_irreversible:
                checked += 1
                count = begun[run.id, step.key]
                if count > 1 or (step.status == "success" and count != 1):
                    violations.append(f"run {run.id}, step {step.key} is {step.status}, and was done {count} times")
    return Verdict("no irreversible call was made twice", checked, violations)


def nothing_succeeds_twice(runs: Sequence[RunFact]) -> Verdict:
    """In the log and in the attempts alike."""
    violations, checked = [], 0
    for run in runs:
        told = Counter(event.step for event in run.events if event.kind == "step.succeeded")
        for step in run.steps.values():
            checked += 1
            done = sum(attempt.outcome == "success" for attempt in step.attempts)
            if told[step.key] > 1 or done > 1:
                violations.append(f"run {run.id}, step {step.key} succeeded {max(told[step.key], done)} times")
    return Verdict("no step succeeded twice", checked, violations)


def needs_come_first(runs: Sequence[RunFact], lines: Sequence[Line]) -> Verdict:
    """In the log: no step is claimed before all it needs has ended. In the ledger: nor called before their calls."""
    violations: Violations = []
    first_begin: dict[tuple[str, str], int] = {}
    first_end: dict[tuple[str, str], int] = {}
    for line in lines:
        (first_begin if line.word == BEGIN else first_end).setdefault((line.run, line.step), line.place)
    checked = 0
    for run in runs:
        ended = _ended_at(run)
        for step in run.steps.values():
            claimed = next((e.seq for e in run.events if e.kind == "step.claimed" and e.step == step.key), None)
            begun = first_begin.get((run.id, step.key))
            for need in _needs(run, step):
                checked += 1
                if claimed is not None and not ended.get(need, claimed) < claimed:
                    violations.append(f"run {run.id}: {step.key} was claimed before {need} had ended")
                done = first_end.get((run.id, need))
                if begun is not None and done is not None and begun < done:
                    violations.append(f"run {run.id}: {step.key} was called before {need} was done")
    return Verdict("no step ran before its needs", checked, violations)


STEP_END_KINDS = ("step.succeeded", "step.failed", "step.skipped", "step.cancelled")


def _ended_at(run: RunFact) -> dict[str, int]:
    """Step -> number of the event that ended it."""
    return {event.step: event.seq for event in run.events if event.kind in STEP_END_KINDS}


def _needs(run: RunFact, step: StepFact) -> list[str]:
    """A `finally` step comes after all main steps."""
    if step.is_finally:
        return [other.key for other in run.steps.values() if not other.is_finally]
    return list(step.needs)


def retries_keep_to_the_policy(
    runs: Sequence[RunFact], lines: Sequence[Line], *, of: Mapping[tuple[str, str], Policy]
) -> Verdict:
    """Attempts that count are at most `max_attempts`, lost ones at most three; each word of a person adds a round.

    The ledger has no more calls than the rows have attempts: nobody works without a claim.
    """
    begun = Counter((line.run, line.step) for line in lines if line.word == BEGIN)
    violations, checked = [], 0
    for run in runs:
        given = Counter(event.step for event in run.events if event.kind == "approval.given")
        for step in run.steps.values():
            checked += 1
            where = f"run {run.id}, step {step.key}"
            outcomes = Counter(attempt.outcome for attempt in step.attempts)
            counted = len(step.attempts) - outcomes["handed_back"]
            allowed = of[run.plan, step.key].max_attempts + given[step.key]
            if counted > allowed:
                violations.append(f"{where} was tried {counted} times, {allowed} are allowed")
            if outcomes["lost"] > LOST_ATTEMPTS * (1 + given[step.key]):
                violations.append(f"{where} was lost {outcomes['lost']} times, and no person was asked")
            if begun[run.id, step.key] > len(step.attempts):
                called = begun[run.id, step.key]
                violations.append(f"{where} was called {called} times in {len(step.attempts)} attempts")
    return Verdict("retries keep to the policy", checked, violations)


def the_log_is_complete(runs: Sequence[RunFact]) -> Verdict:
    """Numbered from 1 without gaps, and folding it gives what the rows say."""
    violations, checked = [], 0
    for run in runs:
        checked += len(run.events)
        try:
            state = fold_events(run.events)
        except (ValueError, KeyError) as error:
            violations.append(f"run {run.id}: {error}")
            continue
        told = (state.seq, state.status, state.retry_count, state.cancel_requested, state.archived)
        rows = (run.seq, run.status, run.retry_count, run.is_stopped, run.is_archived)
        if told != rows:
            violations.append(f"run {run.id}: the log tells {told}, the row is {rows}")
        violations += [
            f"run {run.id}, step {key}: the log tells {_short(step)}, the row is {_short(run.steps[key])}"
            for key, step in state.steps.items()
            if _columns(step) != _columns(run.steps[key])
        ]
    return Verdict("the log is free of gaps and folds to the rows", checked, violations)


def _columns(step: Any) -> tuple[Any, ...]:
    return (step.status, step.attempt, step.reason, step.outputs)


def _short(step: Any) -> str:
    return f"{step.status}, attempt {step.attempt}, {step.reason!r}"


def sockets_heard_all(runs: Sequence[RunFact], heard: Mapping[str, Mapping[str, Sequence[tuple[int, str]]]]) -> Verdict:
    """`heard`: socket -> run -> (number, kind) as they came. A socket is checked for the runs that it names."""
    logs = {run.id: [(event.seq, event.kind) for event in run.events] for run in runs}
    violations, checked = [], 0
    for socket, by_run in heard.items():
        for run, events in by_run.items():
            checked += len(logs.get(run, ()))
            if list(events) != logs.get(run):
                numbers = [number for number, _kind in events]
                violations.append(f"{socket}: run {run} has {len(logs.get(run, ()))} events, it heard {numbers}")
    return Verdict("every socket heard every event once, in order", checked, violations)


Span = tuple[float, float]


def the_dead_are_noticed(
    runs: Sequence[RunFact], deaths: Sequence[tuple[str, float]], *, blinded: Sequence[Span] = ()
) -> Verdict:
    """`deaths`: (worker, moment of its end). What it had in hands must be found lost in time.

    `blinded`: from when until when nobody could sweep, because that was attacked as well; it does not count.
    """
    waits = {
        f"run {run.id}, step {step.key}, attempt {attempt.number} of {attempt.worker}": wait
        for run in runs
        for step in run.steps.values()
        for attempt in step.attempts
        if (wait := _wait_for_notice(attempt, deaths, blinded)) is not None
    }
    late = [f"{where}: noticed after {wait:.1f} s" for where, wait in waits.items() if wait > NOTICED_WITHIN_S]
    longest = f", {max(waits.values()):.1f} s at most" if waits else ""
    return Verdict(f"a dead worker is noticed within {NOTICED_WITHIN_S:.0f} s{longest}", len(waits), late)


def _wait_for_notice(
    attempt: AttemptFact, deaths: Sequence[tuple[str, float]], blinded: Sequence[Span]
) -> float | None:
    """Seconds from the last blow that hit it; None for an attempt that none hit, or that ended by itself."""
    if attempt.outcome not in LEFT or attempt.finished is None:
        return None
    hits = [at for worker, at in deaths if worker == attempt.worker and attempt.started <= at <= attempt.finished]
    return attempt.finished - max(hits) - covered(blinded, (max(hits), attempt.finished)) if hits else None


def covered(spans: Iterable[Span], whole: Span) -> float:
    """Seconds of the whole that lie in any of the spans."""
    seconds, reached = 0.0, whole[0]
    for begins, ends in sorted(spans):
        first, last = max(begins, reached), min(ends, whole[1])
        if last > first:
            seconds, reached = seconds + last - first, last
    return seconds


def the_deaf_are_restarted(noticed: Sequence[tuple[float | None, float | None]]) -> Verdict:
    """For each worker made deaf: seconds until it was named as not ready, and until it was ended; None: never.

    They count from its last work: what it finds by itself while it goes straight on is work as well.
    """
    violations: Violations = []
    for named_s, ended_s in noticed:
        if named_s is None and ended_s is None:
            violations.append("a worker that took nothing was never noticed")
        if ended_s is None or ended_s > RESTARTED_WITHIN_S:
            when = "never" if ended_s is None else f"after {ended_s:.0f} s"
            violations.append(f"a worker that took nothing was restarted {when}")
    longest = max((ended_s for _named_s, ended_s in noticed if ended_s is not None), default=0.0)
    name = f"a deaf worker is restarted within {RESTARTED_WITHIN_S:.0f} s, {longest:.1f} s at most"
    return Verdict(name, len(noticed), violations)


def last_work_of(workers: Sequence[str], runs: Sequence[RunFact], *, since: float) -> float:
    """When one of these last had an attempt in hands; `since` when none had later."""
    ends = [
        attempt.finished or attempt.started
        for run in runs
        for step in run.steps.values()
        for attempt in step.attempts
        if attempt.worker in workers
    ]
    return max([since, *ends])


def all_is_well_again(blows: Sequence[tuple[str, float | None]]) -> Verdict:
    """(fault, seconds until all was well after it; None: it never was)."""
    violations = [f"after this it was not well again: {kind}" for kind, well_after in blows if well_after is None]
    return Verdict("all is well again after each blow", len(blows), violations)
