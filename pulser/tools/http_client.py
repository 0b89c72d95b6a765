"""One exchange over HTTP for the tool `http`. A module of its own, for httpx is large and few workers ever need it."""

from __future__ import annotations

import functools
import ssl
from collections.abc import Iterator, Mapping
from typing import Any

import certifi
import httpcore
import httpx

from pulser.language.json_values import parse_json
from pulser.language.limits import ID_MAX, OUTPUT_BYTES
from pulser.language.numbers import whole_number
from pulser.tools.base import FailedError, Outputs, PermanentError, ToolContext, TransientError
from pulser.tools.interruption import StopCheck
from pulser.tools.network import AddressPolicy, GuardedBackend
from pulser.tools.values import clean_text, storable

MAX_REDIRECTS = 5
_LAST_PORT = 65535
_UNSENDABLE = (httpx.InvalidURL, httpcore.LocalProtocolError, httpcore.UnsupportedProtocol, ValueError)
# What may go along to another host after a redirect; any other header may carry a credential.
_HARMLESS = frozenset({"accept", "accept-encoding", "accept-language", "content-length", "content-type", "host",
                       "transfer-encoding", "user-agent"})  # fmt: skip


def send_request(
    arguments: Mapping[str, Any], context: ToolContext, *, expect: range | list[int], is_safe: bool
) -> Outputs:
    """Send the request and read its answer. `expect`: statuses at which no redirect is followed any more.

    `is_safe`: sending it twice does no harm, so it needs no idempotency key. Raises ToolError.
    """
    guard = AddressPolicy(allow=tuple(context.settings.get("http_allow", ())))
    try:
        with _client(guard, watch=StopCheck(context)) as client:
            request = _request(client, arguments, key="" if is_safe else context.idempotency_key)
            return _followed(client, request, expect=expect, context=context)
    except _UNSENDABLE as error:
        raise PermanentError(f"the request cannot be sent: {error}") from error
    except (httpx.HTTPError, httpcore.NetworkError, httpcore.ProtocolError) as error:
        raise TransientError(f"the connection broke: {error or type(error).__name__}") from error


class _Transport(httpx.BaseTransport):
    """httpx over an httpcore pool whose connections are ours."""

    def __init__(self, backend: httpcore.NetworkBackend) -> None:
        self._pool = httpcore.ConnectionPool(ssl_context=_ssl_context(), network_backend=backend)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = httpcore.URL(
            scheme=request.url.raw_scheme,
            host=request.url.raw_host,
            port=request.url.port,
            target=request.url.raw_path,
        )
        response = self._pool.handle_request(
            httpcore.Request(request.method, url, headers=request.headers.raw, content=request.stream)
        )
        return httpx.Response(response.status, headers=response.headers, stream=_Body(response))

    def close(self) -> None:
        self._pool.close()


class _Body(httpx.SyncByteStream):
    def __init__(self, response: httpcore.Response) -> None:
        self._response = response

    def __iter__(self) -> Iterator[bytes]:
        yield from self._response.iter_stream()

    def close(self) -> None:
        self._response.close()


@functools.cache
def _ssl_context() -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=certifi.where())
    context.load_default_certs()  # what the machine trusts beside the public roots, SSL_CERT_FILE too
    return context


def _client(guard: AddressPolicy, *, watch: StopCheck) -> httpx.Client:
    return httpx.Client(
        transport=_Transport(GuardedBackend(guard, watch=watch)),
        trust_env=False,  # a proxy of the worker's environment would go round the guard
        timeout=None,  # the watch bounds every wait  # noqa: S113
        headers={"user-agent": "controlroom", "accept-encoding": "identity"},
    )


def _followed(
    client: httpx.Client, request: httpx.Request, *, expect: range | list[int], context: ToolContext
) -> Outputs:
    for _ in range(MAX_REDIRECTS + 1):
        response = client.send(_checked(request), stream=True)
        try:
            _log_response(response, request, context=context)
            if response.next_request is None or response.status_code in expect:
                return _outputs(response)
            request = _without_credentials(response.next_request, previous=request)
        finally:
            response.close()
    raise FailedError(f"more than {MAX_REDIRECTS} redirects; the last to {_url_for_log(request.url)}")


def _request(client: httpx.Client, arguments: Mapping[str, Any], *, key: str) -> httpx.Request:
    method = arguments.get("method", "GET")
    content = {"json": arguments["json"]} if "json" in arguments else {"content": arguments.get("body")}
    request = client.build_request(method, arguments["url"], headers=arguments.get("headers"), **content)
    if key:
        request.headers.setdefault("Idempotency-Key", key)
    return request


def _checked(request: httpx.Request) -> httpx.Request:
    url = request.url
    if url.scheme not in ("http", "https") or not url.host or (url.port or 0) > _LAST_PORT:
        raise PermanentError(f"expected a URL such as https://host/path, got {str(url)[:200]!r}")
    return request


def _without_credentials(request: httpx.Request, *, previous: httpx.Request) -> httpx.Request:
    """The redirected request; to another origin only harmless headers go along."""
    if _origin(request.url) != _origin(previous.url):
        for name in [name for name in request.headers if name.lower() not in _HARMLESS]:
            del request.headers[name]
    return request


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def _log_response(response: httpx.Response, request: httpx.Request, *, context: ToolContext) -> None:
    line = f"{request.method} {_url_for_log(request.url)} -> {response.status_code}\n"
    context.write("stdout", line.encode(errors="replace"))


def _url_for_log(url: httpx.URL) -> str:
    """Without user, password and query, which may be secret."""
    return f"{url.scheme}://{url.netloc.decode('ascii', 'replace')}{url.path}"


def _outputs(response: httpx.Response) -> Outputs:
    encoding = response.headers.get("content-encoding", "identity").lower()
    if encoding != "identity":
        # Unpacking would need a bound of its own: a kilobyte can unpack to a gigabyte.
        raise FailedError(f"the response is encoded with {encoding}, but identity was requested")
    data = _read(response)
    return {
        "status": response.status_code,
        "headers": {clean_text(name.lower()): clean_text(value) for name, value in response.headers.items()},
        "body": clean_text(_decoded(data, charset=response.charset_encoding)),
        "json": _json(data) if _is_json(response) else None,
    }


def _read(response: httpx.Response) -> bytes:
    announced = whole_number(response.headers.get("content-length", ""), at_most=ID_MAX)
    has_body = response.request.method != "HEAD"
    if has_body and announced is not None and announced > OUTPUT_BYTES:
        raise FailedError(f"the response has {announced:,} bytes; the limit is {OUTPUT_BYTES:,}")
    data = bytearray()
    for chunk in response.iter_raw():
        data += chunk
        if len(data) > OUTPUT_BYTES:
            raise FailedError(f"the response has more than {OUTPUT_BYTES:,} bytes, the limit")
    return bytes(data)


def _decoded(data: bytes, *, charset: str | None) -> str:
    try:
        return data.decode(charset or "utf-8", errors="replace")
    except LookupError:  # a charset that nobody knows
        return data.decode("utf-8", errors="replace")


def _is_json(response: httpx.Response) -> bool:
    kind: str = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind == "application/json" or kind.endswith("+json")


def _json(data: bytes) -> Any:
    try:
        return storable(parse_json(data))
    except ValueError:
        return None
