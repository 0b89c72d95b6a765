"""The `http` tool over TLS, with a certificate made for the test."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from pulser.tools import http, http_client
from pulser.tools.base import PermanentError, TimedOut
from tests.pulser.tools.conftest import MakeContext
from tests.pulser.tools.server import Server


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Key and self-signed certificate of 127.0.0.1 in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    built = x509.CertificateBuilder(
        issuer_name=name,
        subject_name=name,
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=now - timedelta(hours=1),
        not_valid_after=now + timedelta(hours=1),
    )
    built = built.add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
    pem, pkcs8, plain = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    path = tmp_path_factory.mktemp("tls") / "certificate.pem"
    path.write_bytes(key.private_bytes(pem, pkcs8, plain) + built.sign(key, hashes.SHA256()).public_bytes(pem))
    return path


@pytest.fixture
def tls_server(certificate: Path) -> Iterator[Server]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = Server(tls=context)
    yield server
    server.stop()


@pytest.fixture
def trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The operator trusts the certificate by SSL_CERT_FILE."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    http_client._ssl_context.cache_clear()
    yield
    http_client._ssl_context.cache_clear()


def test_a_certificate_that_nobody_signed_is_refused(make_context: MakeContext, tls_server: Server) -> None:
    context = make_context(settings={"http_allow": [tls_server.address]})

    with pytest.raises(PermanentError, match="certificate of 127.0.0.1 is invalid"):
        http.Http().call({"url": f"https://{tls_server.address}/text"}, context)


@pytest.mark.usefixtures("trusted")
def test_a_trusted_server_answers_over_tls(make_context: MakeContext, tls_server: Server) -> None:
    context = make_context(settings={"http_allow": [tls_server.address]})
    body = "x" * 500_000

    outputs = http.Http().call({"url": f"https://{tls_server.address}/echo", "method": "PUT", "body": body}, context)

    assert outputs["json"]["body"] == body


@pytest.mark.usefixtures("trusted")
def test_a_server_that_drips_over_tls_cannot_hold_the_step(make_context: MakeContext, tls_server: Server) -> None:
    context = make_context(timeout_s=0.5, settings={"http_allow": [tls_server.address]})

    with pytest.raises(TimedOut):
        http.Http().call({"url": f"https://{tls_server.address}/drip"}, context)
