"""Open pages are told that there is more output, and whose."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from runs.models import LogChunk
from runs.queries.logs import new_output
from runs.queries.logs.new_output import new_log_output
from tests.factories import make_run, start
from tests.runs.queries.logs.test_lines import TWO
from tests.runs.queries.logs.writing import attempt_of, write

pytestmark = pytest.mark.django_db


def test_each_attempt_that_spoke_is_named_once_with_its_last_chunk() -> None:
    run = start(TWO)
    one, two = attempt_of(run, "one"), attempt_of(run, "two")
    for attempt in (one, two, one):
        write(attempt, b"x\n")
    first, second, third = LogChunk.objects.order_by("pk").values_list("pk", flat=True)
    assert new_log_output(str(run.pk), after=0) == ([(second, "two", 1), (third, "one", 1)], False, False)
    assert new_log_output(str(run.pk), after=first)[0][0] == (second, "two", 1)
    assert new_log_output(str(run.pk), after=third) == ([], False, False)


def test_much_news_comes_in_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(new_output, "CHUNKS_READ", 2)
    run = make_run()
    write(attempt_of(run), b"x\n", b"y\n", b"z\n")
    (spoke,), more, held = new_log_output(str(run.pk), after=0)
    assert (more, held) == (True, False)
    assert new_log_output(str(run.pk), after=spoke.pk)[1:] == (False, False)


def test_a_chunk_that_may_get_a_predecessor_is_held_back() -> None:
    run = make_run()
    write(attempt_of(run), b"settled\n")
    write(attempt_of(run), b"fresh\n", at=timezone.now() + timedelta(minutes=1))
    spoken, more, held = new_log_output(str(run.pk), after=0)
    assert ([spoke.pk for spoke in spoken], more, held) == ([LogChunk.objects.earliest("pk").pk], False, True)
