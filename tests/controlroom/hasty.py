"""The measuring application behind a Daphne that does not wait long for requests."""

from __future__ import annotations

from controlroom.http import request_limits
from tests.controlroom.haste import HASTE_S
from tests.controlroom.measuring import application

__all__ = ["application"]

request_limits.REQUEST_S = HASTE_S
