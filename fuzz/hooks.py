"""Hooks that get what no sender should send: malformed, huge and repeated bodies, old signatures."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx

from fuzz.row import Row
from fuzz.target import SECRET, Target
from pulser.language.limits import HOOK_BYTES, MIB, PLAN_LEVELS

PATH = "/hooks/quick"
JSON = {"Content-Type": "application/json"}
SENDERS = 50
TOLERANCE_S = 300
DEEP = 100_000

MALFORMED: dict[str, bytes] = {
    "cut off": b'{"n": 1',
    "two values": b"{} {}",
    "not JSON": b"n=1",
    "an array": b"[1, 2]",
    "a number": b"17",
    "null": b"null",
    "a string": b'"text"',
    "broken UTF-8": b'{"note": "\xff\xfe"}',
    "UTF-16": '{"note": "text"}'.encode("utf-16"),
    "NUL in text": b'{"note": "a\\u0000b"}',
    "a bare NUL": b"\0",
    "NUL in a name": b'{"a\\u0000b": 1}',
    "half a surrogate pair": b'{"note": "\\ud800"}',
    "no number": b'{"n": NaN}',
    "endless": b'{"n": Infinity}',
    "too large a number": b'{"n": 1e999}',
    "many digits": b'{"n": ' + b"9" * 5000 + b"}",
    "the wrong type": b'{"n": "one"}',
    "a level too deep": b'{"x": ' + b"[" * PLAN_LEVELS + b"]" * PLAN_LEVELS + b"}",
    "far too deep": b"[" * DEEP + b"]" * DEEP,
    "deep objects": b'{"x":' * 40_000 + b"1" + b"}" * 40_000,
    "a comment": b"{} // really",
    "single quotes": b"{'n': 1}",
}


def hooks(target: Target) -> list[Row]:
    """A row for each kind of misuse."""
    with target.room.client() as client:
        return [_malformed(client), _types(client), _large(client), *_repeated(target, client), _signed(target)]


def _malformed(client: httpx.Client) -> Row:
    row = Row("hook: malformed bodies")
    for name, body in MALFORMED.items():
        _post(client, row, body, right=(422,), what=name)
    return row


def _post(
    client: httpx.Client,
    row: Row,
    body: bytes | Iterator[bytes],
    *,
    right: tuple[int, ...],
    what: str,
    headers: dict[str, str] | None = None,
) -> httpx.Response:
    answer = client.post(PATH, content=body, headers=JSON | (headers or {}))
    row.saw(answer.status_code, right=answer.status_code in right, why=f"{what}: {answer.text[:300]}")
    return answer


def _types(client: httpx.Client) -> Row:
    row = Row("hook: wrong types of content")
    for given in (
        "text/plain",
        "application/xml",
        "multipart/form-data",
        "application/json; charset=utf-7",
        "",
        "x" * 999,
    ):
        right = (202,) if given.startswith("application/json") else (415,)
        _post(client, row, b"{}", right=right, what=given[:50], headers={"Content-Type": given})
    _post(client, row, b"", right=(202,), what="no body needs no type", headers={"Content-Type": "text/plain"})
    return row


def _large(client: httpx.Client) -> Row:
    row = Row("hook: large bodies")
    _post(client, row, _of_size(HOOK_BYTES), right=(202,), what="as much as is taken")
    _post(client, row, _of_size(HOOK_BYTES + 1), right=(413,), what="a byte more")
    _post(client, row, _of_size(10 * MIB), right=(413,), what="10 MiB, announced")
    _post(client, row, (b"x" * MIB for _ in range(10)), right=(413,), what="10 MiB in chunks")
    _post(client, row, (b"x" for _ in range(HOOK_BYTES // 16)), right=(422,), what="a byte in each chunk")
    return row


def _of_size(size: int) -> bytes:
    frame = b'{"note": ""}'
    return frame[:-2] + b"x" * (size - len(frame)) + frame[-2:]


def _repeated(target: Target, client: httpx.Client) -> Iterator[Row]:
    """The same delivery many times at once is one run; with another body it is refused."""
    row, key = Row("hook: one key, many senders at once"), {"Idempotency-Key": f"fuzz {uuid.uuid4()}"}

    def send(_number: int) -> httpx.Response:
        with target.room.client() as own:
            return _post(own, row, b'{"n": 1}', right=(200, 202), what="repeated", headers=key)

    with ThreadPoolExecutor(SENDERS) as senders:
        started = {answer.json().get("id") for answer in senders.map(send, range(SENDERS))}
    if len(started) != 1 or row.answers["202"] != 1:
        row.violations.append(f"one key has started {len(started)} runs, {row.answers['202']} of them as new")
    yield row
    other = Row("hook: one key, another body")
    for name in ("Idempotency-Key", "webhook-id", "X-GitHub-Delivery"):
        mark = {name: f"fuzz {uuid.uuid4()}"}
        _post(client, other, b'{"n": 1}', right=(202,), what=name, headers=mark)
        _post(client, other, b'{"n": 2}', right=(422,), what=f"{name}, another body", headers=mark)
    for key_text in ("", "x" * 256, "schl\u00fcssel"):
        mark = {"Idempotency-Key": key_text}
        answer = client.post(PATH, content=b"{}", headers=_raw(JSON | mark))
        other.saw(answer.status_code, right=answer.status_code == 422, why=f"the key {key_text[:20]!r}")
    yield other


def _raw(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    """Past what httpx would refuse to send."""
    return [(name.encode(), value.encode()) for name, value in headers.items()]


def _signed(target: Target) -> Row:
    """Without a token: the signature alone opens the door, for five minutes."""
    row, body, now = Row("hook: signatures"), b'{"n": 3}', int(time.time())
    github = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    cases: list[tuple[str, dict[str, str], bytes, int]] = [
        ("Standard Webhooks", _standard(body, at=str(now)), body, 202),
        ("another body", _standard(body, at=str(now)), b'{"n": 4}', 401),
        ("too old", _standard(body, at=str(now - TOLERANCE_S - 5)), body, 401),
        ("too early", _standard(body, at=str(now + TOLERANCE_S + 60)), body, 401),
        ("no time", _standard(body, at="now"), body, 401),
        ("a negative time", _standard(body, at="-1"), body, 401),
        ("an endless time", _standard(body, at="9" * 5000), body, 401),
        ("GitHub", {"X-Hub-Signature-256": github}, body, 202),
        ("GitHub, another body", {"X-Hub-Signature-256": github}, b'{"n": 4}', 401),
        ("an empty signature", {"X-Hub-Signature-256": ""}, body, 401),
        ("no ASCII", {"X-Hub-Signature-256": "sha256=\u00fc"}, body, 401),
        ("a long signature", {"webhook-signature": "v1,x" * 2000}, body, 401),
        ("no signature", {}, body, 401),
    ]
    with httpx.Client(base_url=f"{target.room.url}/api/v1", timeout=60, trust_env=False) as client:
        for name, headers, sent, right in cases:
            answer = client.post(PATH, content=sent, headers=_raw(JSON | headers))
            row.saw(answer.status_code, right=answer.status_code == right, why=f"{name}: {answer.text[:300]}")
    return row


def _standard(body: bytes, *, at: str) -> dict[str, str]:
    identity = f"msg_{uuid.uuid4()}"
    digest = hmac.new(SECRET.encode(), f"{identity}.{at}.".encode() + body, hashlib.sha256).digest()
    signature = "v1," + base64.b64encode(digest).decode()
    return {"webhook-id": identity, "webhook-timestamp": at, "webhook-signature": signature}
