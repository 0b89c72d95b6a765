from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from pulser.catalogue import compiled_plan
from pulser.models import PlanVersion
from runs.models import Run
from tests.factories import make_plan, make_run, put_step, start

pytestmark = pytest.mark.django_db

SOURCE = """
pulser: 1
slug: release
title: Release
params:
  type: object
  required: [depth]
  properties:
    depth: {type: integer, maximum: 9}
    dry: {type: boolean}
steps:
  - {id: build, uses: shell, with: {run: "true"}}
  - {id: publish, needs: [build], uses: shell, effect: irreversible, with: {run: "true"}}
  - {id: check, needs: [publish], uses: shell, with: {run: "true"}}
"""
HTMX = {"HX-Request": "true", "HX-Target": "dialog"}


def failed_run(**statuses: str) -> Run:
    run = start(SOURCE, params={"depth": 3, "dry": False})
    for key, status in ({"build": "success", "publish": "success", "check": "error"} | statuses).items():
        put_step(run, key, status)
    return make_ended(run, "error")


def make_ended(run: Run, status: str) -> Run:
    Run.objects.filter(pk=run.pk).update(status=status, started_at=run.created_at, finished_at=run.created_at)
    run.refresh_from_db()
    return run


def shown(client: Client, run: Run, **query: str) -> str:
    answer = client.get(f"/runs/{run.pk}/retry", query, headers=HTMX)
    assert answer.status_code == 200
    return answer.content.decode()


def row(html: str, key: str) -> str:
    """What the dialog says of a step."""
    return html.partition(f'class="mono">{key}<')[2].partition("</tr>")[0]


def press(client: Client, run: Run, **chosen: str) -> Any:
    return client.post(f"/runs/{run.pk}/retry", chosen, headers=HTMX)


def test_it_says_which_steps_run_again_and_which_outputs_are_kept(operator: Client) -> None:
    html = shown(operator, failed_run())
    assert "kept, outputs reused" in row(html, "build")
    assert "runs again" in row(html, "check")
    assert "<b>This run</b> continues: 1 step runs again, 2 keep their results." in html


def test_each_step_shows_its_effect_class(operator: Client) -> None:
    html = shown(operator, failed_run())
    assert 'data-effect="irreversible"' in row(html, "publish")
    assert 'data-effect="idempotent"' in row(html, "check")


def test_a_step_that_cannot_be_undone_is_warned_about_before_it_runs_twice(operator: Client) -> None:
    run = failed_run()
    assert "It would happen a second time" not in shown(operator, run)
    assert "It would happen a second time" in shown(operator, run, way="step", start="publish")
    assert "It would happen a second time" in shown(operator, run, way="again")


def test_an_irreversible_step_that_failed_is_to_be_looked_at(operator: Client) -> None:
    assert "may already have happened" in shown(operator, failed_run(publish="error", check="skipped"))


def test_a_chosen_step_and_what_follows_runs_again(operator: Client) -> None:
    run = failed_run()
    assert "runs again" in row(shown(operator, run, way="step", start="build"), "build")
    answer = press(operator, run, way="step", start="build")
    run.refresh_from_db()
    assert (answer.status_code, answer.content, run.status) == (200, b"", "queued")
    assert set(run.steps.values_list("status", flat=True)) == {"pending"}


def test_the_first_failed_step_is_proposed_to_start_from(operator: Client) -> None:
    html = shown(operator, failed_run(publish="error", check="skipped"), way="step")
    assert html.count(" checked") == 2  # the way, and the step
    assert 'value="publish" checked' in html
    assert "2 steps run again, 1 keeps its results." in html


def test_it_says_that_params_stay_and_where_they_may_be_changed(operator: Client) -> None:
    run = failed_run()
    for way in ("failed", "step"):
        assert "This run keeps its params and plan version" in shown(operator, run, way=way)
    assert "This run keeps its params and plan version" not in shown(operator, run, way="again")


def test_without_a_chosen_step_nothing_runs(operator: Client) -> None:
    run = failed_run()
    answer = press(operator, run, way="step")
    run.refresh_from_db()
    assert (answer.status_code, run.status) == (422, "error")
    assert "Choose a step" in answer.content.decode()


def test_other_params_make_a_linked_new_run(operator: Client) -> None:
    run = failed_run()
    answer = press(operator, run, way="again", **{"was:p": "1", "p.depth": "5", "p.dry": "true"})
    new = Run.objects.get(parent=run)
    assert answer.headers["HX-Redirect"] == f"/runs/{new.pk}"
    assert new.params == {"depth": 5, "dry": True}
    assert (new.trigger, new.status) == ("retry", "queued")


def test_the_dialog_shows_what_the_params_were(operator: Client) -> None:
    html = operator.post(
        f"/runs/{failed_run().pk}/retry",
        {"way": "again", "do": "dialog", "was:p": "1", "p.depth": "5", "p.dry": "false"},
        headers=HTMX,
    ).content.decode()
    changed = html.partition('data-field="p.depth"')[0].rpartition('<div class="')[2]
    assert "is-changed" in changed
    assert "<span>Was</span> <code>3</code>" in html
    assert "is-changed" not in html.partition('data-field="p.dry"')[0].rpartition('<div class="')[2]


def test_params_that_do_not_fit_are_said_beside_their_field(operator: Client) -> None:
    run = failed_run()
    answer = press(operator, run, way="again", **{"was:p": "1", "p.depth": "99"})
    assert answer.status_code == 422
    assert 'id="p.depth-error">expected at most 9, got 99<' in answer.content.decode()
    assert not Run.objects.filter(parent=run).exists()


def test_another_version_says_what_differs_and_is_run(operator: Client) -> None:
    run = failed_run()
    second = make_plan(SOURCE.replace("id: check", "id: look") + "  - {id: more, uses: shell, with: {run: 'true'}}\n")
    html = shown(operator, run, way="again", version="2")
    assert "Added: look, more." in html
    assert "Removed: check." in html
    press(operator, run, way="again", version="2", drawn="2", **{"was:p": "1", "p.depth": "3"})
    assert Run.objects.get(parent=run).plan_version == second


def test_what_was_typed_goes_along_to_another_version(operator: Client) -> None:
    run = failed_run()
    make_plan(SOURCE.replace("dry: {type: boolean}", "dry: {type: boolean}\n    name: {type: string, default: new}"))
    typed = {"way": "again", "version": "2", "drawn": "1", "do": "dialog", "was:p": "1", "p.depth": "7"}
    html = press(operator, run, **typed).content.decode()
    assert 'value="7"' in html
    assert 'value="new"' in html


def test_a_run_that_succeeded_can_only_begin_anew(operator: Client) -> None:
    html = shown(operator, make_ended(failed_run(check="success"), "success"))
    assert 'value="again" checked' in html
    assert 'value="failed"' not in html


@pytest.mark.parametrize("way", ["failed", "step"])
def test_a_run_that_somebody_else_retried_meanwhile_is_refused_in_the_dialog(operator: Client, way: str) -> None:
    run = failed_run()
    Run.objects.filter(pk=run.pk).update(status="running", finished_at=None)
    answer = press(operator, run, way=way, start="build")
    assert answer.status_code == 409
    assert 'class="errors" role="alert">' in answer.content.decode()
    assert Run.objects.count() == 1


def test_a_plan_that_can_no_longer_be_read_offers_the_beginning_alone(operator: Client) -> None:
    run = failed_run()
    PlanVersion.objects.update(document={"pulser": 99})
    compiled_plan.cache_clear()
    html = shown(operator, run)
    assert 'value="failed"' not in html
    answer = press(operator, run, way="again", **{"was:p": "1", "p.depth": "3"})
    assert answer.status_code == 422
    assert "can no longer be read" in answer.content.decode()


def test_the_card_s_button_asks_nothing(operator: Client) -> None:
    run = failed_run()
    answer = operator.post(f"/runs/{run.pk}/retry")
    run.refresh_from_db()
    assert (answer.status_code, run.status) == (200, "queued")


def test_without_a_script_the_dialog_is_a_page(operator: Client) -> None:
    run = failed_run()
    assert "<!doctype html>" in operator.get(f"/runs/{run.pk}/retry").content.decode()
    answer = operator.post(f"/runs/{run.pk}/retry", {"way": "failed"})
    assert (answer.status_code, answer.headers["Location"]) == (302, f"/runs/{run.pk}")


def test_a_viewer_may_not_retry(viewer: Client) -> None:
    run = failed_run()
    assert viewer.get(f"/runs/{run.pk}/retry").status_code == 403
    for chosen in ({"way": "failed"}, {"way": "step", "start": "build"}, {"way": "again"}, {"way": "again", "do": "x"}):
        assert viewer.post(f"/runs/{run.pk}/retry", chosen).status_code == 403
    assert Run.objects.count() == 1


def test_for_a_stranger_there_is_no_such_run(stranger: Client) -> None:
    assert stranger.get(f"/runs/{failed_run().pk}/retry").status_code == 404


@pytest.mark.parametrize(
    "query", ["way=nonsense", "way=step&start=%00", "way=again&version=%00", "way=again&version=0"]
)
def test_nonsense_is_never_an_error_of_ours(operator: Client, query: str) -> None:
    assert operator.get(f"/runs/{make_run(status='error').pk}/retry?{query}").status_code in (200, 404)


def test_a_button_of_the_form_shows_the_dialog_where_there_is_no_form(operator: Client) -> None:
    """The dialog was open while somebody chose the other way in another tab, or the way is none."""
    run = failed_run()
    for way in ("failed", "nonsense"):
        answer = press(operator, run, way=way, do="add p.labels")
        assert (answer.status_code, "runs again" in answer.content.decode()) == (200, True)
    assert Run.objects.get().status == "error"
