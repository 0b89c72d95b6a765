from __future__ import annotations

import io
import json
import sys

import pytest
from django.core.handlers.asgi import ASGIRequest

from controlroom.api.request_body import bounded_body, read_json
from controlroom.http.problems import InvalidRequest
from runs.errors import TooLarge


class Counted(io.BytesIO):
    """A body that knows how much of it was read."""

    taken = 0

    def read(self, size: int | None = -1, /) -> bytes:
        piece = super().read(size)
        self.taken += len(piece)
        return piece


def request_with(body: Counted, **headers: str) -> ASGIRequest:
    named = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return ASGIRequest({"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": named}, body)


def test_a_body_of_unknown_length_is_read_no_further_than_its_bound() -> None:
    body = Counted(b"x" * 1000)
    with pytest.raises(TooLarge):
        bounded_body(request_with(body), limit=10)
    assert body.taken == 11


def test_a_body_that_announces_too_much_is_not_read_at_all() -> None:
    body = Counted(b"x" * 1000)
    with pytest.raises(TooLarge):
        bounded_body(request_with(body, content_length="1000"), limit=10)
    assert body.taken == 0


@pytest.mark.parametrize("size", [0, 9, 10])
def test_a_body_within_its_bound_is_whole(size: int) -> None:
    assert bounded_body(request_with(Counted(b"x" * size)), limit=10) == b"x" * size


@pytest.mark.parametrize(
    "text", ['{"a": [1, 2.5, "é", null, true]}', '"\\ud83d\\ude00"', "0", str(10**100), "[" * 99 + "]" * 99]
)
def test_whatever_can_be_stored_is_taken(text: str) -> None:
    assert read_json(text.encode()) == json.loads(text)


@pytest.mark.parametrize("levels", [101, 900, sys.getrecursionlimit() * 50])
def test_nesting_is_refused_before_it_hurts(levels: int) -> None:
    with pytest.raises(InvalidRequest, match="100 levels"):
        read_json(b"[" * levels + b"]" * levels)
