"""What travels compressed, and what must not."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest
from django.http import FileResponse, HttpResponse, JsonResponse, StreamingHttpResponse
from django.test import Client, RequestFactory

from controlroom.http.compression import CompressionMiddleware
from tests.factories import make_user, start

LONG = "a calm and dense board " * 100
GZIP = {"HTTP_ACCEPT_ENCODING": "gzip, deflate, br"}


def answered(response: Any, accept: str = "gzip, br") -> Any:
    request = RequestFactory().get("/", HTTP_ACCEPT_ENCODING=accept)
    return CompressionMiddleware(lambda _: response)(request)


@pytest.mark.parametrize(
    "response",
    [
        HttpResponse(LONG),
        JsonResponse({"text": LONG}),
        HttpResponse(LONG, content_type="text/css"),
        HttpResponse(LONG, content_type="image/svg+xml"),
        HttpResponse(LONG, status=404),
    ],
    ids=["page", "json", "style", "svg", "not found"],
)
def test_what_shrinks_is_compressed(response: HttpResponse) -> None:
    whole = response.content
    answer = answered(response)
    assert answer["Content-Encoding"] == "gzip"
    assert gzip.decompress(answer.content) == whole
    assert len(answer.content) < len(whole)


@pytest.mark.parametrize(
    "response",
    [
        HttpResponse("short"),
        HttpResponse(LONG, content_type="image/png"),
        HttpResponse(LONG, content_type="application/octet-stream"),
        HttpResponse(LONG, headers={"Content-Encoding": "br"}),
        HttpResponse(LONG, content_type="text/plain", headers={"Content-Disposition": 'attachment; filename="a"'}),
    ],
    ids=["a few bytes", "an image", "a file", "compressed before", "a download"],
)
def test_what_does_not_shrink_goes_as_it_is(response: HttpResponse) -> None:
    before = response.content
    answer = answered(response)
    assert answer.content == before
    assert answer.get("Content-Encoding") != "gzip"


@pytest.mark.parametrize("content_type", ["text/event-stream", "text/plain", "application/x-ndjson"])
def test_a_stream_is_never_compressed(content_type: str) -> None:
    answer = answered(StreamingHttpResponse([LONG.encode()], content_type=content_type))
    assert not answer.has_header("Content-Encoding")
    assert next(iter(answer)) == LONG.encode()


def test_a_file_that_is_sent_piece_by_piece_is_not_compressed(tmp_path: Path) -> None:
    (tmp_path / "log.txt").write_text(LONG)
    answer = answered(FileResponse((tmp_path / "log.txt").open("rb")))
    assert not answer.has_header("Content-Encoding")


def test_who_does_not_ask_gets_it_plain() -> None:
    answer = answered(HttpResponse(LONG), accept="identity")
    assert answer.content == LONG.encode()
    assert answer["Vary"] == "Accept-Encoding"


@pytest.mark.django_db
def test_the_board_comes_compressed(client: Client) -> None:
    start()
    client.force_login(make_user("viewer"))
    answer = client.get("/", **GZIP)
    assert answer["Content-Encoding"] == "gzip"
    assert b"<!doctype html>" in gzip.decompress(answer.content)
