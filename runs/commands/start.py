"""Starting runs: what is wanted is checked here, once, whoever asks."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models.expressions import RawSQL

from pulser.catalogue import IncompatiblePlan, compiled_plan
from pulser.engine.graph import Graph
from pulser.engine.states import RunStatus
from pulser.language.document import Plan as PlanDocument
from pulser.language.limits import NUMBER_MAX, PARAMS_BYTES, PRIORITY_MAX, TITLE_CHARS
from pulser.language.numbers import whole_number
from pulser.language.params import ParamsTooLarge, check_params
from pulser.models import Plan, PlanVersion
from pulser.tools.values import clean
from runs.accounts.actors import Actor
from runs.errors import Busy, Forbidden, IdempotencyKeyReused, NotFound, StartRefused, TooLarge
from runs.models import Lane, Run, Session
from runs.models.choices import ENVIRONMENTS
from runs.models.lane import DEFAULT_LANE
from runs.models.partial import partial_instance
from runs.models.run import RunQuerySet
from runs.models.session import DEFAULT_SESSION
from runs.transitions.create import CreateResult, HookDelivery, NewRun, create_run

KEEP_KEYS_DAYS = 7
KEPT_SINCE = RawSQL("now() - %s * interval '1 day'", [KEEP_KEYS_DAYS])


@dataclass(frozen=True, slots=True)
class Idempotency:
    """A caller's own name for a request: `scope` keeps callers apart, `body_digest` tells whether it is the same."""

    scope: str
    key: str
    body_digest: str

    @classmethod
    def of(cls, scope: str, key: str, body: bytes) -> Idempotency:
        return cls(scope, key, hashlib.sha256(body).hexdigest())


@dataclass(frozen=True, slots=True)
class StartResult:
    """`created` is false when the same request had started the run before."""

    run: Run
    created: bool


def find_version(reference: str) -> PlanVersion:
    """The version that `slug` (the latest) or `slug@number` names. Raises NotFound, with the nearest slug."""
    slug, at, number = reference.partition("@")
    versions = PlanVersion.objects.select_related("plan").filter(plan__slug=slug, plan__archived_at=None)
    if at:
        versions = versions.filter(number=whole_number(number, at_most=NUMBER_MAX) or 0)
    found = versions.order_by("-number").first()
    if found is None:
        raise NotFound(_no_such_plan(slug, number))
    return found


def _no_such_plan(slug: str, number: str) -> str:
    if number and Plan.objects.active().filter(slug=slug).exists():
        return f"plan {slug} version {number} not found"
    nearest = difflib.get_close_matches(slug, Plan.objects.active().values_list("slug", flat=True), n=1)
    return f"plan {slug} not found" + (f"; did you mean {nearest[0]}?" if nearest else "")


def start_run(  # noqa: PLR0913  (one keyword for each thing that a caller may want)
    version: PlanVersion,
    *,
    params: Mapping[str, Any],
    actor: Actor,
    trigger: str,
    lane: Lane | None = None,
    session: Session | None = None,
    title: str = "",
    priority: int = 0,
    environment: str = "dev",
    parent: Run | None = None,
    correlation_id: str = "",
    idempotency: Idempotency | None = None,
    delivery: HookDelivery | None = None,
) -> StartResult:
    """Create a run and wake a worker for it once it is committed.

    Raises Forbidden, StartRefused (with a problem for each value that does not fit), TooLarge, IdempotencyKeyReused,
    Busy.
    """
    if not actor.can_operate:
        raise Forbidden("starting a run requires the role operator")
    if idempotency and (first := _started_by(idempotency)):
        return _repeat(first, idempotency)
    try:
        graph = compiled_plan(version.pk)
    except IncompatiblePlan as error:
        raise StartRefused(str(error), [{"path": "plan", "message": str(error)}]) from error
    complete = _check(graph.plan, params=params, title=title, priority=priority, environment=environment)
    key = idempotency or Idempotency("", "", "")
    new = NewRun(
        version_id=version.pk,
        number=version.number,
        lane=graph.plan.lane or DEFAULT_LANE,
        lane_id=lane.pk if lane else None,
        session_id=session.pk if session else None,
        params=complete,
        title=title or graph.plan.title or graph.plan.slug,
        environment=environment,
        priority=priority,
        trigger=trigger,
        actor=actor.name[:200],
        backlog=settings.CONTROLROOM_BACKLOG,
        parent_id=str(parent.pk) if parent else None,
        correlation_id=correlation_id[:200],
        idempotency_scope=key.scope,
        idempotency_key=key.key,
        request_digest=key.body_digest,
        delivery=delivery,
    )
    return _create(new, graph, version=version, idempotency=idempotency)


def _started_by(idempotency: Idempotency) -> Run | None:
    """The run that this key started. Asked first: a plan or a session that changed since does not refuse a repeat."""
    return _run_of_key(idempotency).filter(created_at__gte=KEPT_SINCE).with_context().first()


def _run_of_key(idempotency: Idempotency) -> RunQuerySet:
    """The run that holds the key, however old it is."""
    return Run.objects.filter(idempotency_scope=idempotency.scope, idempotency_key=idempotency.key)


def _repeat(first: Run, idempotency: Idempotency) -> StartResult:
    if first.request_digest != idempotency.body_digest:
        raise IdempotencyKeyReused(
            f"the key {idempotency.key} was used for another request, which started run {first.pk}"
        )
    return StartResult(first, created=False)


def _check(
    plan: PlanDocument, *, params: Mapping[str, Any], title: str, priority: int, environment: str
) -> dict[str, Any]:
    """The params with their defaults. Raises StartRefused or TooLarge."""
    complete, found = check_params(plan.params, dict(params))
    if any(isinstance(problem, ParamsTooLarge) for problem in found):
        raise TooLarge(f"params are larger than {PARAMS_BYTES} bytes as JSON")
    problems = [{"path": problem.path, "message": problem.message} for problem in found]
    if clean(complete) != complete:
        problems.append({"path": "params", "message": "text must not contain NUL characters or unpaired surrogates"})
    if len(title) > TITLE_CHARS or clean(title) != title:
        problems.append({"path": "title", "message": f"expected at most {TITLE_CHARS} characters, none of them NUL"})
    if abs(priority) > PRIORITY_MAX:
        problems.append({"path": "priority", "message": f"expected a number between ±{PRIORITY_MAX}"})
    allowed: tuple[str, ...] = plan.environments or tuple(name for name, _ in ENVIRONMENTS)
    if environment not in allowed:
        problems.append({"path": "environment", "message": f"this plan runs in {', '.join(allowed)}"})
    if problems:
        raise StartRefused(f"the run cannot be started: {problems[0]['path']}: {problems[0]['message']}", problems)
    return complete


def _create(new: NewRun, graph: Graph, *, version: PlanVersion, idempotency: Idempotency | None) -> StartResult:
    """One statement makes the run, or nothing; only then it is asked why."""
    created = create_run(new, graph)
    if created.created_at is None and _makes_room(new, created, idempotency):
        created = create_run(new, graph)
    if created.created_at is not None:
        return StartResult(_stored(new, created, version=version), created=True)
    if created.is_full:
        raise Busy(f"{new.backlog} runs are already queued: try again later, or add workers")
    first = _run_of_key(idempotency).with_context().first() if idempotency else None
    if first is None or idempotency is None:
        raise StartRefused("the run's lane, session or key changed at the same time: try again")
    return _repeat(first, idempotency)


def _makes_room(new: NewRun, created: CreateResult, idempotency: Idempotency | None) -> bool:
    """Whether a second try may succeed: an idempotency key has aged, or the default session is made anew.

    Raises StartRefused when the lane or the session is none that may be used.
    """
    if created.lane_id is None:
        _check_place(new)
        return True
    return not created.is_full and idempotency is not None and _forget_old_key(idempotency)


def _check_place(new: NewRun) -> None:
    if new.lane_id is None and not Lane.objects.filter(name=new.lane).exists():
        problem = {"path": "lane", "message": f"lane {new.lane} not found"}
        raise StartRefused(f"the plan's lane is {new.lane}", [problem])
    if new.session_id is None:  # an admin may have renamed it
        session: Session | None = Session.objects.get_or_create(name=DEFAULT_SESSION)[0]
    else:
        session = Session.objects.filter(pk=new.session_id).first()
    if session is None or session.archived_at is not None:
        raise StartRefused("the session is archived", [{"path": "session", "message": "choose an active session"}])


def _stored(new: NewRun, created: CreateResult, *, version: PlanVersion) -> Run:
    """The run as it was just stored, without reading it again; fields that are not given here are read when asked."""
    run = partial_instance(
        Run,
        id=UUID(created.run_id),
        title=new.title,
        status=RunStatus.QUEUED.value,
        lane_id=created.lane_id,
        session_id=created.session_id,
        plan_version_id=version.pk,
        params=new.params,
        environment=new.environment,
        priority=new.priority,
        retry_count=0,
        trigger=new.trigger,
        created_at=created.created_at,
        started_at=None,
        finished_at=None,
        archived_at=None,
        seq=1,
    )
    run.plan_version = version
    run.lane = partial_instance(Lane, id=created.lane_id, name=created.lane)
    return run


def _forget_old_key(idempotency: Idempotency) -> bool:
    """A key is held for seven days; then it may start a run again."""
    old = _run_of_key(idempotency).filter(created_at__lt=KEPT_SINCE)
    return bool(old.update(idempotency_scope="", idempotency_key=""))


def restart(run: Run, *, actor: Actor, params: Mapping[str, Any] | None = None, version: int | None = None) -> Run:
    """A new run like this one, linked to it; with other params or another version of the plan, if given.

    Raises NotFound, Forbidden, StartRefused, TooLarge.
    """
    wanted = run.plan_version if version is None else find_version(f"{run.plan_version.plan.slug}@{version}")
    return start_run(
        wanted,
        params=run.params if params is None else params,
        actor=actor,
        trigger="retry",
        lane=run.lane,
        session=run.session if run.session.archived_at is None else None,
        title=run.title,
        priority=run.priority,
        environment=run.environment,
        parent=run,
        correlation_id=run.correlation_id,
    ).run
