from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from runs.models import Attempt, LogChunk, Run, Step
from runs.queries.comparison import DIFF_LINES, compare_runs, pairs, side_by_side
from tests.factories import make_plan, make_run, put_step, start

pytestmark = pytest.mark.django_db

SOURCE = """
pulser: 1
slug: two
title: Two
params: {type: object, properties: {depth: {type: integer}, tags: {type: array}}}
steps:
  - {id: one, uses: shell, with: {run: "true"}}
  - {id: two, needs: [one], uses: shell, with: {run: "true"}}
"""


def ended(status: str = "success", *, params: dict[str, object] | None = None, **statuses: str) -> Run:
    run = start(SOURCE, params=params or {})
    for key, word in ({"one": "success", "two": "success"} | statuses).items():
        put_step(run, key, word, outputs={"exit_code": 0 if word == "success" else 1})
    now = timezone.now()
    Run.objects.filter(pk=run.pk).update(status=status, started_at=now, finished_at=now)
    return Run.objects.with_context().get(pk=run.pk)


def write(run: Run, key: str, text: bytes) -> None:
    step = run.steps.get(key=key)
    attempt = Attempt.objects.create(step=step, number=1, started_at=timezone.now(), finished_at=timezone.now())
    LogChunk.objects.create(attempt=attempt, offset=0, stream="stdout", data=text, at=timezone.now())


def shown(client: Client, **query: object) -> str:
    answer = client.get("/runs/compare", query)
    assert answer.status_code == 200
    return answer.content.decode()


def test_params_that_differ_stand_side_by_side(viewer: Client) -> None:
    one, other = ended(params={"depth": 1, "tags": ["a"]}), ended(params={"depth": 2, "tags": ["a", "b"]})
    found = {pair.name: (pair.left, pair.right) for pair in compare_runs(one, other).params if pair.differs}
    assert found == {"depth": ("1", "2"), "tags[1]": ("not there", "b")}
    assert "<code>1</code></td><td><code>2</code>" in shown(viewer, a=one.pk, b=other.pk)


def test_the_earlier_run_stands_at_the_left_whatever_was_asked(viewer: Client) -> None:
    one, other = ended(), ended()
    html = shown(viewer, a=other.pk, b=one.pk)
    sides = html[html.index('class="two"') :]
    assert sides.index(str(one.pk)) < sides.index(str(other.pk))


def test_the_last_success_before_it_is_the_other(viewer: Client) -> None:
    success = ended()
    ended("error", two="error")
    failed = ended("error", two="error")
    html = shown(viewer, a=failed.pk)
    assert f'<option value="{success.pk}" selected>' in html


def test_without_a_success_the_run_before_it_is_the_other(viewer: Client) -> None:
    before, failed = ended("error"), ended("error")
    assert f'<option value="{before.pk}" selected>' in shown(viewer, a=failed.pk)


def test_the_first_step_that_ends_differently_shows_its_logs(viewer: Client) -> None:
    good, bad = ended(), ended("error", two="error")
    write(good, "two", b"begin\nfine\n")
    write(bad, "two", b"begin\n\x1b[31mbroken\x1b[0m \xff<b>\n")
    html = shown(viewer, a=bad.pk, b=good.pk)
    assert "first different status" in html
    assert '<tr data-tone="changed"><td>fine</td><td>broken \ufffd&lt;b&gt;</td></tr>' in html


def test_a_step_that_ends_differently_goes_before_one_with_other_outputs() -> None:
    good, bad = ended(), ended("error", two="error")
    Step.objects.filter(run=bad, key="one").update(outputs={"at": 5})
    comparison = compare_runs(good, bad)
    assert comparison.first is not None
    assert comparison.first.key == "two"
    assert [step.key for step in comparison.steps if step.differs] == ["one", "two"]


def test_runs_that_are_alike_say_so(viewer: Client) -> None:
    html = shown(viewer, a=ended().pk, b=ended().pk)
    assert "No step differs in its status or its outputs." in html
    assert "The same params, version and environment." in html


def test_two_versions_show_what_differs_in_the_plan(viewer: Client) -> None:
    one = ended()
    second = make_plan(SOURCE.replace("id: two", "id: three"))
    other = make_run(version=second, status="success")
    html = shown(viewer, a=one.pk, b=other.pk)
    assert '<span data-tone="removed">  - {id: two, ' in html
    assert '<span data-tone="added">  - {id: three, ' in html
    assert "not in this version" in html


def test_a_huge_difference_of_plans_is_bounded() -> None:
    steps = "".join(f"  - {{id: s{number}, uses: shell, with: {{run: 'true'}}}}\n" for number in range(900))
    one = ended()
    other = make_run(version=make_plan(SOURCE.rpartition("steps:")[0] + "steps:\n" + steps.replace("s", "x", 0)))
    three = make_run(version=make_plan(SOURCE.rpartition("steps:")[0] + "steps:\n" + steps.replace("id: s", "id: y")))
    assert len(compare_runs(other, three).source) <= DIFF_LINES + 1
    assert one.plan_version_id != other.plan_version_id


def test_runs_of_different_plans_are_not_compared(viewer: Client) -> None:
    answer = viewer.get("/runs/compare", {"a": ended().pk, "b": make_run().pk})
    assert answer.status_code == 422
    assert "These are runs of different plans" in answer.content.decode()


def test_a_run_and_itself_are_not_compared(viewer: Client) -> None:
    run = ended()
    assert "Both sides are the same run" in shown(viewer, a=run.pk, b=run.pk)


def test_the_only_run_of_its_plan_has_nothing_to_be_held_against(viewer: Client) -> None:
    assert "There is no other run of two" in shown(viewer, a=ended().pk)


def test_without_a_run_it_says_what_to_do(viewer: Client) -> None:
    assert "Open a run and click Compare" in shown(viewer)


@pytest.mark.parametrize("asked", ["x", "0199aaaa-0000-7000-8000-000000000000", "%00"])
def test_a_run_that_is_not_there_is_not_found(viewer: Client, asked: str) -> None:
    assert viewer.get(f"/runs/compare?a={asked}").status_code == 404
    assert viewer.get(f"/runs/compare?a={ended().pk}&b={asked}").status_code == 404


def test_a_stranger_compares_nothing(stranger: Client) -> None:
    assert stranger.get(f"/runs/compare?a={ended().pk}").status_code == 403


def test_kinds_of_values_differ_even_when_they_look_alike() -> None:
    (pair,) = pairs({"a": 1}, {"a": "1"}, most=10)
    assert (pair.differs, pair.left, pair.right) == (True, "1", '"1"')


def test_of_long_texts_the_piece_that_differs_is_shown() -> None:
    (pair,) = pairs({"a": "x" * 5000 + "left"}, {"a": "x" * 5000 + "right"}, most=10)
    assert pair.left.endswith("left")
    assert len(pair.left) < 500


def test_lines_that_belong_together_stand_in_one_row() -> None:
    tones = [(line.tone, line.left, line.right) for line in side_by_side(["a", "b", "d"], ["a", "c", "d", "e"])]
    assert tones == [("same", "a", "a"), ("changed", "b", "c"), ("same", "d", "d"), ("added", "", "e")]


def test_a_step_is_as_long_as_its_last_attempt_not_as_the_night_before_it() -> None:
    one, other = ended(), ended()
    now = timezone.now()
    for number, ago_s, took_s in ((1, 430, 2.0), (2, 1, 0.5)):
        start_at = now - timedelta(seconds=ago_s)
        end = start_at + timedelta(seconds=took_s)
        Attempt.objects.create(step=other.steps.get(key="one"), number=number, started_at=start_at, finished_at=end)
    assert compare_runs(one, other).steps[0].right_s == pytest.approx(0.5)
