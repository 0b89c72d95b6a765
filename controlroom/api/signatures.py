"""Signatures of hook calls: GitHub's `X-Hub-Signature-256`, and Standard Webhooks. Comparisons take constant time."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Mapping

from pulser.language.limits import TIMESTAMP_MAX
from pulser.language.numbers import whole_number

GITHUB_HEADER = "X-Hub-Signature-256"
STANDARD_HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")
TOLERANCE_S = 300
SECRET_PREFIX = "whsec_"  # noqa: S105 (the mark of a secret, not one)


def is_signed(headers: Mapping[str, str]) -> bool:
    """Whether the call brings a signature of either kind."""
    return GITHUB_HEADER in headers or "webhook-signature" in headers


def is_signature_valid(headers: Mapping[str, str], body: bytes, *, secret: str, now: float | None = None) -> bool:
    """Whether the raw body was signed with the hook's secret. One right signature is enough; no secret, no signature.

    `now`: seconds since 1970, for the five minutes in which a Standard Webhooks time stamp holds.
    """
    if not secret:
        return False
    is_github = GITHUB_HEADER in headers and _is_github(headers[GITHUB_HEADER], body, secret)
    return is_github or _is_standard(headers, body, secret=secret, now=time.time() if now is None else now)


def _is_github(signature: str, body: bytes, secret: str) -> bool:
    expected = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return _same(expected, signature)


def _is_standard(headers: Mapping[str, str], body: bytes, *, secret: str, now: float) -> bool:
    """The header may hold several signatures, so that secrets can be changed without a gap."""
    if not all(name in headers for name in STANDARD_HEADERS):
        return False
    identity, timestamp, signatures = (headers[name] for name in STANDARD_HEADERS)
    sent_at = whole_number(timestamp, at_most=TIMESTAMP_MAX)
    if sent_at is None or abs(now - sent_at) > TOLERANCE_S:
        return False
    signed = f"{identity}.{timestamp}.".encode() + body
    digest = hmac.new(_secret_bytes(secret), signed, hashlib.sha256).digest()
    expected = "v1," + base64.b64encode(digest).decode()
    return any(_same(expected, signature) for signature in signatures.split())


def _secret_bytes(secret: str) -> bytes:
    if secret.startswith(SECRET_PREFIX):
        try:
            if key := base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True):
                return key
        except binascii.Error:
            pass  # it only looks like one of theirs
    return secret.encode()


def _same(expected: str, given: str) -> bool:
    return hmac.compare_digest(expected.encode(), given.encode())
