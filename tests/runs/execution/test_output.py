"""What a step says on its way into the log: as it came, within its bound, whatever it is."""

from __future__ import annotations

import threading

import pytest
from django.db import OperationalError, connections

from pulser.kernel.output import Output
from pulser.kernel.reporter import OutputChunk
from pulser.language.limits import LOG_BYTES, LOG_CHUNK_BYTES
from runs.execution.reporter import DatabaseReporter
from runs.execution.workspace import workspace_of
from runs.models import LogChunk, Run
from tests.factories import start
from tests.runs.execution.plans import plan, shell
from tests.runs.execution.reporters import reporter_of
from tests.runs.helpers import (
    ALICE,
    attempts_of,
    claimed,
    drive,
    event,
    finished,
    kinds,
    log_of,
    run_plan,
    step_of,
    wait_until,
)

pytestmark = pytest.mark.django_db(transaction=True)


def test_output_is_kept_byte_for_byte_with_its_stream() -> None:
    run = run_plan(plan(shell("a", "echo out; sleep 0.05; echo err >&2")))

    chunks = LogChunk.objects.filter(attempt__step__run=run).order_by("pk")
    assert [(chunk.stream, bytes(chunk.data), chunk.offset) for chunk in chunks] == [
        ("stdout", b"out\n", 0),
        ("stderr", b"err\n", 4),
    ]
    assert attempts_of(run, "a")[0].log_bytes == 8


def test_nul_and_broken_utf_8_are_kept_in_the_log_and_marked_in_outputs() -> None:
    run = run_plan(plan(shell("a", r"printf 'a\000b\377c'")))

    assert run.status == "success"
    assert log_of(run, "a") == b"a\x00b\xffc"
    assert step_of(run, "a").outputs["stdout"] == "a\ufffdb\ufffdc"


def test_nul_in_an_error_message_does_not_stop_the_worker() -> None:
    run = run_plan(plan(shell("a", r"printf 'no\000pe\377' >&2; exit 126")))

    assert run.status == "error"
    assert "no\ufffdpe\ufffd" in attempts_of(run, "a")[0].error_message


def test_output_is_stored_while_the_step_still_runs() -> None:
    run = start(plan(shell("a", "echo early; while [ ! -e go ]; do sleep 0.05; done; echo late")))
    worker = threading.Thread(target=_drive_in_thread, args=(run,))
    worker.start()
    try:
        wait_until(lambda: LogChunk.objects.filter(attempt__step__run=run).exists())
        early = log_of(run, "a")
    finally:
        (workspace_of(str(run.pk)) / "go").touch()
        worker.join(60)

    assert early == b"early\n"
    assert log_of(run, "a") == b"early\nlate\n"


def _drive_in_thread(run: Run) -> None:
    try:
        drive(run)
    finally:
        connections.close_all()


@pytest.mark.slow
def test_a_log_beyond_its_bound_is_cut_and_says_so() -> None:
    run = run_plan(plan(shell("a", "head -c 73400320 /dev/zero | tr '\\0' x; echo end")))

    assert run.status == "success"
    (attempt,) = attempts_of(run, "a")
    kept = sum(len(bytes(data)) for data in attempt.log.values_list("data", flat=True).iterator(50))
    assert LOG_BYTES < kept < LOG_BYTES + 200
    assert bytes(attempt.log.order_by("offset").last().data).endswith(b"limit of 67108864 bytes reached]\n")
    assert attempt.log_cut
    assert event(run, "log.cut", step="a").data == {"limit": LOG_BYTES}
    assert step_of(run, "a").outputs["stdout"].endswith("xend\n")


def test_large_output_comes_in_chunks_without_gaps() -> None:
    run = run_plan(plan(shell("a", f"head -c {3 * LOG_CHUNK_BYTES + 5} /dev/zero")))

    chunks = list(LogChunk.objects.filter(attempt__step__run=run).order_by("offset"))
    assert all(len(chunk.data) <= LOG_CHUNK_BYTES for chunk in chunks)
    assert [chunk.offset for chunk in chunks] == [sum(len(c.data) for c in chunks[:n]) for n in range(len(chunks))]
    assert sum(len(chunk.data) for chunk in chunks) == 3 * LOG_CHUNK_BYTES + 5


def test_no_sign_is_torn_between_two_chunks() -> None:
    run = run_plan(plan(shell("a", f"head -c {2 * LOG_CHUNK_BYTES} /dev/zero | tr '\\0' x | sed 's/x/€/g'")))

    texts = [chunk.text for chunk in LogChunk.objects.filter(attempt__step__run=run).order_by("offset")]
    assert "\ufffd" not in "".join(texts)


def test_no_line_is_torn_between_two_chunks() -> None:
    line = b"x" * 1000 + b"\n"
    run = run_plan(plan(shell("a", f"yes {line.decode().strip()} | head -n {3 * LOG_CHUNK_BYTES // len(line)}")))

    chunks = list(LogChunk.objects.filter(attempt__step__run=run))
    assert len(chunks) > 2
    assert [(chunk.lines, chunk.is_open) for chunk in chunks] == [
        (len(chunk.data) // len(line), False) for chunk in chunks
    ]


def test_the_beginning_of_a_line_waits_for_one_flush() -> None:
    run = start(plan(shell("a", "true")))
    output = Output(reporter_of(claimed(run, ALICE)))
    seen = []
    for piece in (b"done\nPass", b"word", b": ", b"****\n"):
        output.write("stdout", piece)
        output.flush()
        seen.append(log_of(run, "a"))

    assert seen == [b"done\n", b"done\nPassword", b"done\nPassword", b"done\nPassword: ****\n"]


def test_output_of_an_attempt_that_is_over_is_dropped() -> None:
    run = start(plan(shell("a", "true")))
    claim = claimed(run, ALICE)
    finished(claim)

    late = Output(reporter_of(claim))
    late.write("stdout", b"too late")
    late.flush()

    assert log_of(run, "a") == b""
    assert kinds(run)[-1] == "run.succeeded"


def test_output_that_the_database_did_not_take_comes_first_the_next_time(monkeypatch: pytest.MonkeyPatch) -> None:
    run = start(plan(shell("a", "true")))
    output = Output(reporter_of(claimed(run, ALICE)))
    output.write("stdout", b"early\n")
    with monkeypatch.context() as away:
        away.setattr(DatabaseReporter, "_insert", _database_is_away)
        with pytest.raises(OperationalError):
            output.flush()

    output.write("stdout", b"late")
    output.flush()

    assert log_of(run, "a") == b"early\n"
    output.flush(is_last=True)
    assert log_of(run, "a") == b"early\nlate"


def test_a_chunk_whose_storing_was_not_confirmed_is_stored_once() -> None:
    """The connection broke between the commit and its answer."""
    run = start(plan(shell("a", "true")))
    reporter = reporter_of(claimed(run, ALICE))
    chunks = [OutputChunk("stdout", 0, b"one\n"), OutputChunk("stdout", 4, b"two\n")]
    reporter.store_output(chunks[:1])

    reporter.store_output(chunks)

    assert log_of(run, "a") == b"one\ntwo\n"


def _database_is_away(*_args: object) -> None:
    raise OperationalError("the server closed the connection")
