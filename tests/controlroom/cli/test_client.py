"""Without a server: what is sent where, and what a cut connection does."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import httpx
import pytest
from click.testing import CliRunner

from controlroom.cli import main
from controlroom.cli.client import Api, RequestRefused, Unreachable, connect
from controlroom.cli.follow import ReconnectBackoff, follow, parse_events, progress_line
from controlroom.cli.output import MARKS
from pulser.engine.states import RUN_MOVES, STEP_MOVES, Move, RunStatus, StepStatus

RUN = "01a1fd88-9ada-7399-9f00-e67da6239361"


def event(seq: int, kind: str = "step.claimed", **fields: object) -> dict[str, object]:
    at = "2026-11-21T09:30:00.000000Z"
    return {"run": RUN, "seq": seq, "kind": kind, "step": "greet", "attempt": 1, "data": {}, "at": at} | fields


def api_with(answer: Callable[[httpx.Request], httpx.Response]) -> Api:
    api = Api("http://127.0.0.1:1", "cr_secret")
    api.http = httpx.Client(base_url=f"{api.url}/api/v1", transport=httpx.MockTransport(answer))
    return api


def test_events_are_read_from_the_stream_as_the_standard_says() -> None:
    text = ': connected\n\nid: 1\nevent: x\ndata: {"seq":\ndata: 1}\n\n: ping\n\ndata:{"seq": 2}\n\ndata: {"seq": 3}'
    assert list(parse_events(text.split("\n"))) == [{"seq": 1}, {"seq": 2}]


class CutStream(httpx.SyncByteStream):
    """Some events, and then the connection breaks."""

    def __iter__(self) -> Iterator[bytes]:
        yield f"id: 1\ndata: {json.dumps(event(1))}\n\n".encode()
        raise httpx.ReadError("cut")


def test_after_a_cut_the_stream_goes_on_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr("time.sleep", lambda _seconds: None)

    def answer(request: httpx.Request) -> httpx.Response:
        if not request.url.path.endswith("/events/stream"):
            return httpx.Response(200, json={"status": "success", "seq": 2})
        asked.append(request.headers["Last-Event-ID"])
        rest = f"id: 2\ndata: {json.dumps(event(2))}\n\n"
        return httpx.Response(200, stream=CutStream()) if len(asked) == 1 else httpx.Response(200, text=rest)

    assert [found["seq"] for found in follow(api_with(answer), RUN)] == [1, 2]
    assert asked == ["0", "1"]


def test_a_refusal_is_not_tried_again() -> None:
    api = api_with(lambda _request: httpx.Response(401, json={"detail": "no"}))
    with pytest.raises(RequestRefused):
        next(follow(api, RUN))


def test_a_minute_in_vain_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 1000, 7))
    monkeypatch.setattr("controlroom.cli.follow.time.monotonic", lambda: next(clock))
    slept: list[float] = []
    pauses = ReconnectBackoff(Api("http://127.0.0.1:1", ""), sleep=slept.append)
    with pytest.raises(Unreachable):
        while True:
            pauses.wait(httpx.ConnectError("refused"))
    assert 2 < len(slept) < 20 and max(slept) <= 5


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (event(1), ["running", "greet"]),
        (event(1, "step.claimed", attempt=3), ["running", "greet", "attempt", "3"]),
        (event(1, "step.backed_off", data={"reason": "exit 1\nmore", "delay_s": 2.5}), ["exit 1, retry in 2.5 s"]),
        (event(1, "run.succeeded", step=None, attempt=None), ["success", "run"]),
    ],
)
def test_a_line_tells_what_changed(found: dict[str, object], words: list[str]) -> None:
    line = progress_line(found) or ""
    assert all(word in line for word in words)


@pytest.mark.parametrize(
    ("kind", "move"),
    [(move.event, move) for move in (*RUN_MOVES.values(), *STEP_MOVES.values()) if move is not STEP_MOVES["reset"]],
)
def test_a_line_says_the_status_that_the_table_of_moves_has(kind: str, move: Move) -> None:
    line = progress_line(event(1, kind))
    assert line is None if kind == "step.queued" else move.target in click.unstyle(str(line)).split()


def test_every_status_that_a_line_says_has_a_mark() -> None:
    assert set(MARKS) == {*RunStatus, *StepStatus}


def test_events_that_change_nothing_make_no_line() -> None:
    assert progress_line(event(1, "artifact.created")) is None


def test_nobody_at_the_address_exits_3(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTROLROOM_URL", "http://127.0.0.1:9")
    result = CliRunner().invoke(main, ["runs"])
    assert (result.exit_code, "CONTROLROOM_URL" in result.stderr) == (3, True)


@pytest.mark.parametrize(("status", "code"), [(401, 2), (404, 2), (409, 1), (422, 2), (500, 3), (503, 3)])
def test_each_refusal_has_its_exit_status(status: int, code: int) -> None:
    assert RequestRefused(status, {"detail": "no"}).exit_code == code


@pytest.mark.parametrize(
    ("url", "is_sent"), [("http://127.0.0.1:8000", True), ("http://[::1]:80", True), ("https://example.org", False)]
)
def test_the_kept_token_goes_to_this_machine_only(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, url: str, is_sent: bool
) -> None:
    (tmp_path / "cli-token").write_text("cr_kept\n")
    monkeypatch.setenv("CONTROLROOM_DATA", str(tmp_path))
    monkeypatch.setenv("CONTROLROOM_URL", url)
    monkeypatch.delenv("CONTROLROOM_API_TOKEN", raising=False)
    assert (connect().http.headers.get("Authorization") == "Bearer cr_kept") is is_sent


@pytest.mark.parametrize(
    "arguments", [["run"], ["run", "x", "--environment", "moon"], ["runs", "--limit", "0"], ["nix"]]
)
def test_wrong_usage_exits_2(arguments: list[str]) -> None:
    assert CliRunner().invoke(main, arguments).exit_code == 2
