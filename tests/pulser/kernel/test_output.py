"""Output on its way: in chunks that tear nothing, in order, and the same chunk however often it is sent."""

from __future__ import annotations

import pytest

from pulser.kernel.output import Output
from pulser.kernel.reporter import Disconnected
from pulser.language.limits import LOG_CHUNK_BYTES
from tests.pulser.kernel.memory import MemoryReporter


@pytest.fixture
def reporter() -> MemoryReporter:
    return MemoryReporter()


@pytest.fixture
def output(reporter: MemoryReporter) -> Output:
    return Output(reporter)


def pieces(reporter: MemoryReporter) -> list[tuple[str, bytes]]:
    return [(chunk.stream, chunk.data) for _, chunk in sorted(reporter.chunks.items())]


def test_streams_keep_their_order(output: Output, reporter: MemoryReporter) -> None:
    for stream, data in (("stdout", b"one\n"), ("stderr", b"two\n"), ("stdout", b"three\n")):
        output.write(stream, data)
    output.flush()

    assert pieces(reporter) == [("stdout", b"one\n"), ("stderr", b"two\n"), ("stdout", b"three\n")]


def test_the_beginning_of_a_line_waits_for_one_flush(output: Output, reporter: MemoryReporter) -> None:
    seen = []
    for piece in (b"done\nPass", b"word", b": ", b"****\n"):
        output.write("stdout", piece)
        output.flush()
        seen.append(reporter.log)

    assert seen == [b"done\n", b"done\nPassword", b"done\nPassword", b"done\nPassword: ****\n"]


@pytest.mark.parametrize("sign", ["é", "€", "🚀"])
@pytest.mark.parametrize("flushes", [1, 3])
def test_a_sign_that_is_torn_waits_for_its_rest(
    output: Output, reporter: MemoryReporter, sign: str, flushes: int
) -> None:
    first, rest = sign.encode()[:1], sign.encode()[1:]
    output.write("stdout", b"x\ny" + first)
    for _ in range(flushes):
        output.flush()
    assert first not in reporter.log

    output.write("stdout", rest)
    output.flush(is_last=True)

    assert reporter.log == b"x\ny" + sign.encode()
    assert all(data.decode() for _, data in pieces(reporter))


def test_the_last_flush_sends_what_is_torn_for_good(output: Output, reporter: MemoryReporter) -> None:
    output.write("stdout", b"x\xe2\x82")
    output.flush(is_last=True)

    assert reporter.log == b"x\xe2\x82"


def test_no_line_that_fits_is_torn_between_two_chunks(output: Output, reporter: MemoryReporter) -> None:
    line = b"x" * 1000 + b"\n"
    output.write("stdout", line * (2 * LOG_CHUNK_BYTES // len(line)))
    output.flush()

    assert len(reporter.chunks) > 1
    assert all(data.endswith(b"\n") and len(data) <= LOG_CHUNK_BYTES for _, data in pieces(reporter))


def test_who_writes_far_ahead_stores_it_himself(output: Output, reporter: MemoryReporter) -> None:
    output.write("stdout", b"x" * (4 * LOG_CHUNK_BYTES))

    assert len(reporter.log) == 4 * LOG_CHUNK_BYTES


def test_what_an_absent_server_did_not_take_counts_as_far_ahead(output: Output, reporter: MemoryReporter) -> None:
    reporter.away = 1
    output.write("stdout", b"x" * (3 * LOG_CHUNK_BYTES))
    with pytest.raises(Disconnected):
        output.flush()

    output.write("stdout", b"x" * LOG_CHUNK_BYTES)

    assert len(reporter.log) == 4 * LOG_CHUNK_BYTES


def test_a_chunk_that_is_sent_again_is_the_same_chunk(output: Output, reporter: MemoryReporter) -> None:
    """It may be stored already, and only the answer was lost: with more in it, the rest would be dropped."""
    output.write("stdout", b"early\n")
    reporter.away = 1
    with pytest.raises(Disconnected):
        output.flush()
    output.write("stdout", b"late\n")
    output.flush()

    assert pieces(reporter) == [("stdout", b"early\n"), ("stdout", b"late\n")]


def test_chunks_of_which_some_are_stored_are_sent_again_without_harm(
    output: Output, reporter: MemoryReporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = reporter.store_output
    output.write("stdout", b"one\n")
    output.write("stderr", b"two\n")

    def break_off(chunks: list[object]) -> None:
        store(chunks[:1])
        raise Disconnected("in the middle")

    monkeypatch.setattr(reporter, "store_output", break_off)
    with pytest.raises(Disconnected):
        output.flush()
    monkeypatch.undo()
    output.flush()

    assert pieces(reporter) == [("stdout", b"one\n"), ("stderr", b"two\n")]


def test_past_the_limit_the_rest_is_dropped_and_counted_no_more(
    output: Output, reporter: MemoryReporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pulser.kernel.output.LOG_BYTES", 10)
    is_cut = []
    for data in (b"0123456789", b"more", b"and more"):
        output.write("stdout", data)
        is_cut.append(output.is_cut)
    output.flush(is_last=True)

    assert is_cut == [False, True, True]
    assert reporter.log == b"0123456789\n[log truncated: limit of 10 bytes reached]\n"
    assert output.taken == len(reporter.log)
