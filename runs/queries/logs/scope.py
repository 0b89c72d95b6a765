"""Which output is looked at: a run's, a step's or one attempt's, all of it or what there was at a moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import BooleanField, QuerySet
from django.db.models.expressions import RawSQL

from runs.models import Attempt, LogChunk

# Chunk ids grow, but their transactions do not end in that order: a reader that has seen 6 would never see 5, which was
# being written. A chunk counts when no older writer is left; after 2 s the writers of other tables are not waited for.
SETTLED = """(age("runs_logchunk"."xmin") > age(pg_snapshot_xmin(pg_current_snapshot())::xid)
              OR "runs_logchunk"."at" < clock_timestamp() - interval '2 seconds')"""


@dataclass(frozen=True, slots=True)
class LogScope:
    """`step`: its key, all steps when empty. `attempt`: its number, all when None. `until`: nothing that came later."""

    run_id: UUID
    step: str = ""
    attempt: int | None = None
    until: datetime | None = None

    def attempts(self) -> QuerySet[Attempt]:
        found = Attempt.objects.filter(step__run_id=self.run_id)
        found = found.filter(step__key=self.step) if self.step else found
        return found if self.attempt is None else found.filter(number=self.attempt)

    def chunks(self) -> QuerySet[LogChunk]:
        """The chunks in the order in which they came, each with `settled`: whether all before it can be seen too."""
        found = LogChunk.objects.filter(attempt__in=self.attempts())
        found = found if self.until is None else found.filter(at__lte=self.until)
        return found.annotate(settled=settled()).order_by("pk")


def settled() -> RawSQL:
    return RawSQL(SETTLED, [], output_field=BooleanField())  # noqa: S611  # a constant
