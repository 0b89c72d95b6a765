from __future__ import annotations

import os
from typing import Any

import pytest

from pulser.language.limits import OUTPUT_BYTES
from pulser.tools.base import FailedError, Outputs, PermanentError, TimedOut, ToolContext
from pulser.tools.shell import Shell
from tests.pulser.tools.conftest import MakeContext


def call(context: ToolContext, **arguments: Any) -> Outputs:
    return Shell().call(arguments, context)


def test_a_script_gives_its_exit_code_and_streams(make_context: MakeContext) -> None:
    outputs = call(make_context(), run="echo out; echo err >&2")

    assert outputs == {"exit_code": 0, "stdout": "out\n", "stderr": "err\n"}


def test_a_script_ends_at_its_first_failing_command(make_context: MakeContext) -> None:
    with pytest.raises(FailedError) as caught:
        call(make_context(), run="echo before; false; echo after")

    assert caught.value.outputs["stdout"] == "before\n"


def test_a_list_is_a_command_that_no_shell_reads(make_context: MakeContext) -> None:
    assert call(make_context(), run=["echo", "$HOME", "; ls"])["stdout"] == "$HOME ; ls\n"


def test_standard_input_is_the_text_of_the_step(make_context: MakeContext) -> None:
    assert call(make_context(), run="tr a-z A-Z", stdin="größer")["stdout"] == "GRößER"


def test_without_input_nothing_can_be_read(make_context: MakeContext) -> None:
    assert call(make_context(), run="cat")["stdout"] == ""


def test_the_environment_is_clean(make_context: MakeContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://secret")
    context = make_context(settings={"path": "/usr/bin:/bin"})

    lines = call(context, run=["env"], env={"GREETING": "hi", "COUNT": 3, "LOUD": True})["stdout"].splitlines()
    found = dict(line.split("=", 1) for line in lines)

    assert found.pop("PULSER_OUTPUT").endswith("/output")
    assert found == {
        "PATH": "/usr/bin:/bin",
        "HOME": str(context.workdir),
        "LANG": "C.UTF-8",
        "GREETING": "hi",
        "COUNT": "3",
        "LOUD": "true",
        "PULSER_IDEMPOTENCY_KEY": "run-1/build",
    }


def test_the_path_is_the_workers_unless_settings_name_one(make_context: MakeContext) -> None:
    assert call(make_context(), run='echo "$PATH"')["stdout"].strip() == os.environ["PATH"]


def test_a_step_cannot_replace_its_idempotency_key(make_context: MakeContext) -> None:
    env = {"PULSER_IDEMPOTENCY_KEY": "mine"}

    assert call(make_context(), run='echo "$PULSER_IDEMPOTENCY_KEY"', env=env)["stdout"] == "run-1/build\n"


@pytest.mark.parametrize(
    ("cwd", "expected"),
    [
        pytest.param(".", "work", id="the workspace itself"),
        pytest.param("src", "src", id="a folder in it"),
        pytest.param("src/../src", "src", id="a way round that stays inside"),
        pytest.param("inner", "src", id="a link to a folder inside"),
    ],
)
def test_a_step_runs_in_a_folder_of_the_workspace(make_context: MakeContext, cwd: str, expected: str) -> None:
    context = make_context()
    (context.workdir / "src").mkdir()
    (context.workdir / "inner").symlink_to("src")

    assert call(context, run="basename $(pwd -P)", cwd=cwd)["stdout"].strip() == expected


@pytest.mark.parametrize(
    ("cwd", "words"),
    [
        pytest.param("..", "outside", id="the parent"),
        pytest.param("/tmp", "outside", id="an absolute path"),
        pytest.param("leak", "outside", id="a link that leads out"),
        pytest.param("leak/../..", "outside", id="out through a link"),
        pytest.param("nowhere", "not found", id="not there"),
        pytest.param("file", "not a folder", id="a file"),
        pytest.param("loop", "not found", id="a link to itself"),
        pytest.param("a\0b", "not found", id="a NUL"),
    ],
)
def test_a_step_cannot_leave_its_workspace(make_context: MakeContext, cwd: str, words: str) -> None:
    context = make_context()
    (context.workdir / "leak").symlink_to("/")
    (context.workdir / "loop").symlink_to("loop")
    (context.workdir / "file").touch()

    with pytest.raises(PermanentError, match=words):
        call(context, run="pwd", cwd=cwd)


def test_a_nonzero_exit_carries_all_that_is_known(make_context: MakeContext) -> None:
    context = make_context(declared={"found": {"type": "integer"}, "unwritten": {"type": "string"}})

    with pytest.raises(FailedError, match="exit code 3: bad luck") as caught:
        call(context, run='echo found=7 >> "$PULSER_OUTPUT"; echo bad luck >&2; exit 3')

    assert caught.value.exit_code == 3
    assert caught.value.outputs == {"exit_code": 3, "stdout": "", "stderr": "bad luck\n", "found": 7}


def test_the_message_of_a_failure_has_no_terminal_escapes(make_context: MakeContext) -> None:
    with pytest.raises(FailedError, match=r"^exit code 3: bad luck$"):
        call(make_context(), run=r"printf '\033[31mbad\033[0m luck\n\033[0m\n' >&2; exit 3")


@pytest.mark.parametrize(
    ("run", "exit_code"),
    [
        pytest.param("no-such-command", 127, id="sh does not find it"),
        pytest.param("touch plain; ./plain", 126, id="sh cannot execute it"),
        pytest.param(["no-such-command"], 127, id="not found without a shell"),
        pytest.param(["./plain"], 127, id="not there without a shell"),
        pytest.param(["/"], 126, id="a folder"),
        pytest.param(["echo", "a\0b"], 126, id="a NUL in an argument"),
        pytest.param(["echo", "x" * 3_000_000], 126, id="an argument longer than the system takes"),
    ],
)
def test_what_cannot_be_run_is_a_permanent_error(make_context: MakeContext, run: Any, exit_code: int) -> None:
    with pytest.raises(PermanentError) as caught:
        call(make_context(), run=run)

    assert caught.value.exit_code == exit_code


def test_a_step_past_its_time_keeps_what_it_said(make_context: MakeContext) -> None:
    with pytest.raises(TimedOut, match="0.3 s") as caught:
        call(make_context(timeout_s=0.3), run="echo working; sleep 60")

    assert caught.value.outputs["stdout"] == "working\n"


def test_declared_outputs_are_typed(make_context: MakeContext) -> None:
    context = make_context(declared={"commit": {"type": "string"}, "files": {"type": "array"}})

    outputs = call(context, run='printf \'commit=12e4\\nfiles=["a", "b"]\\n\' >> "$PULSER_OUTPUT"')

    assert (outputs["commit"], outputs["files"]) == ("12e4", ["a", "b"])


def test_a_declared_output_that_was_not_written_fails_the_step(make_context: MakeContext) -> None:
    context = make_context(declared={"commit": {"type": "string"}})

    with pytest.raises(FailedError, match=r"declared output `commit` was not written to \$PULSER_OUTPUT") as caught:
        call(context, run="true")

    assert caught.value.exit_code is None, "a verifier of the exit code must not overrule it"


def test_an_undeclared_output_is_ignored_with_a_warning(
    make_context: MakeContext, written: list[tuple[str, bytes]]
) -> None:
    outputs = call(make_context(), run='echo extra=1 >> "$PULSER_OUTPUT"')

    assert "extra" not in outputs
    assert written[-1][0] == "stderr"
    assert b"'extra' is not declared" in written[-1][1]


def test_outputs_past_their_bound_fail_the_step(make_context: MakeContext) -> None:
    context = make_context(declared={"blob": {"type": "string"}})
    script = f'{{ printf blob=; head -c {OUTPUT_BYTES} /dev/zero | tr "\\0" x; }} >> "$PULSER_OUTPUT"'

    with pytest.raises(FailedError, match="more than 1,048,576 bytes"):
        call(context, run=script)
