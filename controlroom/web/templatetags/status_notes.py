"""What a run or a step is about right now, in a few words; and who must act next on it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from controlroom.web.templatetags.runs import plain_text
from controlroom.web.templatetags.times import exact, lasted, length
from pulser.engine.states import RUN_STATUS_OWNERS, STEP_STATUS_OWNERS, RunStatus, StatusOwner, StepStatus
from runs.models import Attempt, Run, Step
from runs.queries.waiting_reasons import WaitingReason, why_waiting

register = template.Library()

NAMED = 2  # steps named in a note; the rest is counted
WHEN_FREE = "it starts when the lane has a free slot"
DECISIONS = {"approve": "it is approved", "reject": "it is rejected", "succeed": "it continues"}


@dataclass(frozen=True, slots=True)
class StatusNote:
    """A few words, and the moment they count down to."""

    text: str = ""
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Responsible:
    """Who must act, until when (a moment where one is known, else in words or not at all), and what happens then."""

    owner: str
    deadline: str
    then: str
    deadline_at: datetime | None = None


@register.simple_tag
def run_status_word(run: Run) -> str:
    return "cancelling" if run.is_cancelling else run.status


@register.simple_tag
def ran(run: Run) -> SafeString | str:
    """How long it ran, or has run until now; without what lay between an end and a retry, which is said on hover."""
    if run.started_at is None or run.finished_at is None or run.rested_s < 1:
        return lasted(run.counted_from, run.finished_at)
    took = (run.finished_at - run.started_at).total_seconds() - run.rested_s
    between = (exact(run.started_at), exact(run.finished_at), length(run.rested_s))
    return format_html('<span title="{} to {}, without {} before a retry">{}</span>', *between, length(max(0.0, took)))


@register.simple_tag
def run_note(run: Run, steps: Iterable[Step], why: WaitingReason | None = None) -> StatusNote:
    """What a card says beside the status. `why`: the reason for standing still, where there is one."""
    shown = list(steps)
    if run.status == RunStatus.ERROR:
        return StatusNote(_failure(run, steps=shown))
    if run.status == RunStatus.SUCCESS:
        return StatusNote(_allowed(shown))
    if run.is_finished:
        return StatusNote(run.reason)
    busy = _in_status(shown, StepStatus.RUNNING)
    if busy and run.status == RunStatus.RUNNING:
        return StatusNote(_names(busy))
    why = why or why_waiting(shown)
    going_on = "to resume" if run.status == RunStatus.QUEUED and run.started_at else ""
    said = why.text if why else _names(_in_status(shown, StepStatus.QUEUED))
    return StatusNote(": ".join(filter(None, (going_on, said))), why.until if why else None)


def _failure(run: Run, *, steps: Sequence[Step]) -> str:
    """What the step said of which the run says no more than that it failed; else the run's own reason."""
    for step in _in_status(steps, StepStatus.ERROR):
        if run.reason in ("", f"{step.key} failed"):
            return plain_text(f"{step.key}: {step.reason}" if step.reason else f"{step.key} failed")
    return plain_text(run.reason)


def _allowed(steps: Sequence[Step]) -> str:
    """What failed in a run that went well all the same."""
    failed = _in_status(steps, StepStatus.ERROR)
    return f"{_names(failed)} failed (continue_on_error)" if failed else ""


def _in_status(steps: Iterable[Step], status: str) -> list[Step]:
    return [step for step in steps if step.status == status]


def _names(steps: Sequence[Step]) -> str:
    more = f" and {len(steps) - NAMED} more" if len(steps) > NAMED else ""
    return ", ".join(step.key for step in steps[:NAMED]) + more


@register.simple_tag
def run_custody(run: Run, steps: Iterable[Step]) -> Responsible | None:
    """Who answers for the run; None when it has ended."""
    if run.is_finished:
        return None
    base, shown = _from_table(RUN_STATUS_OWNERS[RunStatus(run.status)]), list(steps)
    if run.status == RunStatus.QUEUED and run.lane.paused:
        return replace(base, owner=f"an operator to resume lane {run.lane.name}", deadline="", then=WHEN_FREE)
    if run.status == RunStatus.QUEUED:
        return replace(base, owner=f"lane {run.lane.name}")
    if run.status == RunStatus.RUNNING:
        return _busiest(base, steps=shown)
    return _waiting_custody(base, steps=shown)


def _busiest(base: Responsible, *, steps: Sequence[Step]) -> Responsible:
    """Of the steps that run, the one whose worker must show itself first; else what is about to run."""
    held = [
        (step, attempt) for step in steps for attempt in getattr(step, "open_attempts", ()) if attempt.lease_expires
    ]
    if held:
        step, attempt = min(held, key=lambda pair: pair[1].lease_expires)
        following = step_custody(step, [attempt])
        return replace(following, owner=f"{following.owner} (step {step.key})") if following else base
    queued = _in_status(steps, StepStatus.QUEUED)
    return _from_table(STEP_STATUS_OWNERS[StepStatus.QUEUED]) if queued else base


def _waiting_custody(base: Responsible, *, steps: Sequence[Step]) -> Responsible:
    """Of the steps that wait, the one whose time is up first; one without a time when no other is there."""
    awaited = _in_status(steps, StepStatus.WAITING) + _in_status(steps, StepStatus.BACKOFF)
    found = [(step, following) for step in awaited if (following := step_custody(step, []))]
    timed = [(next_.deadline_at, step.key, step, next_) for step, next_ in found if next_.deadline_at]
    if not found:
        return base
    step, following = min(timed)[2:] if timed else found[0]
    return replace(following, owner=f"{following.owner} (step {step.key})")


@register.simple_tag
def step_custody(step: Step, attempts: Iterable[Attempt]) -> Responsible | None:
    """Who answers for the step; None when it has ended."""
    if step.is_finished:
        return None
    base = _from_table(STEP_STATUS_OWNERS[StepStatus(step.status)])
    if step.status == StepStatus.RUNNING:
        return _leased(base, attempts=list(attempts))
    if step.status == StepStatus.BACKOFF:
        return replace(base, deadline_at=step.next_attempt_at)
    if step.status == StepStatus.WAITING:
        then = DECISIONS.get(step.on_timeout, base.then)
        owner = step.wait_role or ("a timer" if step.wait_kind == "timer" else base.owner)
        return replace(base, owner=owner, deadline_at=step.deadline_at, then=then)
    return base


def _leased(base: Responsible, *, attempts: Sequence[Attempt]) -> Responsible:
    if not attempts or attempts[-1].finished_at:
        return base
    return replace(base, owner=attempts[-1].worker or base.owner, deadline_at=attempts[-1].lease_expires)


def _from_table(custody: StatusOwner) -> Responsible:
    return Responsible(custody.owner, custody.deadline, custody.then)


@register.simple_tag
def step_note(step: Step, attempts: Iterable[Attempt]) -> str:
    """Why a step is as it is: its reason, else what its latest attempt said."""
    if step.status in (StepStatus.SUCCESS, StepStatus.PENDING, StepStatus.QUEUED):
        return ""
    tries = list(attempts)
    said = tries[-1].error_message if tries else ""
    return plain_text(step.reason or said)
