from __future__ import annotations

import logging
import os
import sys
import threading
from importlib.metadata import EntryPoint
from typing import Any

import pytest

from pulser.language.catalogue import Effect
from pulser.tools import python
from pulser.tools.base import Cancelled, FailedError, Outputs, PermanentError, TimedOut, ToolContext, TransientError
from pulser.tools.python import Python
from tests.pulser.tools.conftest import MakeContext

HERE = "tests.pulser.tools.functions"


@pytest.fixture
def context(make_context: MakeContext) -> ToolContext:
    return make_context(settings={"python_functions": [f"{HERE}:*"]})


@pytest.fixture
def allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(python, "_listed", (f"{HERE}:*",))


def call(context: ToolContext, name: str, *, isolated: bool = False, **args: Any) -> Outputs:
    return Python().call({"function": f"{HERE}:{name}", "args": args, "isolated": isolated}, context)


both_ways = pytest.mark.parametrize("isolated", [False, True], ids=["in process", "isolated"])


@both_ways
def test_a_function_gets_its_arguments_and_gives_its_result(context: ToolContext, isolated: bool) -> None:
    assert call(context, "add", left=2, right=3, isolated=isolated) == {"result": 5}


@both_ways
def test_what_a_function_prints_goes_to_the_log(
    context: ToolContext, written: list[tuple[str, bytes]], isolated: bool
) -> None:
    call(context, "add", left=2, isolated=isolated)

    found = {name: b"".join(data for stream, data in written if stream == name) for name in ("stdout", "stderr")}
    assert found == {"stdout": b"adding 2 and 1\n", "stderr": b"carefully\n"}


@both_ways
@pytest.mark.parametrize(
    ("name", "args", "error", "words"),
    [
        pytest.param("fail", {}, FailedError, "KeyError: 'no such customer'", id="an exception"),
        pytest.param("busy", {}, TransientError, "come back later", id="a ToolError keeps its class"),
        pytest.param("leave", {}, FailedError, "SystemExit: good bye", id="an exit does not end the worker"),
        pytest.param("add", {}, PermanentError, "missing a required argument: 'left'", id="an argument is missing"),
        pytest.param("add", {"left": 1, "up": 2}, PermanentError, "unexpected keyword", id="one too many"),
        pytest.param("anything", {}, FailedError, "a set is not JSON", id="a result that is not JSON"),
        pytest.param("large", {}, FailedError, "2,000,002 bytes", id="a result past its bound"),
        pytest.param("absent", {}, PermanentError, "no function 'absent'", id="not there"),
        pytest.param("NOT_A_FUNCTION", {}, PermanentError, "no function", id="no function"),
        pytest.param("_hidden", {}, PermanentError, "no function", id="a private one is not meant by *"),
        pytest.param("run", {}, PermanentError, "no function", id="an imported one is not meant by *"),
    ],
)
def test_what_goes_wrong_has_its_error_class(
    context: ToolContext, isolated: bool, name: str, args: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        call(context, name, isolated=isolated, **args)


@both_ways
def test_the_traceback_of_a_failure_is_in_the_log(
    context: ToolContext, written: list[tuple[str, bytes]], isolated: bool
) -> None:
    with pytest.raises(FailedError):
        call(context, "fail", isolated=isolated)

    assert b"in fail\n" in b"".join(data for stream, data in written if stream == "stderr")


@both_ways
def test_a_function_that_is_not_listed_is_refused(make_context: MakeContext, isolated: bool) -> None:
    with pytest.raises(PermanentError, match=r"CONTROLROOM_PYTHON_FUNCTIONS.* controlroom\.functions"):
        call(make_context(), "add", left=1, isolated=isolated)


def test_a_module_that_is_not_listed_is_not_even_imported(make_context: MakeContext) -> None:
    sys.modules.pop("antigravity", None)

    with pytest.raises(PermanentError, match="not allowed"):
        Python().call({"function": "antigravity:fly"}, make_context())

    assert "antigravity" not in sys.modules


def test_a_listed_name_allows_that_function_only(make_context: MakeContext) -> None:
    context = make_context(settings={"python_functions": [f"{HERE}:looked_up"]})

    assert call(context, "looked_up") == {"result": "found"}
    with pytest.raises(PermanentError, match="not allowed"):
        call(context, "add", left=1)


@pytest.mark.parametrize("name", ["reports.add", f"{HERE}:add"])
def test_an_entry_point_allows_by_name_and_by_value(
    make_context: MakeContext, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    entry = EntryPoint("reports.add", f"{HERE}:add", python.GROUP)
    monkeypatch.setattr(python, "entry_points", lambda group: [entry])
    python.published.cache_clear()

    try:
        assert Python().call({"function": name, "args": {"left": 1}}, make_context()) == {"result": 2}
    finally:
        python.published.cache_clear()


def test_a_module_that_cannot_be_imported_is_a_permanent_error(make_context: MakeContext) -> None:
    context = make_context(settings={"python_functions": ["no_such_package:f"]})

    with pytest.raises(PermanentError, match="cannot import no_such_package"):
        Python().call({"function": "no_such_package:f"}, context)


@pytest.mark.usefixtures("allowed")
@pytest.mark.parametrize(
    ("function", "effect"),
    [
        pytest.param(f"{HERE}:looked_up", Effect.PURE, id="declared pure"),
        pytest.param(f"{HERE}:launch", Effect.IRREVERSIBLE, id="declared irreversible"),
        pytest.param(f"{HERE}:add", Effect.IDEMPOTENT, id="not declared"),
        pytest.param("antigravity:fly", Effect.IDEMPOTENT, id="not allowed, so not looked at"),
        pytest.param("{{ params.function }}", Effect.IRREVERSIBLE, id="known only at run time"),
    ],
)
def test_a_function_declares_its_effect(function: str, effect: Effect) -> None:
    assert Python.spec.effect_for({"function": function}) is effect


def test_a_log_handler_made_by_a_function_does_not_write_into_later_steps(
    context: ToolContext, written: list[tuple[str, bytes]]
) -> None:
    call(context, "keep_stream")
    logger = logging.getLogger("tests.kept")
    try:
        logger.warning("after the step")
    finally:
        logger.handlers.clear()

    assert written == []


@both_ways
def test_only_an_isolated_function_can_be_stopped_without_its_worker(isolated: bool) -> None:
    assert Python().blocks({"function": f"{HERE}:sleep", "isolated": isolated}) is not isolated


def test_a_step_that_was_cancelled_before_is_not_begun(context: ToolContext) -> None:
    context.cancelled.set()

    with pytest.raises(Cancelled):
        call(context, "looked_up")


def test_an_isolated_function_is_in_a_process_of_its_own(context: ToolContext) -> None:
    assert call(context, "process", isolated=True)["result"] != os.getpid()


def test_an_isolated_function_has_a_clean_environment(context: ToolContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://secret")

    found = call(context, "environment", isolated=True)["result"]

    assert found.keys() - {"LC_CTYPE"} == {"PATH", "HOME", "LANG", "PYTHONPATH"}


def test_an_isolated_function_cannot_be_replaced_by_the_workspace(context: ToolContext) -> None:
    (context.workdir / "json.py").write_text("raise SystemExit('taken over')")

    assert call(context, "looked_up", isolated=True) == {"result": "found"}


def test_an_isolated_function_is_ended_when_its_time_is_over(context: ToolContext) -> None:
    context.timeout_s = 1.0

    with pytest.raises(TimedOut):
        call(context, "sleep", isolated=True)


def test_an_isolated_function_is_ended_when_the_run_is_cancelled(context: ToolContext) -> None:
    threading.Timer(0.5, context.cancelled.set).start()

    with pytest.raises(Cancelled):
        call(context, "sleep", isolated=True)


def test_an_isolated_function_whose_process_vanishes_failed(context: ToolContext) -> None:
    with pytest.raises(FailedError, match="ended with 3 and left no result"):
        call(context, "vanish", isolated=True)


def test_an_attentive_function_tells_how_far_it_is(make_context: MakeContext) -> None:
    told: list[tuple[int, int]] = []
    context = make_context(
        settings={"python_functions": [f"{HERE}:*"]}, progress=lambda *said: told.append(said), run_id="run-1"
    )

    assert call(context, "walk", steps=2) == {"result": "run-1"}
    assert told == [(1, 2), (2, 2)]


def test_an_attentive_function_stops_by_itself(make_context: MakeContext) -> None:
    context = make_context(settings={"python_functions": [f"{HERE}:*"]}, timeout_s=0.0)
    with pytest.raises(TimedOut):
        call(context, "walk", steps=2)


@pytest.mark.usefixtures("allowed")
def test_the_worker_does_not_end_its_process_for_an_attentive_function() -> None:
    assert Python().blocks({"function": f"{HERE}:walk"}) is False
    assert Python().blocks({"function": f"{HERE}:absent"}) is True


def test_an_attentive_function_has_no_context_in_a_process_of_its_own(context: ToolContext) -> None:
    with pytest.raises(PermanentError, match="context"):
        call(context, "walk", steps=1, isolated=True)
