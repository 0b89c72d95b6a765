"""Performing a claimed step: prepare, call, verify, collect, record.

Each part takes the attempt and returns it, changed.
"""

from __future__ import annotations

import contextlib
import logging
import random
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import DataError, IntegrityError, InterfaceError, OperationalError
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from pulser.catalogue import graph_of
from pulser.engine.graph import Graph, Node
from pulser.engine.retry import decide_retry
from pulser.language.catalogue import Effect, ErrorClass
from pulser.language.document import ArtifactSpec
from pulser.language.expressions import ExpressionError, render
from pulser.tools import registry as tools
from pulser.tools.base import Cancelled, FailedError, PermanentError, Suspension, Tool, ToolContext, ToolError
from pulser.tools.effects import effect_of
from pulser.tools.terminal import without_control
from pulser.tools.values import clean
from pulser.verifiers import registry as verifiers
from pulser.verifiers.base import StepResult
from runs.execution.insist import insist
from runs.execution.output import Output
from runs.execution.progress import Progress
from runs.execution.pulse import Beat, end_this_process, pulse
from runs.execution.safety import make_sure
from runs.execution.workspace import (
    MADE_ANEW,
    artifact_name,
    end_leftovers,
    has_worked,
    keep_artifact,
    open_workspace,
    workspace_of,
)
from runs.models import Attempt
from runs.transitions.advancing import read_facts, run_scope
from runs.transitions.claiming import Claim
from runs.transitions.finishing import (
    Failure,
    Finished,
    KeptFile,
    Outcome,
    Report,
    Stopped,
    Success,
    Suspended,
    Verdict,
    finish_attempt,
    note_process_group,
)
from runs.transitions.rescuing import hand_back

logger = logging.getLogger(__name__)
chance = random.SystemRandom().random

ENDING_GRACE_S = 15.0  # a tool ends what it started within 10 s; then its process is ended


@dataclass(slots=True)
class Performance:
    """An attempt at work."""

    claim: Claim
    node: Node
    graph: Graph
    output: Output
    cancelled: threading.Event = field(default_factory=threading.Event)
    beat: Beat | None = None
    tool: Tool | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)
    scope: Mapping[str, Any] = field(default_factory=dict)
    workdir: Path = field(default_factory=Path)
    outputs: dict[str, Any] = field(default_factory=dict)
    exit_code: int | None = None
    verdicts: list[Verdict] = field(default_factory=list)
    files: list[KeptFile] = field(default_factory=list)
    suspension: Suspension | None = None

    @property
    def idempotency_key(self) -> str:
        """The same over all attempts of the step."""
        return f"{self.claim.run_id}/{self.claim.key}"

    @property
    def is_given_up(self) -> bool:
        """The worker is stopped, and the tool was told to end for it."""
        return self.beat is not None and self.beat.told == "stopping"

    @property
    def report(self) -> Report:
        return Report(self.exit_code, tuple(self.verdicts), tuple(self.files), self.output.taken, self.output.is_cut)


def perform(claim: Claim, *, go_on: Callable[[], bool] = lambda: True) -> Finished:
    """Do the step's work and record how it went; returns the next claim for this worker, if there is one.

    `go_on` is asked when the work is done: whether this worker may claim another step.
    """
    graph = insist(lambda: graph_of(claim.version_id))
    attempt = Performance(claim, graph.nodes[claim.key], graph, Output(claim))
    try:
        outcome = _outcome(attempt)
    finally:
        pulse.release()
    insist(lambda: attempt.output.flush(is_last=True))
    finished = _record(attempt, outcome, go_on=go_on())
    if not finished.accepted:
        logger.warning("run %s: the late result of step %s was refused", claim.run_id, claim.key)
    return finished


def _record(attempt: Performance, outcome: Outcome, *, go_on: bool) -> Finished:
    """Report the outcome. One that the database cannot take becomes a failure, without what came along with it."""
    if attempt.is_given_up and isinstance(outcome, Stopped):
        return Finished(accepted=insist(lambda: _hand_back(attempt)))
    try:
        return insist(lambda: finish_attempt(attempt.claim, outcome, report=attempt.report, go_on=go_on))
    except (DataError, IntegrityError, TypeError, ValueError) as error:
        logger.exception("run %s: the outcome of step %s cannot be stored", attempt.claim.run_id, attempt.claim.key)
        broken = failure(
            attempt, ErrorClass.PERMANENT, message=f"the outcome cannot be stored: {str(error).splitlines()[0]}"
        )
        report = Report(attempt.exit_code, log_bytes=attempt.output.taken, log_cut=attempt.output.is_cut)
        return insist(lambda: finish_attempt(attempt.claim, broken, report=report, go_on=go_on))


def _hand_back(attempt: Performance) -> bool:
    return hand_back(attempt.claim.run_id, attempt.claim.key, number=attempt.claim.number)


def _outcome(attempt: Performance) -> Outcome:
    try:
        for part in (_prepare, _call, _verify, _collect):
            part(attempt)
            if attempt.suspension:
                return _suspended(attempt.suspension)
        return Success(attempt.outputs)
    except Cancelled:
        return Stopped()
    except ToolError as error:
        attempt.exit_code = attempt.exit_code if error.exit_code is None else error.exit_code
        _collect_what_is_there(attempt)
        return failure(attempt, error.error_class, message=error.message)
    except Exception as error:
        # The outermost frame of a step: a fault of ours or of a tool must end the attempt, not the worker.
        logger.exception("run %s: step %s broke", attempt.claim.run_id, attempt.claim.key)
        attempt.output.write("stderr", traceback.format_exc().encode())
        return failure(attempt, ErrorClass.FAILED, message=f"{type(error).__name__}: {error}")


def failure(attempt: Performance, error_class: ErrorClass, *, message: str) -> Failure:
    """The failure with its retry decision."""
    step = attempt.node.step
    decision = decide_retry(
        attempt.graph.retry_of(step.id),
        error_class,
        tries=attempt.claim.tries,
        effect=effect_of(step, attempt.arguments or None),
        explicit=step.retry is not None,
        chance=chance(),
    )
    return Failure(error_class, clean(without_control(message))[:4000], decision.delay if decision else None)


def _prepare(attempt: Performance) -> None:
    """Tool, arguments, workspace. Raises PermanentError for what cannot work."""
    step, claim = attempt.node.step, attempt.claim
    attempt.tool = tools.installed().get(step.uses)
    if attempt.tool is None:
        raise PermanentError(f"the tool {step.uses} is not installed on {claim.holder.host}")
    try:
        attempt.scope = _scope(attempt)
        attempt.arguments = render(step.with_, attempt.scope)
    except ExpressionError as error:
        raise PermanentError(f"the arguments cannot be made: {error}") from error
    _check(attempt.arguments, attempt.tool.spec.input, "with")
    attempt.workdir = workspace_of(claim.run_id)
    if open_workspace(claim.run_id) and (claim.number > 1 or step.needs) and insist(lambda: has_worked(claim.run_id)):
        attempt.output.write("stderr", MADE_ANEW)
    if claim.number > 1:
        _end_leftovers(attempt)


def _scope(attempt: Performance) -> dict[str, Any]:
    claim = attempt.claim
    facts = insist(lambda: read_facts(claim.run_id, set(attempt.node.reads)))
    steps = {key: {"status": fact.status.value, "outputs": fact.outputs} for key, fact in facts.items()}
    scope = run_scope(
        attempt.graph, run_id=claim.run_id, title=claim.title, params=claim.params, environment=claim.environment
    )
    return {**scope, "steps": steps}


def _check(value: Any, schema: Mapping[str, Any], what: str) -> None:
    problem = best_match(Draft202012Validator(schema).iter_errors(value))
    if problem is not None:
        raise PermanentError(f"{what}{problem.json_path[1:]}: {problem.message[:500]}")


def _end_leftovers(attempt: Performance) -> None:
    earlier = Attempt.objects.filter(step_id=attempt.claim.step_id, host=attempt.claim.holder.host)
    for group in insist(lambda: list(earlier.values_list("process_group", flat=True))):
        if group is not None:
            end_leftovers(group, idempotency_key=attempt.idempotency_key)


def _call(attempt: Performance) -> None:
    """Run the tool under its timeout. An exit code that a verifier judges is no failure yet."""
    assert attempt.tool is not None
    if effect_of(attempt.node.step, attempt.arguments) == Effect.IRREVERSIBLE:
        make_sure(attempt.claim)
    timeout = attempt.graph.timeout_of(attempt.claim.key)
    progress = Progress(attempt.claim)
    context = ToolContext(
        workdir=attempt.workdir,
        timeout_s=timeout,
        idempotency_key=attempt.idempotency_key,
        write=attempt.output.write,
        cancelled=attempt.cancelled,
        started_group=lambda group: insist(lambda: note_process_group(attempt.claim, group)),
        declared=attempt.node.step.outputs,
        environment=attempt.claim.environment,
        settings=settings.TOOL_SETTINGS,
        progress=progress,
        run_id=attempt.claim.run_id,
    )
    attempt.beat = _beat(attempt, timeout)
    pulse.watch(attempt.beat)
    try:
        result = attempt.tool.call(attempt.arguments, context)
    except FailedError as error:
        if error.exit_code is None or not _judges_exit_code(attempt):
            raise
        result, attempt.exit_code = error.outputs, error.exit_code
    finally:
        progress.flush()
    if isinstance(result, Suspension):
        attempt.suspension = result
        return
    attempt.outputs = clean(dict(result))
    attempt.exit_code = attempt.outputs.get("exit_code", attempt.exit_code)


def _beat(attempt: Performance, timeout: float) -> Beat:
    blocks = bool(getattr(attempt.tool, "blocks", lambda arguments: False)(attempt.arguments))
    deadline = time.monotonic() + timeout + (0.0 if blocks else ENDING_GRACE_S)
    return Beat(
        claim=attempt.claim,
        output=attempt.output,
        cancelled=attempt.cancelled,
        hard_deadline=deadline,
        blocks=blocks,
        end_process=lambda why: _end_with_process(attempt, why),
    )


def _end_with_process(attempt: Performance, why: str) -> None:
    """Called in the pulse's thread: record the outcome under the fence, then end this process."""
    try:
        if why == "cancelled":
            finish_attempt(attempt.claim, Stopped(), report=attempt.report, go_on=False)
        elif why == "stopping":
            _hand_back(attempt)
        elif why == "timeout":
            message = f"the step took longer than {attempt.graph.timeout_of(attempt.claim.key):g} s"
            late = failure(attempt, ErrorClass.TIMEOUT, message=message)
            finish_attempt(attempt.claim, late, report=attempt.report, go_on=False)
    except (OperationalError, InterfaceError):
        raise  # the database is away: the next tick tries again
    except Exception:
        # What cannot be recorded is found by the sweeper. To stay would hold the step for ever.
        logger.exception("run %s: the end of step %s cannot be recorded", attempt.claim.run_id, attempt.claim.key)
    end_this_process()


def _judges_exit_code(attempt: Performance) -> bool:
    return any("exit_code" in entry for entry in attempt.node.step.verify)


def _verify(attempt: Performance) -> None:
    """Ask each verifier. A required one that says no fails the attempt: claimed is not proved."""
    result = StepResult(outputs=attempt.outputs, exit_code=attempt.exit_code, workdir=attempt.workdir)
    for entry in attempt.node.step.verify:
        name = next(key for key in entry if key != "required")
        config = render(entry[name], attempt.scope)
        verdict = verifiers.installed()[name].judge(config, result=result)
        attempt.verdicts.append(
            Verdict(
                verifier=name,
                passed=verdict.passed,
                required=bool(entry.get("required", True)),
                message=clean(without_control(verdict.message)),
                evidence=clean(dict(verdict.evidence)),
            )
        )
    refused = [verdict for verdict in attempt.verdicts if verdict.required and not verdict.passed]
    if refused:
        raise FailedError(f"{refused[0].verifier}: {refused[0].message}")


def _collect(attempt: Performance) -> None:
    for spec in attempt.node.step.artifacts:
        attempt.files.append(_keep(attempt, spec))


def _keep(attempt: Performance, spec: ArtifactSpec) -> KeptFile:
    try:
        named = spec.model_copy(update={"path": str(render(spec.path, attempt.scope))})
    except ExpressionError as error:
        raise PermanentError(f"the artifact's path cannot be made: {error}") from error
    name = artifact_name(named)
    if name in {file.name for file in attempt.files}:
        raise PermanentError(f"two artifacts are named {name}: give one of them a `name`")
    claim = attempt.claim
    return keep_artifact(attempt.workdir, named, run_id=claim.run_id, key=claim.key, number=claim.number)


def _collect_what_is_there(attempt: Performance) -> None:
    """A step that failed may have left a report that says why."""
    attempt.files.clear()
    for spec in attempt.node.step.artifacts:
        with contextlib.suppress(ToolError):
            attempt.files.append(_keep(attempt, spec))


def _suspended(wait: Suspension) -> Suspended:
    return Suspended(
        kind=wait.kind,
        on_timeout=wait.on_timeout,
        for_s=wait.for_s,
        until=wait.until,
        role=wait.role or "",
        message=clean(wait.message),
    )
