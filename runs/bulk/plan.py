"""The plans `bulk`, which every control room has, and `bulk-undo`: they belong to the product, not to the demo."""

from __future__ import annotations

from django.db.models import Max

from pulser.catalogue import check, save_plan
from pulser.language import digest
from pulser.models import PlanVersion
from runs.models import Lane

SLUG = "bulk"
UNDO_SLUG = "bulk-undo"
BY_BOARD = frozenset({SLUG, UNDO_SLUG})  # nobody fills in a form to start these
LANE = "bulk"
LANE_LIMIT = 2  # of the workers' slots most are left for other work
SOURCE = """\
# One action on many runs. It is started from the board: select runs, or all that match.
pulser: 1
slug: bulk
title: Bulk work
description: Retries, cancels, archives or unarchives many runs one by one, and reports which were skipped and why.
params:
  type: object
  required: [action]
  additionalProperties: false
  properties:
    action: {type: string, title: What to do, enum: [retry, cancel, archive, unarchive]}
    runs:
      type: array
      title: Runs
      description: Their ids. Empty when a query selects them.
      items: {type: string}
      maxItems: 1000
      default: []
    query: {type: string, title: Query, description: "The board's filters, as in its URL.", default: ""}
    asked_at: {type: string, title: Asked at, description: Runs created later are ignored., default: ""}
    shown: {type: integer, title: Shown, description: How many runs matched on the board., default: 0}
steps:
  - id: work
    title: Go through the runs
    uses: python
    with:
      function: runs.bulk.work:carry_out
      args:
        action: "{{ params.action }}"
        runs: "{{ params.runs }}"
        query: "{{ params.query }}"
        asked_at: "{{ params.asked_at }}"
    timeout: 2h
    artifacts: [{path: report.md, kind: markdown}]
outputs:
  summary: "{{ steps.work.outputs.result.summary }}"
"""

# A plan of its own, with a function of its own: workers of the release before do what `bulk` asks, and refuse this.
UNDO_SOURCE = """\
# Undoes what one run of bulk work archived or unarchived. It is started by the button "Undo".
pulser: 1
slug: bulk-undo
title: Undo of bulk work
description: Unarchives what one run of bulk work archived, or archives what it unarchived.
params:
  type: object
  required: [action, bulk]
  additionalProperties: false
  properties:
    action: {type: string, title: What to do, enum: [archive, unarchive]}
    bulk: {type: string, title: Bulk work, description: Id of the run to undo.}
steps:
  - id: work
    title: Go through the runs
    uses: python
    with:
      function: runs.bulk.work:take_back
      args: {action: "{{ params.action }}", bulk: "{{ params.bulk }}"}
    timeout: 2h
    artifacts: [{path: report.md, kind: markdown}]
outputs:
  summary: "{{ steps.work.outputs.result.summary }}"
"""


def ensure_plan() -> PlanVersion:
    """The version of this release. Another document under the slug is left as a version beside it.

    Raises ValueError when the document is wrong.
    """
    return _ensured(SLUG, SOURCE)


def ensure_undo_plan() -> PlanVersion:
    """The same of `bulk-undo`, which is made when it is first needed."""
    return _ensured(UNDO_SLUG, UNDO_SOURCE)


def _ensured(slug: str, source: str) -> PlanVersion:
    checked = check(source)
    if checked.document is None:
        raise ValueError(f"the plan {slug} is wrong: {'; '.join(map(str, checked.problems))}")
    ours = PlanVersion.objects.filter(plan__slug=slug, digest=digest(checked.document)).order_by("-number").first()
    if ours is not None:
        return ours
    saved = save_plan(source)
    assert saved.version is not None
    return saved.version


def ensure_lane() -> Lane:
    """A lane of its own, so that a full lane does not hold up what is meant to empty it. Made when first needed."""
    last = Lane.objects.aggregate(last=Max("position"))["last"] or 0
    defaults = {"limit": LANE_LIMIT, "position": min(last + 1, 32_000)}
    return Lane.objects.get_or_create(name=LANE, defaults=defaults)[0]
