"""The REST API as the commands see it: an answer, or an exit status with a sentence that says why."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Any
from urllib.parse import urlsplit

import click
import httpx

from controlroom import __version__
from controlroom.env import data_dir, env_int, env_str

TIMEOUT_S = 30.0
USER_AGENT = f"controlroom-cli/{__version__}"
FULL_ID = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE)
SHORT_ID = re.compile(r"[0-9a-f]{4,31}", re.IGNORECASE)
PAGES_SEARCHED = 10  # of 200 runs, for a short id


class Unreachable(click.ClickException):
    """The control room does not answer."""

    exit_code = 3


class RequestRefused(click.ClickException):
    """The control room said no. A move that is not possible now is a failure, other refusals are wrong usage."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        super().__init__(str(problem.get("detail") or problem.get("title") or f"status {status}"))
        self.status = status
        self.problem = problem
        self.exit_code = 3 if status >= 500 else 1 if status == 409 else 2  # type: ignore[misc]  # click reads it here

    def show(self, file: IO[Any] | None = None) -> None:
        super().show(file)
        for error in self.problem.get("errors") or ():
            click.echo(f"  {error.get('path')}: {error.get('message')}", file=file, err=file is None)
        if self.status == 401:
            click.echo("  set CONTROLROOM_API_TOKEN; `controlroom token create NAME` makes one", err=True)


class Api:
    """One control room. Raises Unreachable and Refused from every call."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url.rstrip("/")
        headers = {"User-Agent": USER_AGENT} | ({"Authorization": f"Bearer {token}"} if token else {})
        # A proxy of the environment is not for our own machine.
        trust = not _is_loopback(self.url)
        self.http = httpx.Client(base_url=f"{self.url}/api/v1", headers=headers, timeout=TIMEOUT_S, trust_env=trust)

    def get(self, path: str, **query: Any) -> Any:
        return self.send("GET", path, params={key: value for key, value in query.items() if value is not None}).json()

    def post(self, path: str, **request: Any) -> Any:
        return self.send("POST", path, **request).json()

    def send(self, method: str, path: str, **request: Any) -> httpx.Response:
        try:
            response = self.http.request(method, path, **request)
        except httpx.TransportError as error:
            raise self.unreachable(error) from error
        raise_for_problem(response)
        return response

    @contextmanager
    def stream(self, path: str, **request: Any) -> Iterator[httpx.Response]:
        """An answer that is read as it comes. httpx.TransportError is left to the caller, who may come back."""
        with self.http.stream("GET", path, **request) as response:
            if response.is_error:
                response.read()
            raise_for_problem(response)
            yield response

    def unreachable(self, error: Exception) -> Unreachable:
        reason = str(error) or type(error).__name__
        return Unreachable(f"no control room answers at {self.url}: {reason}; start one, or set CONTROLROOM_URL")

    def run_id(self, reference: str) -> str:
        """The full id of a run that is named by it, or by its end as pages show it. Raises click.UsageError."""
        if FULL_ID.fullmatch(reference):
            return reference
        if not SHORT_ID.fullmatch(reference):
            raise click.UsageError(f"{reference!r} is not a run id: give the full id, or its last 4 or more characters")
        found = [run["id"] for run in self._recent_runs() if run["id"].replace("-", "").endswith(reference.lower())]
        if len(found) != 1:
            said = "no recent run ends" if not found else f"{len(found)} runs end"
            raise click.UsageError(f"{said} in {reference}: give more characters of the id")
        return str(found[0])

    def _recent_runs(self) -> Iterator[dict[str, Any]]:
        cursor = None
        for _ in range(PAGES_SEARCHED):
            page = self.get("/runs", archived="all", limit=200, cursor=cursor)
            yield from page["items"]
            cursor = page["next"]
            if cursor is None:
                return


def raise_for_problem(response: httpx.Response) -> None:
    """Raises Refused for an answer that is an error."""
    if response.is_success:
        return
    try:
        problem = response.json()
    except ValueError:
        problem = {}
    raise RequestRefused(response.status_code, problem if isinstance(problem, dict) else {})


def connect() -> Api:
    """The control room that the environment names, by default the one of this machine and directory."""
    url = env_str("CONTROLROOM_URL", default=f"http://127.0.0.1:{env_int('CONTROLROOM_PORT', default=8000)}")
    return Api(url, env_str("CONTROLROOM_API_TOKEN") or _kept_token(url))


def _kept_token(url: str) -> str:
    """The token that `controlroom up` keeps beside its data; it is never sent to another machine."""
    if not _is_loopback(url):
        return ""
    try:
        return (data_dir() / "cli-token").read_text().strip()
    except OSError:
        return ""


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
