"""Pages and buttons that get what no browser sends: each address by GET and by POST, signed in, with junk in it."""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import sys
import uuid
from dataclasses import dataclass
from random import Random
from typing import Any
from urllib.parse import quote, urlencode

import httpx

from fuzz.row import Row
from fuzz.target import Target

ANSWER_S = 20.0
QUERY_CHARS = 8_000  # of an address; the line of a request has a bound of its own
IDS_FOR = {"key": "step", "view_id": "session_id", "lane_id": "session_id"}  # small numbers that may be there
RUNS_FOR = {"artifact_id": "with_artifact", "/approve": "waiting", "/reject": "waiting"}  # by a piece of the address
CONVERTER = re.compile(r"<(?:(\w+):)?(\w+)>")

# Names that pages read, and values that are right for none of them, or for a few.
LISTS = "q status lane plan session environment trigger within since until archived view range saved after below before"
RUNS = "find a b at step attempt count from group text map unfold idle all name shown"
FORMS = "way start version drawn title params do p p.n p.note was:p was:p.x how:p has:p.n i:p"
BUTTONS = "query shared chosen action asked_at run reason comment"
NAMES = f"{LISTS} {RUNS} {FORMS} {BUTTONS}".split()
BAD = {
    "nothing": "",
    "a NUL": "a\0b",
    "below nothing": "-1",
    "beyond all numbers": "0" * 19 + "1" + "9" * 5_000,
    "digits of another script": "\u0663\u00b2",
    "markup": "<img src=x onerror=alert(1)>\u202e'\"",
    "before all dates": "0001-01-01T00:00:00+05:00",
    "after all dates": "9999-12-31T23:59:59-05:00",
    "no date": "2026-13-45T99:99",
    "half a character": '{"n": "\\ud800", "\\udfff": "\\u0000"}',
    "nested too deep": '{"n":' * 600 + "1" + "}" * 600,
    "infinity": '{"n": 1e999}',
    "long": "a" * 3_000,
}
LAYOUTS = "lanes table timeline error waiting 24h only"
CHOICES = "1 true on json cancel retry archive unarchive again rest go form p link dialog Go quick"
WORDS = [*f"{LAYOUTS} {CHOICES}".split(), "2026-01-01T00:00:00Z", "status=error", "status=nope&lane=A"]
BODIES: dict[str, tuple[str, bytes]] = {
    "no form": ("application/json", b'{"name": "x"}'),
    "broken escapes": ("application/x-www-form-urlencoded", b"name=%ff%zz&%=&query=%00&=&&"),
    "another encoding": ("application/x-www-form-urlencoded; charset=utf-7", b"name=+AGE-"),
    "an encoding that is none": ("application/x-www-form-urlencoded; charset=\x7f", b"name=x"),
    "many fields": ("application/x-www-form-urlencoded", b"&".join(b"run=%d" % number for number in range(5_000))),
    "too much": ("application/x-www-form-urlencoded", b"name=" + b"x" * 3 * 1024 * 1024),
    "parts without a boundary": ("multipart/form-data", b"--x\r\n"),
    "parts that never end": (
        "multipart/form-data; boundary=x",
        b'--x\r\nContent-Disposition: form-data; name="name"\r\n\r\n',
    ),
    "a file for a name": (
        "multipart/form-data; boundary=x",
        b'--x\r\nContent-Disposition: form-data; name="name"; filename="../x"\r\n\r\n\0\r\n--x--\r\n',
    ),
}


def pages(target: Target, *, role: str, seed: int, each: int) -> list[Row]:
    """A row for each address. `each`: so many requests to it, half of them by POST."""
    person, password = f"fuzz-{role}-{secrets.token_hex(4)}", secrets.token_urlsafe(16)
    rows: list[Row] = []
    with httpx.Client(base_url=target.room.url, timeout=ANSWER_S, trust_env=False) as browser:
        for route in _prepare(target, person, role=role, password=password):
            if not rows:
                _sign_in(browser, person, password=password)
            rows.append(Row(f"page {route} ({role})"))
            _attack(browser, _Junk(target.ids, route, Random(f"{seed} {role} {route}")), rows[-1], each=each)
        board = browser.get("/?view=lanes").status_code
        rows[0].saw(board, right=board == httpx.codes.OK, why="the board, signed in, after all that")
    return rows


def _prepare(target: Target, person: str, *, role: str, password: str) -> list[str]:
    """Make somebody. Returns the addresses of all pages, as patterns."""
    environment = {**os.environ, **target.room.environment, "DATABASE_URL": target.room.database_url}
    command = [sys.executable, "-m", "fuzz.people", person, role, password]
    ran = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return [str(route) for route in json.loads(ran.stdout.splitlines()[-1])]


def _sign_in(browser: httpx.Client, person: str, *, password: str) -> None:
    (token,) = browser.get("/login").cookies.values()
    answer = browser.post("/login", data={"username": person, "password": password, "csrfmiddlewaretoken": token})
    if answer.status_code != httpx.codes.FOUND:
        raise RuntimeError(f"{person} cannot sign in: {answer.status_code}")


def _attack(browser: httpx.Client, junk: _Junk, row: Row, *, each: int) -> None:
    token = next(value for name, value in browser.cookies.items() if name.endswith("-csrf"))
    for number in range(each):
        request = junk.request("POST" if number % 2 else "GET", token=token)
        try:
            answer = browser.request(**request)
        except httpx.HTTPError as error:
            row.saw(type(error).__name__, right=False, why=_told(request))
            continue
        row.saw(answer.status_code, right=answer.status_code < 500, why=f"{_told(request)}: {answer.text[:300]}")


def _told(request: dict[str, Any]) -> str:
    return f"{request['method']} {request['url'][:2000]} {request['headers']} {request.get('content', b'')[:2000]!r}"


@dataclass(frozen=True, slots=True)
class _Junk:
    """Requests to one address. The same random numbers give the same requests, as far as ids are the same."""

    ids: dict[str, list[str]]
    route: str
    random: Random

    def request(self, method: str, *, token: str) -> dict[str, Any]:
        """As httpx takes it. Some lack the token that our pages send along."""
        headers = self._headers() | ({"X-CSRFToken": token} if self.random.random() < 0.9 else {})
        query = urlencode(self._fields())
        url = self._path() + (f"?{query}" if method == "GET" and len(query) <= QUERY_CHARS else "")
        if method == "GET":
            return {"method": self.random.choice(("GET", "GET", "GET", "HEAD")), "url": url, "headers": headers}
        kind, content = "application/x-www-form-urlencoded", query.encode()
        if self.random.random() < 0.2:
            kind, content = self.random.choice(list(BODIES.values()))
        return {"method": "POST", "url": url, "headers": headers | {"Content-Type": kind}, "content": content}

    def _path(self) -> str:
        return CONVERTER.sub(lambda found: quote(self._part(found[1], found[2]), safe=""), self.route)

    def _part(self, kind: str | None, name: str) -> str:
        """Mostly what is there; else what fits the address, or does not."""
        runs = next((key for piece, key in RUNS_FOR.items() if piece in self.route), name)
        known = self.ids.get(runs if name == "run_id" else IDS_FOR.get(name, name), [])
        if known and self.random.random() < 0.7:
            return self.random.choice(known)
        fits = {"int": ["0", "2", "9" * 19, "9" * 400], "uuid": [str(uuid.UUID(int=self.random.getrandbits(128)))]}
        return self.random.choice([*fits.get(kind or "", ["status", "x" * 300, "-", "0"]), "a\0b", "<b>", "\u0663"])

    def _fields(self) -> list[tuple[str, str]]:
        """A few names, often with one bad value for all."""
        bad = self.random.choice(list(BAD.values()))
        some = self.random.sample(NAMES, self.random.choice((0, 1, 3, 10, len(NAMES))))
        return [(name, bad if self.random.random() < 0.6 else self._word()) for name in some]

    def _word(self) -> str:
        known = [value for values in self.ids.values() for value in values]
        return self.random.choice(
            (self.random.choice(WORDS), self.random.choice(known), self.random.choice(list(BAD.values())))
        )

    def _headers(self) -> dict[str, str]:
        if self.random.random() < 0.5:
            return {}
        return {
            "HX-Request": "true",
            "HX-Target": self.random.choice(("inbox", "run-head", "board", "<b>")),
            "HX-Trigger": self.random.choice(("find", "x" * 300)),
            "HX-Current-URL": self.random.choice(("http:/[", "//x", "/?view=table", "/?q=%ff%00", "x" * 3_000)),
        }
