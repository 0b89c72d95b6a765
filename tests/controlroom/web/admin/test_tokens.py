from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse

from runs.accounts.models import ApiToken
from tests.factories import make_token, make_user

pytestmark = pytest.mark.django_db

ADD, LIST = "/admin/accounts/apitoken/add/", "/admin/accounts/apitoken/"


@pytest.fixture
def admin(client: Client) -> Client:
    client.force_login(make_user("admin", name="alice"))
    return client


def test_a_new_token_is_shown_once(admin: Client) -> None:
    page = admin.post(ADD, {"name": "deploy", "role": "operator"}, follow=True).content.decode()

    found = re.search(r"<code>(cr_[\w-]+)</code>", page)
    assert found is not None
    assert ApiToken.of_secret(found[1]).name == "deploy"
    assert found[1] not in admin.get(LIST).content.decode()


def test_a_token_knows_who_made_it_and_when_it_ends(admin: Client) -> None:
    ends = {"expires_at_0": "2030-01-31", "expires_at_1": "12:00:00"}

    admin.post(ADD, {"name": "deploy", "role": "viewer", **ends})

    token = ApiToken.objects.get()
    assert (token.created_by.get_username(), token.role, token.expires_at.year) == ("alice", "viewer", 2030)


def test_the_digest_is_shown_nowhere(admin: Client) -> None:
    make_token()
    token = ApiToken.objects.get()

    for address in (LIST, reverse("admin:accounts_apitoken_change", args=[token.pk])):
        assert token.digest not in admin.get(address).content.decode()


def test_a_revoked_token_opens_nothing(admin: Client) -> None:
    secret = make_token()

    admin.post(LIST, {"action": "revoke", "_selected_action": [ApiToken.objects.get().pk]})

    assert not ApiToken.of_secret(secret)


def test_a_token_cannot_be_given_another_role(admin: Client) -> None:
    make_token("viewer")
    token = ApiToken.objects.get()

    admin.post(reverse("admin:accounts_apitoken_change", args=[token.pk]), {"name": "x", "role": "admin"})

    token.refresh_from_db()
    assert token.role == "viewer"


def test_a_token_cannot_be_deleted(admin: Client) -> None:
    make_token()

    assert admin.post(reverse("admin:accounts_apitoken_delete", args=[ApiToken.objects.get().pk])).status_code == 403
