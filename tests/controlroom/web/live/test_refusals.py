"""Who may not watch, and how it is told: a close code after the socket was accepted."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session as LoginSession
from django.utils import timezone

from runs.accounts.models import ApiToken
from tests.controlroom.web.live.sockets import Headers, bearer, cookie, open_socket, outside
from tests.factories import make_run, make_token, make_user, start

pytestmark = pytest.mark.usefixtures("committed")

UNKNOWN_RUN = "/ws/runs/0190a5a0-0000-7000-8000-000000000000"


async def code_for(path: str, headers: Headers) -> int:
    async with open_socket(path, headers) as client:
        return await client.close_code()


@pytest.mark.parametrize("path", ["/ws/board", UNKNOWN_RUN, "/ws/nothing"])
async def test_nobody_may_watch(path: str) -> None:
    assert await code_for(path, []) == 4401


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (b"Bearer wrong", "there is no such token"),
        (b"Bearer ", "an empty one"),
        (b"Basic b3BlcmF0b3I6c2VjcmV0", "another scheme"),
    ],
)
async def test_a_wrong_token_may_not_watch(header: bytes, reason: str) -> None:
    assert await code_for("/ws/board", [(b"authorization", header)]) == 4401, reason


async def test_a_revoked_token_may_not_watch() -> None:
    secret = await outside(make_token)
    await outside(ApiToken.objects.update, revoked_at=timezone.now())
    assert await code_for("/ws/board", bearer(secret)) == 4401


async def test_a_token_in_the_url_is_not_looked_at() -> None:
    secret = await outside(make_token)
    assert await code_for(f"/ws/board?token={secret}", []) == 4401


async def test_a_wrong_token_is_not_healed_by_a_cookie() -> None:
    headers = await outside(cookie, await outside(make_user))
    assert await code_for("/ws/board", [*headers, *bearer("wrong")]) == 4401


@pytest.mark.parametrize("path", ["/ws/board", UNKNOWN_RUN])
async def test_a_stranger_may_not_watch(path: str) -> None:
    headers = await outside(cookie, await outside(make_user, ""))
    assert await code_for(path, headers) == 4403


async def test_a_viewer_may_watch_with_a_cookie_from_our_own_page() -> None:
    headers = await outside(cookie, await outside(make_user, "viewer"))
    async with open_socket("/ws/board", headers) as client:
        assert (await client.frame())["type"] == "snapshot"


@pytest.mark.parametrize(
    ("origin", "reason"),
    [
        ("http://evil.test", "another site"),
        ("http://board.test.evil.test", "one that begins like ours"),
        ("http://board.test:8001", "another port"),
        ("null", "a sandboxed frame"),
        (None, "no browser sends a cookie without an origin"),
        ("http://board.test:port", "a port that is none"),
    ],
)
async def test_a_cookie_from_another_site_may_not_watch(origin: str | None, reason: str) -> None:
    headers = await outside(cookie, await outside(make_user), origin=origin)
    assert await code_for("/ws/board", headers) == 4403, reason


async def test_an_origin_that_settings_trust_may_watch(settings: Any) -> None:
    settings.CSRF_TRUSTED_ORIGINS = ["https://proxy.test"]
    headers = await outside(cookie, await outside(make_user), origin="https://proxy.test")
    async with open_socket("/ws/board", headers) as client:
        assert (await client.frame())["type"] == "snapshot"


async def test_a_token_may_watch_from_any_origin() -> None:
    headers = [*bearer(await outside(make_token)), (b"origin", b"http://evil.test"), (b"host", b"board.test")]
    async with open_socket("/ws/board", headers) as client:
        assert (await client.frame())["type"] == "snapshot"


@pytest.mark.parametrize("path", [UNKNOWN_RUN, "/ws/runs/17", "/ws/runs/", "/ws/nothing", "/ws/board/"])
async def test_what_is_not_there_is_unknown(path: str) -> None:
    assert await code_for(path, bearer(await outside(make_token))) == 4404


@pytest.mark.parametrize("query", ["after=x", "after=-1", "after=99999999999", "log=1.5", "format=xml", "after=%C2%B2"])
async def test_a_query_that_does_not_fit_is_refused(query: str) -> None:
    run = await outside(start)
    assert await code_for(f"/ws/runs/{run.pk}?{query}", bearer(await outside(make_token))) == 4400


@pytest.mark.parametrize("query", ["view=tree", "format=xml", "&".join(f"q{number}=1" for number in range(3_000))])
async def test_a_board_that_cannot_be_is_refused(query: str) -> None:
    assert await code_for(f"/ws/board?{query}", bearer(await outside(make_token))) == 4400


@pytest.mark.parametrize(
    "query", ["session=x", "session=99999999999999999999", "archived=maybe", "status=odd", "within=9y", "since=when"]
)
async def test_a_program_is_told_that_its_filters_mean_nothing(query: str) -> None:
    assert await code_for(f"/ws/board?{query}", bearer(await outside(make_token))) == 4400


async def test_a_run_socket_takes_no_frames() -> None:
    run = await outside(start)
    async with open_socket(f"/ws/runs/{run.pk}", bearer(await outside(make_token))) as client:
        await client.frame()
        await client.send_to(text_data="hello")
        assert await client.close_code() == 4400


@pytest.mark.usefixtures("quick_poll")
async def test_a_token_that_is_revoked_while_watching_must_go() -> None:
    run = await outside(make_run)
    async with open_socket(f"/ws/runs/{run.pk}", bearer(await outside(make_token))) as client:
        await client.frame()
        await outside(ApiToken.objects.update, revoked_at=timezone.now())
        assert await client.close_code() == 4401


def deactivate(user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)


def sign_out(user: User) -> None:
    LoginSession.objects.all().delete()


def change_password(user: User) -> None:
    user.set_password("another-secret")
    user.save()


def take_roles(user: User) -> None:
    user.groups.clear()


@pytest.mark.usefixtures("quick_poll")
@pytest.mark.parametrize(
    ("change", "code"), [(deactivate, 4401), (sign_out, 4401), (change_password, 4401), (take_roles, 4403)]
)
async def test_a_person_who_may_watch_no_longer_must_go(change: Any, code: int) -> None:
    user = await outside(make_user, "viewer")
    async with open_socket("/ws/board", await outside(cookie, user)) as client:
        await client.frame()
        await outside(change, user)
        assert await client.close_code() == code
