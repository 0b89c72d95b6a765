"""WebSocket close codes, in the range that RFC 6455 leaves to applications."""

from __future__ import annotations

from collections.abc import Mapping

from runs.stream.refusals import Reason

CLOSE_CODES: Mapping[Reason, int] = {
    Reason.MALFORMED: 4400,
    Reason.NOT_SIGNED_IN: 4401,
    Reason.FORBIDDEN: 4403,
    Reason.NOT_FOUND: 4404,
    Reason.RECONNECT: 4408,
}
