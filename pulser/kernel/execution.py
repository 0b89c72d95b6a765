"""Performing an assignment: prepare, call, verify, collect, report.

Each part takes the execution and changes it, or raises what ends it: a ToolError, or Cancelled.
"""

from __future__ import annotations

import logging
import socket
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from pulser.engine.outcomes import Failed, Stopped, Success, Suspended
from pulser.kernel.assignment import Assignment
from pulser.kernel.heartbeat import Heartbeat, WatchedCall
from pulser.kernel.lease import check_lease
from pulser.kernel.leftovers import end_leftovers
from pulser.kernel.outcomes import AttemptReport, HandedBack, RunnerOutcome, StepVerdict, StoredFile
from pulser.kernel.output import Output
from pulser.kernel.progress import Progress
from pulser.kernel.reporter import Disconnected, NotStorable, Reporter, StopReason
from pulser.kernel.workspace import RECREATED, artifact_name, local_artifact, open_workspace
from pulser.language.catalogue import ErrorClass
from pulser.language.document import ArtifactSpec
from pulser.tools import registry as tools
from pulser.tools.base import Cancelled, FailedError, PermanentError, Suspension, Tool, ToolContext, ToolError
from pulser.tools.terminal import without_control
from pulser.tools.values import clean
from pulser.verifiers import registry as verifiers
from pulser.verifiers.base import StepResult

logger = logging.getLogger(__name__)

ENDING_GRACE_S = 15.0  # a tool ends what it started within 10 s; then its process is ended
MESSAGE_CHARS = 4000


@dataclass(slots=True)
class StepExecution:
    """An attempt, as far as it has come."""

    assignment: Assignment
    reporter: Reporter
    heartbeat: Heartbeat
    output: Output
    tool: Tool | None = None
    call: WatchedCall | None = None
    outputs: dict[str, Any] = field(default_factory=dict)
    exit_code: int | None = None
    verdicts: list[StepVerdict] = field(default_factory=list)
    files: list[StoredFile] = field(default_factory=list)
    suspension: Suspension | None = None

    @property
    def report(self) -> AttemptReport:
        return AttemptReport(
            self.exit_code, tuple(self.verdicts), tuple(self.files), self.output.taken, self.output.is_cut
        )


def execute(assignment: Assignment, *, reporter: Reporter, heartbeat: Heartbeat) -> bool:
    """Perform the assignment and report how it went. False: the report was refused, since the claim was lost.

    Raises Disconnected when the server stays away.
    """
    execution = StepExecution(assignment, reporter, heartbeat, Output(reporter))
    try:
        outcome = _perform(execution)
    finally:
        heartbeat.release()
    reporter.retry_on_disconnect(lambda: execution.output.flush(is_last=True))
    accepted = _report(execution, outcome)
    if not accepted:
        logger.warning("%s: late result rejected", assignment.name)
    return accepted


def report_error(error: Exception, *, reporter: Reporter, name: str) -> bool:
    """Report an attempt for which no assignment could be made. `name`: the step's, for the log.

    Returns and raises as `execute` does.
    """
    output = Output(reporter)
    failure = _failure(error, output, name=name)
    reporter.retry_on_disconnect(lambda: output.flush(is_last=True))
    report = AttemptReport(log_bytes=output.taken, log_cut=output.is_cut)
    return reporter.retry_on_disconnect(lambda: reporter.finish(failure, report=report))


def _perform(execution: StepExecution) -> RunnerOutcome:
    try:
        for part in (_prepare, _call, _verify, _collect):
            part(execution)
            if execution.suspension:
                return _suspended(execution.suspension)
        return Success(execution.outputs)
    except Cancelled:
        is_given_up = execution.call is not None and execution.call.stop_reason == StopReason.STOPPING
        return HandedBack() if is_given_up else Stopped()
    except Exception as error:
        # The outermost frame of a step: a fault of ours or of a tool must end the attempt, not the worker.
        if isinstance(error, ToolError):
            execution.exit_code = execution.exit_code if error.exit_code is None else error.exit_code
            _collect_what_is_there(execution)
        return _failure(error, execution.output, name=execution.assignment.name)


def _failure(error: Exception, output: Output, *, name: str) -> Failed:
    """What a tool says goes as it is. Any other error leaves its traceback in the step's log."""
    if isinstance(error, ToolError):
        return Failed(error.error_class, _fit(error.message))
    logger.error("%s failed unexpectedly", name, exc_info=error)
    output.write("stderr", "".join(traceback.format_exception(error)).encode())
    return Failed(ErrorClass.FAILED, _fit(f"{type(error).__name__}: {error}"))


def _fit(message: str) -> str:
    fit: str = clean(without_control(message))
    return fit[:MESSAGE_CHARS]


def _prepare(execution: StepExecution) -> None:
    """Tool, arguments, workspace. Raises PermanentError for what cannot work."""
    assignment, reporter = execution.assignment, execution.reporter
    execution.tool = tools.installed().get(assignment.tool)
    if execution.tool is None:
        raise PermanentError(f"the tool {assignment.tool} is not installed on {socket.gethostname()}")
    _check_arguments(assignment.arguments, execution.tool)
    if open_workspace(assignment.workdir) and reporter.retry_on_disconnect(reporter.has_worked_before):
        execution.output.write("stderr", RECREATED)
    for group in assignment.leftover_groups:
        end_leftovers(group, idempotency_key=assignment.idempotency_key)


def _check_arguments(arguments: Mapping[str, Any], tool: Tool) -> None:
    problem = best_match(Draft202012Validator(tool.spec.input).iter_errors(arguments))
    if problem is not None:
        raise PermanentError(f"with{problem.json_path[1:]}: {problem.message[:500]}")


def _call(execution: StepExecution) -> None:
    """Run the tool under its timeout. An exit code that a verifier judges is no failure yet."""
    assert execution.tool is not None
    assignment = execution.assignment
    if assignment.is_irreversible:
        check_lease(execution.reporter, lease_s=assignment.lease_s)
    execution.call = call = _watched(execution, execution.tool)
    progress = Progress(execution.reporter, name=assignment.name)
    context = _context(execution, call, progress)
    execution.heartbeat.watch(call)
    try:
        result = execution.tool.call(assignment.arguments, context)
    except FailedError as error:
        if error.exit_code is None or not assignment.judges_exit_code:
            raise
        result, execution.exit_code = error.outputs, error.exit_code
    finally:
        progress.flush()
    if isinstance(result, Suspension):
        execution.suspension = result
        return
    execution.outputs = clean(dict(result))
    execution.exit_code = execution.outputs.get("exit_code", execution.exit_code)


def _context(execution: StepExecution, call: WatchedCall, progress: Progress) -> ToolContext:
    assignment, reporter = execution.assignment, execution.reporter
    return ToolContext(
        workdir=assignment.workdir,
        timeout_s=assignment.timeout_s,
        idempotency_key=assignment.idempotency_key,
        write=execution.output.write,
        cancelled=call.cancelled,
        started_group=lambda group: reporter.retry_on_disconnect(lambda: reporter.note_process_group(group)),
        declared=assignment.declared,
        environment=assignment.environment,
        settings=assignment.settings,
        progress=progress,
        run_id=assignment.run_id,
    )


def _watched(execution: StepExecution, tool: Tool) -> WatchedCall:
    assignment = execution.assignment
    blocks = bool(getattr(tool, "blocks", lambda arguments: False)(assignment.arguments))
    return WatchedCall(
        name=assignment.name,
        reporter=execution.reporter,
        output=execution.output,
        lease_s=assignment.lease_s,
        hard_deadline=time.monotonic() + assignment.timeout_s + (0.0 if blocks else ENDING_GRACE_S),
        blocks=blocks,
        end_process=lambda reason: _end_process(execution, reason),
    )


def _end_process(execution: StepExecution, reason: StopReason) -> None:
    """Called in the heartbeat's thread: record the outcome under the fence, then end this process."""
    try:
        outcome = _cut_short(execution.assignment, reason)
        if outcome is not None:
            execution.reporter.finish(outcome, report=execution.report, process_ends=True)
    except Disconnected:
        raise
    except Exception:
        # What cannot be recorded is found by the server. To stay would hold the step for ever.
        logger.exception("%s: outcome not recorded", execution.assignment.name)
    execution.heartbeat.process.end()


def _cut_short(assignment: Assignment, reason: StopReason) -> RunnerOutcome | None:
    """What is reported of a call that ends with its process; of a lost claim there is nothing to report."""
    match reason:
        case StopReason.CANCELLED:
            return Stopped()
        case StopReason.STOPPING:
            return HandedBack()
        case StopReason.TIMEOUT:
            return Failed(ErrorClass.TIMEOUT, f"timed out after {assignment.timeout_s:g} s")
        case StopReason.LOST:
            return None


def _verify(execution: StepExecution) -> None:
    """Ask each verifier. A required one that says no fails the attempt: claimed is not proved."""
    assignment = execution.assignment
    result = StepResult(outputs=execution.outputs, exit_code=execution.exit_code, workdir=assignment.workdir)
    for entry in assignment.verify:
        verdict = verifiers.installed()[entry.verifier].judge(entry.config, result=result)
        execution.verdicts.append(
            StepVerdict(
                verifier=entry.verifier,
                passed=verdict.passed,
                required=entry.required,
                message=clean(without_control(verdict.message)),
                evidence=clean(dict(verdict.evidence)),
            )
        )
    refused = [verdict for verdict in execution.verdicts if verdict.required and not verdict.passed]
    if refused:
        raise FailedError(f"{refused[0].verifier}: {refused[0].message}")


def _collect(execution: StepExecution) -> None:
    for spec in execution.assignment.artifacts:
        execution.files.append(_store(execution, spec))


def _store(execution: StepExecution, spec: ArtifactSpec) -> StoredFile:
    name = artifact_name(spec)
    if name in {stored.file.name for stored in execution.files}:
        raise PermanentError(f"two artifacts are named {name}: give one of them a `name`")
    reporter = execution.reporter
    with local_artifact(execution.assignment.workdir, spec) as (file, content):
        return reporter.retry_on_disconnect(lambda: reporter.store_artifact(file, content))


def _collect_what_is_there(execution: StepExecution) -> None:
    """A step that failed may have left a report that says why."""
    execution.files.clear()
    for spec in execution.assignment.artifacts:
        try:
            execution.files.append(_store(execution, spec))
        except ToolError:
            pass  # it is not there, and the step has failed anyway
        except Exception:
            logger.exception("%s: artifact %s cannot be stored", execution.assignment.name, spec.path)


def _suspended(wait: Suspension) -> Suspended:
    return Suspended(
        kind=wait.kind,
        on_timeout=wait.on_timeout,
        for_s=wait.for_s,
        until=wait.until,
        role=wait.role or "",
        message=clean(wait.message),
    )


def _report(execution: StepExecution, outcome: RunnerOutcome) -> bool:
    """Report the outcome. One that cannot be stored becomes a failure, without what came along with it."""
    reporter = execution.reporter
    try:
        return reporter.retry_on_disconnect(lambda: reporter.finish(outcome, report=execution.report))
    except NotStorable as error:
        logger.exception("%s: outcome cannot be stored", execution.assignment.name)
        failure = Failed(ErrorClass.PERMANENT, _fit(f"the outcome cannot be stored: {error}"))
        output = execution.output
        report = AttemptReport(execution.exit_code, log_bytes=output.taken, log_cut=output.is_cut)
        return reporter.retry_on_disconnect(lambda: reporter.finish(failure, report=report))
