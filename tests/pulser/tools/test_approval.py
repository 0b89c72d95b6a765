from __future__ import annotations

import pytest

from pulser.tools.approval import Approval
from pulser.tools.base import PermanentError, Suspension
from tests.pulser.tools.conftest import MakeContext


def test_an_operator_has_a_day_to_decide_unless_the_step_says_otherwise(make_context: MakeContext) -> None:
    asked = Approval().call({}, make_context())

    assert asked == Suspension(kind="approval", for_s=86400.0, role="operator", message="", on_timeout="reject")


def test_a_step_names_who_decides_what_by_when(make_context: MakeContext) -> None:
    arguments = {"role": "admin", "message": "Release?", "timeout": "30m", "on_timeout": "approve"}

    asked = Approval().call(arguments, make_context())

    assert asked == Suspension(kind="approval", for_s=1800.0, role="admin", message="Release?", on_timeout="approve")


@pytest.mark.parametrize("timeout", ["later", "400d"])
def test_a_timeout_that_is_none_is_a_permanent_error(make_context: MakeContext, timeout: str) -> None:
    with pytest.raises(PermanentError, match="timeout:"):
        Approval().call({"timeout": timeout}, make_context())
