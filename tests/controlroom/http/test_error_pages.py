"""The pages for what cannot be answered: each says what to do, leads back, and breaks at nothing that was sent."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.conf import settings
from django.db import OperationalError
from django.test import Client

from tests.factories import make_user


def client_of(role: str | None, **options: Any) -> Client:
    client = Client(raise_request_exception=False, **options)
    if role is not None:
        client.force_login(make_user(role, name="robin"))
    return client


def words(answer: Any) -> str:
    """The page's own, without tags."""
    main = answer.content.decode().partition("<main")[2].partition("</main>")[0]
    return " ".join(re.sub(r"<[^>]+>", " ", main.partition(">")[2]).split())


def links(answer: Any) -> list[str]:
    main = answer.content.decode().partition("<main")[2].partition("</main>")[0]
    return re.findall(r'(?:href|action)="([^"]+)"', main)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("role", "ways", "says"),
    [
        ("viewer", ["/", "/plans/"], "Search for the run by its title on the board"),
        ("", ["/"], "your account may not have access"),
        (None, ["/", "/login"], "You are not signed in"),
    ],
)
def test_what_is_not_there_says_where_to_look(role: str | None, ways: list[str], says: str) -> None:
    answer = client_of(role).get("/runs/nonsense")
    assert (answer.status_code, links(answer), says in words(answer)) == (404, ways, True)
    assert ('class="bar"' in answer.content.decode()) is (role is not None)


@pytest.mark.django_db
def test_who_may_not_is_told_the_role_that_he_has() -> None:
    answer = client_of("viewer").get("/lanes/1/pausing")
    assert (answer.status_code, links(answer)) == (403, ["/"])
    assert "You are signed in as robin , with the role viewer" in words(answer)


@pytest.mark.django_db
def test_who_has_no_role_can_sign_out() -> None:
    answer = client_of("").get("/")
    assert (answer.status_code, links(answer)) == (403, ["/logout", "/"])
    assert "Ask an administrator" in words(answer)


@pytest.mark.django_db
def test_a_form_without_its_token_changes_nothing_and_says_so() -> None:
    answer = client_of("operator", enforce_csrf_checks=True).post("/sessions/create", {"name": "x"})
    assert (answer.status_code, links(answer)) == (403, ["/", "/login"])
    assert "Nothing was changed" in words(answer)
    assert "loaded before you signed in" in answer.headers["X-Toast"]


@pytest.mark.django_db
def test_a_form_from_another_origin_is_told_which_setting_is_meant() -> None:
    client = client_of("operator", enforce_csrf_checks=True)
    answer = client.post("/sessions/create", {"name": "x"}, headers={"Origin": "https://<b>.example"})
    assert answer.status_code == 403
    assert "came from https://&lt;b&gt;.example , which is not a trusted origin" in words(answer)
    assert "CONTROLROOM_ORIGINS" in words(answer)


def test_a_name_that_is_not_ours_is_told_which_setting_is_meant() -> None:
    answer = client_of(None).get("/", headers={"Host": "evil.example"})
    assert (answer.status_code, links(answer)) == (400, [])
    assert "host name evil.example ." in words(answer)
    assert "CONTROLROOM_HOSTS" in words(answer)


@pytest.mark.django_db
def test_too_many_fields_are_told() -> None:
    answer = client_of("operator").post("/bulk", {"run": ["1"] * 2_001})
    assert (answer.status_code, links(answer)) == (400, ["/"])
    assert "request is too large" in words(answer)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("content_type", "body", "right"),
    [
        ("application/x-www-form-urlencoded; charset=utf-7", b"name=+AGE-", 400),
        ("multipart/form-data", b"--x\r\n", 400),
        ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="n"\r\n\r\n', 403),
    ],
)
def test_a_form_that_cannot_be_read_breaks_no_answer(content_type: str, body: bytes, right: int) -> None:
    """Whether it has its token is asked of the form itself."""
    client = client_of("operator", enforce_csrf_checks=True)
    client.cookies[settings.CSRF_COOKIE_NAME] = "a" * 32
    answers = [
        client.generic("POST", path, body, content_type=content_type) for path in ("/sessions/create", "/no/where")
    ]
    assert [answer.status_code for answer in answers] == [right, 404]
    assert all(links(answer)[0] == "/" for answer in answers)


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every page breaks, and the database answers nobody: pytest-django refuses each query."""

    def breaks(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("django.contrib.sessions.middleware.SessionMiddleware.process_request", breaks)


@pytest.mark.usefixtures("broken")
@pytest.mark.parametrize(("theme", "attribute"), [("dark", 'data-theme="dark"'), ("", '<html lang="en">')])
def test_what_breaks_says_what_to_do_without_the_database(theme: str, attribute: str) -> None:
    client = client_of(None)
    client.cookies["theme"] = theme
    answer = client.get("/health?a=<b>")
    assert (answer.status_code, links(answer)) == (500, ["/health?a=%3Cb%3E", "/"])
    assert "give an administrator the time and the address" in words(answer)
    assert attribute in answer.content.decode()


@pytest.mark.usefixtures("broken")
def test_a_button_that_broke_is_not_pressed_again_by_a_link() -> None:
    assert links(client_of(None).post("/bulk")) == ["/"]


def test_no_database_is_said_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_: Any) -> None:
        raise OperationalError

    monkeypatch.setattr("django.contrib.sessions.middleware.SessionMiddleware.process_request", breaks)
    answer = client_of(None).get("/inbox")
    assert (answer.status_code, answer.headers["Retry-After"], links(answer)) == (503, "5", ["/inbox", "/"])


@pytest.mark.django_db
@pytest.mark.parametrize("role", ["viewer", None])
@pytest.mark.parametrize("path", ["/runs/nonsense", "/lanes/1/pausing"])
def test_a_refusal_has_the_chosen_theme(role: str | None, path: str) -> None:
    client = client_of(role)
    client.cookies["theme"] = "dark"
    answer = client.get(path, follow=True)  # a stranger is led to the door
    assert '<html lang="en" data-theme="dark">' in answer.content.decode()
