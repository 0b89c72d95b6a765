"""Runs and what belongs to them are read in the admin, and written by moves alone."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from runs.models import Attempt, Duty, Run, Worker
from tests.factories import make_run, make_user

pytestmark = pytest.mark.django_db

MODELS = ["run", "step", "attempt", "worker", "duty"]


@pytest.fixture
def admin(client: Client) -> Client:
    client.force_login(make_user("admin"))
    return client


@pytest.fixture
def history() -> dict[str, object]:
    now = timezone.now()
    run = make_run(status="running", title="night build", steps={"greet": "running"})
    step = run.steps.get()
    return {
        "run": run,
        "step": step,
        "attempt": Attempt.objects.create(step=step, number=1, worker="w1", started_at=now),
        "worker": Worker.objects.create(name="w1", host="h", pid=1, slots=4, started_at=now, seen_at=now),
        "duty": Duty.objects.create(name="sweep"),
    }


@pytest.mark.parametrize("model", MODELS)
def test_records_are_listed_and_read(admin: Client, history: dict[str, object], model: str) -> None:
    record = history[model]

    assert admin.get(f"/admin/runs/{model}/").status_code == 200
    assert admin.get(reverse(f"admin:runs_{model}_change", args=[record.pk])).status_code == 200  # type: ignore[attr-defined]


@pytest.mark.parametrize("model", MODELS)
def test_records_cannot_be_added_changed_or_deleted(admin: Client, history: dict[str, object], model: str) -> None:
    key = history[model].pk  # type: ignore[attr-defined]

    assert admin.get(f"/admin/runs/{model}/add/").status_code == 403
    assert admin.post(reverse(f"admin:runs_{model}_change", args=[key]), {"status": "success"}).status_code == 403
    assert admin.post(reverse(f"admin:runs_{model}_delete", args=[key]), {"post": "yes"}).status_code == 403


@pytest.mark.parametrize("model", ["run", "step", "attempt"])
def test_long_lists_ask_a_fixed_number_of_queries(
    admin: Client, django_assert_max_num_queries: object, model: str
) -> None:
    for number in range(8):
        run = make_run(title=f"run {number}", steps={"greet": "running"})
        Attempt.objects.create(step=run.steps.get(), number=1, started_at=timezone.now())

    with django_assert_max_num_queries(10):  # type: ignore[operator]
        admin.get(f"/admin/runs/{model}/")


@pytest.mark.parametrize("words", ["night", "olivia", "ID"])
def test_a_run_is_found_by_title_starter_or_id(admin: Client, words: str) -> None:
    wanted = make_run(title="night build")
    Run.objects.filter(pk=make_run(title="day build").pk).update(actor="somebody")

    page = admin.get("/admin/runs/run/", {"q": str(wanted.pk) if words == "ID" else words}).content.decode()

    assert "night build" in page
    assert "day build" not in page


def test_a_run_leads_to_its_page_and_its_steps(admin: Client, history: dict[str, object]) -> None:
    run = history["run"]
    steps = f"/admin/runs/step/?run__id__exact={run.pk}"  # type: ignore[attr-defined]

    page = admin.get(reverse("admin:runs_run_change", args=[run.pk])).content.decode()  # type: ignore[attr-defined]

    assert reverse("run", args=[run.pk]) in page  # type: ignore[attr-defined]
    assert steps in page
    assert "greet" in admin.get(steps).content.decode()


@pytest.mark.parametrize("role", ["operator", "viewer", ""])
def test_people_who_are_not_staff_see_nothing(client: Client, role: str) -> None:
    client.force_login(make_user(role))

    assert client.get("/admin/runs/run/").status_code == 302
