from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from pulser.models import Plan
from runs.models import Run
from tests.factories import make_lane, make_plan, make_session, make_user

pytestmark = pytest.mark.django_db

DEMANDING = """
pulser: 1
slug: demanding
params: {type: object, required: [repo], properties: {repo: {type: string}}}
steps: [{id: a, uses: shell, with: {run: echo}}]
"""


@pytest.fixture
def admin(client: Client) -> Client:
    client.force_login(make_user("admin", name="alice"))
    make_lane()
    make_session()
    return client


def run_url(plan: Plan) -> str:
    return reverse("admin:pulser_plan_run", args=[plan.pk])


def test_run_now_starts_the_latest_version_and_shows_the_run(admin: Client) -> None:
    plan = make_plan(slug="tide").plan

    answer = admin.post(run_url(plan))

    run = Run.objects.get()
    assert answer["Location"] == reverse("run", args=[run.pk])
    assert (run.plan_version.plan, run.trigger, run.actor) == (plan, "admin", "alice")


def test_the_button_stands_on_the_page_of_a_plan(admin: Client) -> None:
    plan = make_plan(slug="tide").plan

    assert (
        f'action="{run_url(plan)}"' in admin.get(reverse("admin:pulser_plan_change", args=[plan.pk])).content.decode()
    )


def test_a_plan_that_asks_for_params_leads_to_its_form(admin: Client) -> None:
    plan = make_plan(DEMANDING).plan

    page = admin.get(reverse("admin:pulser_plan_change", args=[plan.pk])).content.decode()

    assert f'href="{reverse("plan", args=["demanding"])}"' in page
    assert f'action="{run_url(plan)}"' not in page


def test_a_run_that_cannot_start_is_explained(admin: Client) -> None:
    plan = make_plan(DEMANDING).plan

    page = admin.post(run_url(plan), follow=True).content.decode()

    assert "repo" in page
    assert not Run.objects.exists()


def test_looking_at_the_address_starts_nothing(admin: Client) -> None:
    plan = make_plan(slug="tide").plan

    assert admin.get(run_url(plan)).status_code == 405
    assert not Run.objects.exists()


def test_an_archived_plan_cannot_be_started(admin: Client) -> None:
    plan = make_plan(slug="tide").plan
    Plan.objects.update(archived_at="2026-01-01T00:00:00Z")

    assert admin.post(run_url(plan)).status_code == 404
    assert run_url(plan) not in admin.get(reverse("admin:pulser_plan_change", args=[plan.pk])).content.decode()


def test_staff_who_are_no_operators_may_not_start(client: Client) -> None:
    make_lane(), make_session()
    user = make_user("viewer")
    user.is_staff = True
    user.save()
    client.force_login(user)

    assert client.post(run_url(make_plan(slug="tide").plan)).status_code == 403
    assert not Run.objects.exists()


def test_operators_who_are_not_staff_do_not_get_in(client: Client) -> None:
    client.force_login(make_user("operator"))

    assert client.post(run_url(make_plan(slug="tide").plan)).status_code == 302
    assert not Run.objects.exists()
