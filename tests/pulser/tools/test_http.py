from __future__ import annotations

import json
import socket
import threading
import time
from typing import Any

import pytest

from pulser.language.catalogue import Effect
from pulser.language.limits import OUTPUT_BYTES
from pulser.tools import http
from pulser.tools.base import Cancelled, FailedError, Outputs, PermanentError, TimedOut, ToolContext, TransientError
from tests.pulser.tools.conftest import MakeContext
from tests.pulser.tools.server import Server


@pytest.fixture
def context(make_context: MakeContext, server: Server, other: Server) -> ToolContext:
    return make_context(settings={"http_allow": [server.address, other.address]})


def call(context: ToolContext, url: str, **arguments: Any) -> Outputs:
    return http.Http().call({"url": url, **arguments}, context)


def test_a_request_gives_status_headers_body_and_json(context: ToolContext, server: Server) -> None:
    outputs = call(context, server.url("/echo"), headers={"X-Mine": "1"})

    assert (outputs["status"], outputs["headers"]["content-type"]) == (200, "application/json")
    assert outputs["json"] == json.loads(outputs["body"])
    assert outputs["json"]["headers"]["x-mine"] == "1"


def test_json_is_sent_with_its_content_type(context: ToolContext, server: Server) -> None:
    said = call(context, server.url("/echo"), method="POST", json={"a": [1]})["json"]

    assert (said["body"], said["headers"]["content-type"]) == ('{"a":[1]}', "application/json")


def test_a_body_is_sent_as_it_is(context: ToolContext, server: Server) -> None:
    assert call(context, server.url("/echo"), method="PUT", body="größer")["json"]["body"] == "größer"


def test_text_is_decoded_by_its_charset_and_is_no_json(context: ToolContext, server: Server) -> None:
    outputs = call(context, server.url("/text"))

    assert (outputs["body"], outputs["json"]) == ("größer", None)


def test_json_that_is_none_is_null(context: ToolContext, server: Server) -> None:
    assert call(context, server.url("/brokenjson"))["json"] is None


def test_a_head_request_has_no_body(context: ToolContext, server: Server) -> None:
    assert call(context, server.url("/text"), method="HEAD")["body"] == ""


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_what_changes_something_carries_the_idempotency_key(context: ToolContext, server: Server, method: str) -> None:
    said = call(context, server.url("/echo"), method=method)["json"]

    assert said["headers"]["idempotency-key"] == context.idempotency_key


def test_what_only_reads_carries_no_idempotency_key(context: ToolContext, server: Server) -> None:
    assert "idempotency-key" not in call(context, server.url("/echo"))["json"]["headers"]


def test_a_step_may_set_its_own_idempotency_key(context: ToolContext, server: Server) -> None:
    said = call(context, server.url("/echo"), method="POST", headers={"idempotency-key": "mine"})["json"]

    assert said["headers"]["idempotency-key"] == "mine"


@pytest.mark.parametrize(
    ("status", "error"),
    [
        pytest.param(429, TransientError, id="too many requests pass"),
        pytest.param(500, TransientError, id="a server's error may pass"),
        pytest.param(503, TransientError, id="busy"),
        pytest.param(400, PermanentError, id="a bad request stays bad"),
        pytest.param(401, PermanentError, id="refused sign-in"),
        pytest.param(404, PermanentError, id="missing"),
        pytest.param(304, FailedError, id="merely unexpected"),
    ],
)
def test_a_status_has_its_error_class(
    context: ToolContext, server: Server, status: int, error: type[Exception]
) -> None:
    with pytest.raises(error, match=f"status {status}, expected 200 to 299") as caught:
        call(context, server.url(f"/status/{status}"))

    assert caught.value.outputs["status"] == status  # type: ignore[attr-defined]


def test_an_expected_status_is_right(context: ToolContext, server: Server) -> None:
    assert call(context, server.url("/status/404"), expect=[200, 404])["body"] == "no luck"


def test_a_status_that_is_not_expected_is_wrong_though_it_is_2xx(context: ToolContext, server: Server) -> None:
    with pytest.raises(FailedError, match="status 200, expected 201 or 204"):
        call(context, server.url("/text"), expect=[201, 204])


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("file:///etc/passwd", id="a file"),
        pytest.param("ftp://example.com/", id="another protocol"),
        pytest.param("example.com", id="no scheme"),
        pytest.param("http://", id="no host"),
        pytest.param("http://[::1", id="half an address"),
        pytest.param("http://example.com:99999/", id="no such port"),
        pytest.param("http://" + "a" * 300 + ".com/", id="a label that is too long"),
    ],
)
def test_what_is_no_http_url_is_a_permanent_error(context: ToolContext, url: str) -> None:
    with pytest.raises(PermanentError):
        call(context, url)


def test_a_header_cannot_smuggle_another(context: ToolContext, server: Server) -> None:
    with pytest.raises(PermanentError, match="cannot be sent"):
        call(context, server.url("/echo"), headers={"X-A": "1\r\nX-B: 2"})


def test_loopback_is_refused_unless_it_is_allowed(make_context: MakeContext, server: Server) -> None:
    with pytest.raises(PermanentError, match="CONTROLROOM_HTTP_ALLOW"):
        call(make_context(), server.url("/text"))

    assert server.requests == []


def test_a_proxy_of_the_environment_is_not_used(
    make_context: MakeContext, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", server.url(""))
    monkeypatch.setenv("ALL_PROXY", server.url(""))

    with pytest.raises(PermanentError, match="not on the public internet"):
        call(make_context(), "http://127.0.0.1:9/text")

    assert server.requests == []


def test_redirects_are_followed(context: ToolContext, server: Server, other: Server) -> None:
    outputs = call(context, server.url(f"/to?{other.url('/to?/echo')}"))

    assert (outputs["status"], outputs["json"]["method"]) == (200, "GET")


def test_an_expected_redirect_is_not_followed(context: ToolContext, server: Server) -> None:
    outputs = call(context, server.url("/to?/echo"), expect=[302])

    assert outputs["headers"]["location"] == "/echo"


def test_a_redirect_to_the_inside_is_refused(context: ToolContext, server: Server) -> None:
    with pytest.raises(PermanentError, match=r"127\.0\.0\.1:1 is 127\.0\.0\.1"):
        call(context, server.url("/to?http://127.0.0.1:1/"))


def test_a_redirect_to_a_file_is_refused(context: ToolContext, server: Server) -> None:
    with pytest.raises(PermanentError):
        call(context, server.url("/to?file:///etc/passwd"))


def test_redirects_in_a_circle_are_given_up(context: ToolContext, server: Server) -> None:
    with pytest.raises(FailedError, match="more than 5 redirects"):
        call(context, server.url("/to?/to?/to"))


def test_credentials_do_not_follow_to_another_host(context: ToolContext, server: Server, other: Server) -> None:
    headers = {"Authorization": "Bearer x", "X-Api-Key": "y", "Cookie": "z=1", "Accept": "text/plain"}

    said = call(context, server.url(f"/keep?{other.url('/echo')}"), method="POST", headers=headers, body="b")["json"]

    assert said["headers"].keys() & {"authorization", "x-api-key", "cookie", "idempotency-key"} == set()
    assert (said["headers"]["accept"], said["body"]) == ("text/plain", "b")


def test_credentials_stay_on_the_same_host(context: ToolContext, server: Server) -> None:
    said = call(context, server.url("/keep?/echo"), headers={"X-Api-Key": "y"})["json"]

    assert said["headers"]["x-api-key"] == "y"


def test_a_gigabyte_is_refused_before_it_is_read(context: ToolContext, server: Server) -> None:
    with pytest.raises(FailedError, match="1,073,741,824 bytes"):
        call(context, server.url("/gigabyte"))


def test_an_endless_body_is_cut_off(context: ToolContext, server: Server) -> None:
    with pytest.raises(FailedError, match="more than 1,048,576 bytes"):
        call(context, server.url("/endless"))

    assert server.sent < 20 * OUTPUT_BYTES


def test_a_packed_answer_is_not_unpacked(context: ToolContext, server: Server) -> None:
    with pytest.raises(FailedError, match="encoded with gzip"):
        call(context, server.url("/packed"))


def test_a_server_that_drips_cannot_hold_the_step(context: ToolContext, server: Server) -> None:
    context.timeout_s = 0.5
    began = time.monotonic()

    with pytest.raises(TimedOut):
        call(context, server.url("/drip"))

    assert time.monotonic() - began < 15


def test_cancelling_ends_a_request_in_flight(context: ToolContext, server: Server) -> None:
    threading.Timer(0.2, context.cancelled.set).start()

    with pytest.raises(Cancelled):
        call(context, server.url("/drip"))


def test_a_server_that_never_answers_times_out(make_context: MakeContext) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(TimedOut):
            call(make_context(timeout_s=0.3, settings={"http_allow": ["127.0.0.1"]}), f"http://127.0.0.1:{port}/")


def test_an_answer_that_breaks_off_may_be_tried_again(context: ToolContext, server: Server) -> None:
    with pytest.raises(TransientError, match="connection broke"):
        call(context, server.url("/cut"))


def test_a_refused_connection_may_be_tried_again(make_context: MakeContext) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]

    with pytest.raises(TransientError, match="cannot connect"):
        call(make_context(settings={"http_allow": ["127.0.0.0/8"]}), f"http://127.0.0.1:{port}/")


def test_the_log_shows_no_secret_of_the_url(
    context: ToolContext, server: Server, written: list[tuple[str, bytes]]
) -> None:
    call(context, f"http://user:password@{server.address}/echo?token=secret")

    assert written == [("stdout", f"GET http://{server.address}/echo -> 200\n".encode())]


@pytest.mark.parametrize(
    ("arguments", "effect"),
    [
        ({}, Effect.PURE),
        ({"method": "HEAD"}, Effect.PURE),
        ({"method": "PUT"}, Effect.IDEMPOTENT),
        ({"method": "DELETE"}, Effect.IDEMPOTENT),
        ({"method": "POST"}, Effect.IRREVERSIBLE),
        ({"method": "PATCH"}, Effect.IRREVERSIBLE),
        ({"method": "{{ params.method }}"}, Effect.IRREVERSIBLE),
    ],
)
def test_the_effect_is_that_of_the_method(arguments: dict[str, Any], effect: Effect) -> None:
    assert http.Http.spec.effect_for(arguments) is effect
