from __future__ import annotations

import errno
import socket
import threading
from ipaddress import ip_address
from typing import Any

import pytest

from pulser.tools.base import Cancelled, PermanentError, TimedOut, TransientError
from pulser.tools.interruption import StopCheck
from pulser.tools.network import AddressPolicy, GuardedBackend, is_public
from tests.pulser.tools.conftest import MakeContext


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("127.0.0.1", "loopback"),
        ("127.8.8.8", "loopback is a whole network"),
        ("0.0.0.0", "this host"),
        ("10.0.0.1", "private"),
        ("172.16.0.1", "private"),
        ("192.168.1.1", "private"),
        ("169.254.169.254", "link-local, where clouds keep credentials"),
        ("100.64.0.1", "shared by carriers"),
        ("224.0.0.1", "multicast"),
        ("240.0.0.1", "reserved"),
        ("255.255.255.255", "broadcast"),
        ("::1", "loopback"),
        ("::", "unspecified"),
        ("fe80::1", "link-local"),
        ("fec0::1", "site-local"),
        ("fd00::1", "unique local"),
        ("ff02::1", "multicast"),
        ("::ffff:127.0.0.1", "carries loopback, mapped"),
        ("::ffff:10.0.0.1", "carries a private one, mapped"),
        ("::127.0.0.1", "carries loopback, compatible"),
        ("2002:7f00:0001::", "carries loopback, 6to4"),
        ("2002:c0a8:0101::1", "carries a private one, 6to4"),
        ("2001:0:7f00:1::", "carries loopback, Teredo"),
        ("64:ff9b::7f00:1", "carries loopback, NAT64"),
        ("64:ff9b:1::1", "local NAT64"),
    ],
)
def test_an_address_of_the_inside_is_not_public(address: str, reason: str) -> None:
    assert not is_public(ip_address(address)), reason


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    ("entry", "admitted"),
    [
        pytest.param("127.0.0.1", True, id="the address"),
        pytest.param("127.0.0.0/8", True, id="its network"),
        pytest.param("127.0.0.1:8080", True, id="address and port"),
        pytest.param("intranet.example", True, id="the name"),
        pytest.param("INTRANET.example:8080", True, id="name and port, in any case"),
        pytest.param("127.0.0.1:9090", False, id="another port"),
        pytest.param("10.0.0.0/8", False, id="another network"),
        pytest.param("example", False, id="a part of the name"),
        pytest.param("intranet.example:", True, id="an empty port is any"),
        pytest.param("", False, id="nothing"),
    ],
)
def test_an_operator_allows_by_name_address_network_or_port(entry: str, admitted: bool) -> None:
    guard = AddressPolicy(allow=(entry,))

    assert guard.admits(ip_address("127.0.0.1"), host="intranet.example", port=8080) is admitted


def test_an_ipv6_address_is_allowed_with_its_port() -> None:
    guard = AddressPolicy(allow=("[::1]:8080",))

    assert [guard.admits(ip_address("::1"), host="::1", port=port) for port in (8080, 80)] == [True, False]


def answer(*addresses: str) -> Any:
    infos = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80)) for address in addresses]
    return lambda *args, **options: infos


def test_private_addresses_of_a_mixed_name_are_left_out(
    make_context: MakeContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", answer("10.0.0.1", "8.8.8.8"))

    assert AddressPolicy().resolve("mixed.example", port=80, watch=StopCheck(make_context())) == [ip_address("8.8.8.8")]


@pytest.mark.parametrize("host", ["localhost", "127.1", "0x7f.1", "2130706433", "[::1]".strip("[]"), "0"])
def test_every_spelling_of_loopback_is_refused(make_context: MakeContext, host: str) -> None:
    with pytest.raises(PermanentError, match="CONTROLROOM_HTTP_ALLOW"):
        AddressPolicy().resolve(host, port=80, watch=StopCheck(make_context()))


def test_a_name_that_changes_its_answer_is_connected_to_where_it_was_checked(
    make_context: MakeContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    dialled: list[tuple[str, int]] = []

    def dial(self: socket.socket, address: tuple[str, int]) -> int:
        dialled.append(address)
        return errno.ECONNREFUSED

    answers = iter([answer("8.8.8.8"), answer("127.0.0.1")])
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **options: next(answers)())
    monkeypatch.setattr(socket.socket, "connect_ex", dial)

    with pytest.raises(TransientError, match="cannot connect"):
        GuardedBackend(AddressPolicy(), watch=StopCheck(make_context())).connect_tcp("rebinding.example", 80)

    assert dialled == [("8.8.8.8", 80)]


def test_a_resolver_that_is_silent_is_given_up(make_context: MakeContext, monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **options: released.wait(30))
    try:
        with pytest.raises(TimedOut):
            AddressPolicy().resolve("slow.example", port=80, watch=StopCheck(make_context(timeout_s=0.2)))
    finally:
        released.set()


def test_a_name_that_cannot_be_resolved_may_be_tried_again(
    make_context: MakeContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object, **options: object) -> None:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", fail)

    with pytest.raises(TransientError, match="cannot resolve x.example: Temporary failure"):
        AddressPolicy().resolve("x.example", port=80, watch=StopCheck(make_context()))


def test_connecting_stops_when_the_run_is_cancelled(make_context: MakeContext, monkeypatch: pytest.MonkeyPatch) -> None:
    context = make_context()
    backlog = socket.create_server(("127.0.0.1", 0), backlog=0)
    port = backlog.getsockname()[1]
    fillers = [_knock(port) for _ in range(4)]  # a full backlog leaves the next one waiting
    threading.Timer(0.2, context.cancelled.set).start()
    try:
        with pytest.raises(Cancelled):
            GuardedBackend(AddressPolicy(("127.0.0.1",)), watch=StopCheck(context)).connect_tcp("127.0.0.1", port)
    finally:
        for sock in (*fillers, backlog):
            sock.close()


def _knock(port: int) -> socket.socket:
    sock = socket.socket()
    sock.setblocking(False)
    sock.connect_ex(("127.0.0.1", port))
    return sock
