from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse

from runs.models import Delivery, Hook
from tests.factories import make_plan, make_user

pytestmark = pytest.mark.django_db

ADD = "/admin/runs/hook/add/"


@pytest.fixture
def admin(client: Client) -> Client:
    client.force_login(make_user("admin"))
    return client


def form(**changes: str) -> dict[str, str]:
    plan = make_plan(slug="tide").plan
    return {
        "slug": "push",
        "plan": str(plan.pk),
        "enabled": "on",
        "secret_choice": "keep",
        "given_secret": "",
    } | changes


def page_of(hook: Hook) -> str:
    return reverse("admin:runs_hook_change", args=[hook.pk])


def test_a_made_secret_is_shown_once(admin: Client) -> None:
    first = admin.post(ADD, form(secret_choice="generate"), follow=True).content.decode()

    hook = Hook.objects.get()
    assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{43}=", hook.secret)
    assert hook.secret in first
    assert hook.secret not in admin.get(page_of(hook)).content.decode()
    assert hook.secret not in admin.get("/admin/runs/hook/").content.decode()


def test_a_given_secret_is_kept_and_not_shown(admin: Client) -> None:
    page = admin.post(ADD, form(secret_choice="take", given_secret="from-the-other-side"), follow=True)

    assert Hook.objects.get().secret == "from-the-other-side"
    assert "from-the-other-side" not in page.content.decode()


def test_a_short_secret_is_refused(admin: Client) -> None:
    page = admin.post(ADD, form(secret_choice="take", given_secret="short"))

    assert "expected at least 16 characters" in page.content.decode()
    assert not Hook.objects.exists()


@pytest.mark.parametrize(
    ("choice", "secret", "reason"),
    [
        ("keep", "what-it-was-before", "saving a form must not lose a secret"),
        ("remove", "", "from now on a bearer token is needed"),
    ],
)
def test_a_secret_stays_or_goes_as_chosen(admin: Client, choice: str, secret: str, reason: str) -> None:
    plan = make_plan(slug="ebb").plan
    hook = Hook.objects.create(slug="old", plan=plan, secret="what-it-was-before")

    admin.post(page_of(hook), form(slug="old", secret_choice=choice))

    hook.refresh_from_db()
    assert hook.secret == secret, reason


def test_a_delivery_is_read_and_cannot_be_changed(admin: Client) -> None:
    hook = Hook.objects.create(slug="push", plan=make_plan(slug="tide").plan)
    delivery = Delivery.objects.create(hook=hook, body=b'{"a": "<b>"}', status=202)
    address = reverse("admin:runs_delivery_change", args=[delivery.pk])

    page = admin.get(address).content.decode()

    assert "&quot;a&quot;: &quot;&lt;b&gt;&quot;" in page
    assert admin.post(address, {"status": "200"}).status_code == 403


@pytest.mark.parametrize("body", [b"\xff\x00", b"", b"[" * 100_000])
def test_a_delivery_with_any_body_can_be_read(admin: Client, body: bytes) -> None:
    hook = Hook.objects.create(slug="push", plan=make_plan(slug="tide").plan)
    delivery = Delivery.objects.create(hook=hook, body=body, status=422)

    assert admin.get(reverse("admin:runs_delivery_change", args=[delivery.pk])).status_code == 200


def test_the_list_of_deliveries_does_not_read_their_bodies(
    admin: Client, django_assert_max_num_queries: object
) -> None:
    hook = Hook.objects.create(slug="push", plan=make_plan(slug="tide").plan)
    Delivery.objects.bulk_create([Delivery(hook=hook, body=b"x", status=202) for _ in range(30)])

    with django_assert_max_num_queries(10):  # type: ignore[operator]
        admin.get("/admin/runs/delivery/")
