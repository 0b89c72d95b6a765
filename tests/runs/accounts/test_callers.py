from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import Client, RequestFactory
from django.utils import timezone

from controlroom.http.callers import actor_of_request, caller_of_request
from runs.accounts.actors import NOBODY
from runs.accounts.callers import recheck_identities
from runs.accounts.models import ApiToken
from tests.factories import make_token, make_user

pytestmark = pytest.mark.django_db


def request_with(authorization: str = "", **attributes: Any) -> Any:
    headers = {"Authorization": authorization} if authorization else {}
    request = RequestFactory().get("/", headers=headers)
    request.user, request.session = attributes.get("user", AnonymousUser()), Client().session
    return request


def test_a_token_speaks_for_its_role() -> None:
    actor = actor_of_request(request_with(f"Bearer {make_token('viewer', name='ci')}"))
    assert (actor.name, actor.roles) == ("token ci", {"viewer"})


def test_the_scheme_is_read_in_any_case() -> None:
    assert actor_of_request(request_with(f"bearer {make_token()}")) != NOBODY


def test_without_a_token_the_signed_in_person_asks() -> None:
    user = make_user("operator", name="olivia")
    assert actor_of_request(request_with(user=user)).name == "olivia"


def test_a_wrong_token_is_nobody_whoever_is_signed_in() -> None:
    assert actor_of_request(request_with("Bearer wrong", user=make_user())) == NOBODY


@pytest.mark.parametrize(
    ("seconds_ago", "is_noted", "reason"),
    [(None, True, "the first use"), (10, False, "noted a moment ago"), (61, True, "more than a minute ago")],
)
def test_the_use_of_a_token_is_noted_once_a_minute(seconds_ago: int | None, is_noted: bool, reason: str) -> None:
    secret = make_token()
    before = None if seconds_ago is None else timezone.now() - timedelta(seconds=seconds_ago)
    ApiToken.objects.update(last_used_at=before)
    actor_of_request(request_with(f"Bearer {secret}"))
    assert (ApiToken.objects.get().last_used_at != before) is is_noted, reason


def test_a_token_costs_one_query(django_assert_num_queries: Any) -> None:
    request = request_with(f"Bearer {make_token()}")
    ApiToken.objects.update(last_used_at=timezone.now())
    with django_assert_num_queries(1):
        actor_of_request(request)


def test_asking_again_costs_the_same_for_any_number(django_assert_max_num_queries: Any) -> None:
    callers = [caller_of_request(request_with(f"Bearer {make_token()}")) for _ in range(3)]
    callers += [caller_of_request(request_with(user=make_user())) for _ in range(2)]
    with django_assert_max_num_queries(4):
        actors = recheck_identities(caller.identity for caller in callers)
    assert len(actors) == 5
