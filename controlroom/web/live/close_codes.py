"""WebSocket close codes, in the range that RFC 6455 leaves to applications."""

from __future__ import annotations

from collections.abc import Mapping

from runs.stream.refusals import RefusalReason

CLOSE_CODES: Mapping[RefusalReason, int] = {
    RefusalReason.MALFORMED: 4400,
    RefusalReason.NOT_SIGNED_IN: 4401,
    RefusalReason.FORBIDDEN: 4403,
    RefusalReason.NOT_FOUND: 4404,
    RefusalReason.RECONNECT: 4408,
}
