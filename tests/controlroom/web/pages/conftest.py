"""People in front of a browser: each is a test client that has signed in."""

from __future__ import annotations

import pytest
from django.test import Client
from pytest_django import Settings


def signed_in(role: str) -> Client:
    from tests.factories import make_user

    client = Client()
    client.force_login(make_user(role))
    return client


@pytest.fixture(autouse=True)
def _quick_passwords(settings: Settings) -> None:
    """Nobody guesses here: signing in need not be slow."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def operator(db: None) -> Client:
    return signed_in("operator")


@pytest.fixture
def viewer(db: None) -> Client:
    return signed_in("viewer")


@pytest.fixture
def stranger(db: None) -> Client:
    return signed_in("")
