"""Connections to addresses that were checked: against requests forged to reach the machine's own network (SSRF).

The name is resolved once, each address is checked, and the socket connects to the very address that was checked; a name
that answers differently a moment later (DNS rebinding) gains nothing.
"""

from __future__ import annotations

import errno
import os
import selectors
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, TypeVar

import httpcore

from pulser.tools.base import PermanentError, TimedOut, TransientError
from pulser.tools.interruption import LOOK_S, StopCheck, run_interruptible

CONNECT_S = 10.0
Address = IPv4Address | IPv6Address
T = TypeVar("T")

_NAT64 = IPv6Network("64:ff9b::/96")
_NAT64_LOCAL = IPv6Network("64:ff9b:1::/48")


def is_public(address: Address) -> bool:
    """Whether the address is one of the public internet; an IPv6 address that carries an IPv4 one is judged by both."""
    if isinstance(address, IPv6Address):
        carried = _carried(address)
        if carried:
            return all(is_public(inner) for inner in carried)
        if address.is_site_local or address in _NAT64_LOCAL:
            return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def _carried(address: IPv6Address) -> list[IPv4Address]:
    if address.ipv4_mapped:
        return [address.ipv4_mapped]
    if address.sixtofour:
        return [address.sixtofour]
    if address.teredo:
        return list(address.teredo)
    return [IPv4Address(int(address) & 0xFFFFFFFF)] if address in _NAT64 else []


@dataclass(frozen=True, slots=True)
class AddressPolicy:
    """Which addresses may be reached: public ones, and what the operator allows.

    `allow` entries: a name (`intranet.example`), a name or address with a port (`localhost:8080`, `[::1]:8080`), an
    address or a network (`10.1.0.0/16`).
    """

    allow: tuple[str, ...] = ()

    def admits(self, address: Address, *, host: str, port: int) -> bool:
        return is_public(address) or any(_covers(entry, address, host=host, port=port) for entry in self.allow)

    def resolve(self, host: str, *, port: int, watch: StopCheck) -> list[Address]:
        """The admitted addresses of the host. Raises PermanentError when there is none, TransientError without DNS."""
        found = _resolve(host, port=port, watch=watch)
        admitted = [address for address in found if self.admits(address, host=host, port=port)]
        if not admitted:
            raise PermanentError(
                f"{host}:{port} is {found[0]}, which is not on the public internet; "
                f"an operator can allow it in CONTROLROOM_HTTP_ALLOW ({host}:{port})"
            )
        return admitted


def _covers(entry: str, address: Address, *, host: str, port: int) -> bool:
    try:
        return address in ip_network(entry.strip("[]"), strict=False)
    except ValueError:
        pass
    name, colon, wanted = entry.rpartition(":")
    if not colon:
        name, wanted = entry, ""
    names = {host.lower().rstrip("."), str(address)}
    return name.strip("[]").lower() in names and wanted in ("", str(port))


def _resolve(host: str, *, port: int, watch: StopCheck) -> list[Address]:
    def look_up() -> list[Address]:
        infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        # A scope ("fe80::1%eth0") only ever stands on link-local addresses, which are refused with or without it.
        return list(dict.fromkeys(ip_address(str(info[4][0]).partition("%")[0]) for info in infos))

    try:
        return run_interruptible(look_up, watch=watch)
    except UnicodeError as error:
        raise PermanentError(f"{host[:200]!r} is not a host name") from error
    except OSError as error:
        raise TransientError(f"cannot resolve {host}: {error.strerror or error}") from error


class GuardedBackend(httpcore.NetworkBackend):
    """Opens TCP connections for httpcore, to checked addresses, and looks at the watch in every wait."""

    def __init__(self, guard: AddressPolicy, *, watch: StopCheck) -> None:
        self._guard = guard
        self._watch = watch

    def connect_tcp(self, host: str, port: int, *_: Any, **options: Any) -> httpcore.NetworkStream:
        """Called by httpcore. Its `timeout` is not looked at, here and below: time is the watch's business."""
        problem: OSError | None = None
        for address in self._guard.resolve(host, port=port, watch=self._watch):
            try:
                return GuardedStream(_connect(address, port=port, watch=self._watch), watch=self._watch)
            except OSError as error:
                problem = error
        raise TransientError(f"cannot connect to {host}:{port}: {problem}") from problem

    def connect_unix_socket(self, path: str, *_: Any, **options: Any) -> httpcore.NetworkStream:
        raise PermanentError("unix sockets cannot be reached over HTTP")


def _connect(address: Address, *, port: int, watch: StopCheck) -> socket.socket:
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        code = sock.connect_ex((str(address), port))
        if code == errno.EINPROGRESS:
            code = _await_connected(sock, address=address, port=port, watch=watch)
        if code != 0:
            raise OSError(code, os.strerror(code))
    except BaseException:
        sock.close()
        raise
    return sock


def _await_connected(sock: socket.socket, *, address: Address, port: int, watch: StopCheck) -> int:
    tries = int(CONNECT_S / LOOK_S)
    with selectors.DefaultSelector() as selector:
        selector.register(sock, selectors.EVENT_WRITE)
        for _ in range(tries):
            if selector.select(watch.slice_s()):
                return sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            watch.check()
    raise TimedOut(f"no connection to {address} port {port} within {CONNECT_S:g} s")


class GuardedStream(httpcore.NetworkStream):
    """A socket whose waits are cut in slices, so that a server which drips bytes cannot hold the step."""

    def __init__(self, sock: socket.socket, *, watch: StopCheck) -> None:
        self._sock = sock
        self._watch = watch

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        try:
            return self._sliced(lambda: self._sock.recv(max_bytes))
        except OSError as error:
            raise httpcore.ReadError(str(error)) from error

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        rest = memoryview(buffer)
        try:
            while rest:
                rest = rest[self._sliced(lambda part=rest: self._sock.send(part)) :]  # type: ignore[misc]
        except OSError as error:
            raise httpcore.WriteError(str(error)) from error

    def close(self) -> None:
        self._sock.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, *_: Any, **options: Any
    ) -> httpcore.NetworkStream:
        try:
            secured = ssl_context.wrap_socket(
                self._sock, server_hostname=server_hostname, do_handshake_on_connect=False
            )
            stream = GuardedStream(secured, watch=self._watch)
            stream._sliced(secured.do_handshake)
        except ssl.SSLCertVerificationError as error:
            raise PermanentError(f"the certificate of {server_hostname} is invalid: {error.verify_message}") from error
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error
        return stream

    def get_extra_info(self, info: str) -> Any:
        if info == "ssl_object":
            return self._sock if isinstance(self._sock, ssl.SSLSocket) else None
        return self._sock if info == "socket" else None

    def _sliced(self, action: Callable[[], T]) -> T:
        while True:
            self._watch.check()
            # Zero would make the socket non-blocking; the next check ends the call anyway.
            self._sock.settimeout(max(self._watch.slice_s(), 0.001))
            try:
                return action()
            except TimeoutError:
                continue
