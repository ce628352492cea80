"""The log: levels, folding by key and by repetition, the port filter, masking."""

from __future__ import annotations

import os
import select
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from meterd import log, log_outputs, log_syslog
from meterd.ports._loop import Loop

LEAST_QUEUED = 5  # net.unix.max_dgram_qlen is 10 by default


class Recorder:
    def __init__(self) -> None:
        self.lines: list[tuple[int, str]] = []
        self.now = 0.0

    def configure(self, level: int = log.DEBUG, port: str | None = None) -> None:
        log.configure(level, lambda level, text: self.lines.append((level, text)), port, lambda: self.now)

    def texts(self) -> list[str]:
        return [text for _, text in self.lines]


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    made = Recorder()
    made.configure()
    yield made
    log.configure()


def test_only_levels_up_to_the_chosen_one_are_said(recorder: Recorder) -> None:
    recorder.configure(log.NOTICE)
    log.error("e")
    log.warning("w")
    log.notice("n")
    log.info("i")
    log.debug("d", data=b"\x01")
    assert recorder.lines == [(3, "e"), (4, "w"), (5, "n")]
    assert not log.enabled(log.INFO)


def test_data_is_shown_in_hex(recorder: Recorder) -> None:
    log.debug("sent", data=b"/?!\r\n")
    assert recorder.texts() == ["sent 2f 3f 21 0d 0a"]


def test_lines_that_repeat_are_folded_as_syslog_does(recorder: Recorder) -> None:
    for _ in range(4):
        log.info("again")
    log.info("other")
    log.info("other")
    log.flush()
    assert recorder.texts() == ["again", "last message repeated 3 times", "other", "last message repeated 1 times"]


def test_a_lasting_fault_is_told_once_an_hour_with_its_count(recorder: Recorder) -> None:
    for second in range(0, 3601, 10):
        recorder.now = float(second)
        log.warning(f"M1: no answer within {second} ms", fold="M1")
    assert recorder.texts() == [
        "M1: no answer within 0 ms",
        "M1: no answer within 3600 ms (and 359 more times since last told)",
    ]


def test_another_fault_of_the_same_device_is_news(recorder: Recorder) -> None:
    log.warning("M1: no answer", fold="M1")
    log.warning("M1: port is gone", fold="M1")
    log.warning("M1: no answer", fold="M1")
    log.warning("M2: no answer", fold="M2")
    assert recorder.texts() == ["M1: no answer", "M1: port is gone", "M2: no answer"]


def test_recovery_is_told_once_and_the_next_fault_is_news(recorder: Recorder) -> None:
    log.recovered("M1", "M1: answers again")
    log.warning("M1: no answer", fold="M1")
    log.warning("M1: no answer", fold="M1")
    log.recovered("M1", "M1: answers again")
    log.recovered("M1", "M1: answers again")
    log.warning("M1: no answer", fold="M1")
    assert recorder.texts() == [
        "M1: no answer",
        "M1: answers again (the fault was seen 1 more times)",
        "M1: no answer",
    ]


def test_a_flapping_device_spends_a_bounded_number_of_lines(recorder: Recorder) -> None:
    for second in range(0, 36000, 5):
        recorder.now = float(second)
        log.warning("M1: no answer", fold="M1")
        log.recovered("M1", "M1: answers again")
    assert len(recorder.lines) <= 10 * log.LINES_AN_HOUR


def test_ever_new_messages_under_one_key_are_bounded_too(recorder: Recorder) -> None:
    for number in range(500):
        log.warning("x" * number, fold="M1")
    assert len(recorder.lines) == log.LINES_AN_HOUR


def test_the_number_of_fold_keys_is_bounded(recorder: Recorder) -> None:
    for number in range(log.MAX_FOLDS + 10):
        log.warning(f"M{number}: no answer", fold=f"M{number}")
    log.warning("M1: no answer", fold="M1")
    assert len(log._log.folds) <= log.MAX_FOLDS
    assert len(recorder.lines) == log.MAX_FOLDS + 11


def test_the_port_filter_passes_that_port_and_untagged_errors(recorder: Recorder) -> None:
    recorder.configure(port="PORT1")
    log.debug("mine", port="PORT1")
    log.error("theirs", port="PORT2")
    log.debug("nobody's")
    log.error("the configuration is wrong")
    assert recorder.texts() == ["mine", "the configuration is wrong"]
    assert log.enabled(log.DEBUG, "PORT1")
    assert not log.enabled(log.DEBUG, "PORT2")


def test_secrets_are_masked_in_text_and_in_hex(recorder: Recorder) -> None:
    log.hide([b"geheim", b"geheim-und-mehr", b"\x01\xab\xcd\xef", b""])
    log.error("password geheim refused")
    log.error("key 01abcdef, 01 ab cd ef, 01ABCDEF")
    log.error("geheim-und-mehr")
    log.debug("sent", data=b"\x01P1\x02(geheim)\x03")
    text = "\n".join(recorder.texts())
    assert "geheim" not in text
    assert "67 65 68" not in text
    assert "abcdef" not in text.lower()
    assert "mehr" not in text


def test_a_meters_text_cannot_forge_lines(recorder: Recorder) -> None:
    log.error("meter says \x1b[2J\r\n2026 error: fake")
    assert recorder.texts() == ["meter says \\x1b[2J\\r\\n2026 error: fake"]
    log.error("y" * 100000)
    assert len(recorder.texts()[-1]) <= log.MAX_MESSAGE + 1


def test_a_defect_names_what_was_raised_and_where(recorder: Recorder) -> None:
    try:
        {}["nothing"]
    except KeyError as error:
        log.bug("M1: scan failed", error, fold="M1")
    level, text = recorder.lines[0]
    assert level == log.CRITICAL
    assert "KeyError: 'nothing' [test_log.py:" in text


def test_stderr_gets_a_stamp_and_the_levels_word(capfd: pytest.CaptureFixture[str]) -> None:
    log.configure(log.INFO)
    log.warning("m³ \udc80")
    line = capfd.readouterr().err
    stamp, word, text = line.split(" ", 2)
    assert (len(stamp), stamp[10], stamp[19]) == (23, "T", ".")
    assert (word, text) == ("warning:", "m³ \\udc80\n".encode().decode())


def test_a_closed_stderr_stops_nothing() -> None:
    program = "import os; from meterd import log; os.close(2); log.error('into the void'); print('alive')"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=os.environ)
    assert done.stdout == "alive\n"


def test_many_secrets_cost_a_line_no_more_than_one(recorder: Recorder) -> None:
    log.hide(f"secret-{number:06}".encode() for number in range(20000))
    log.error("x" * 30 + "secret-019999" + "y" * 30)
    assert recorder.texts() == ["x" * 30 + "***" + "y" * 30]


@pytest.mark.parametrize("shown", ["a1b2c3d4", "A1B2C3D4", "a1 b2 c3 d4", "A1 B2 C3 D4"])
def test_a_key_is_masked_however_it_is_written(recorder: Recorder, shown: str) -> None:
    log.hide([bytes.fromhex("a1b2c3d4")])
    log.error(f"key {shown}.")
    assert recorder.texts() == ["key ***."]


# ---- standard error and syslog are not waited for


@pytest.fixture
def unread() -> Iterator[tuple[log_outputs.StandardError, int]]:
    """Standard error into a pipe that nobody reads yet."""
    read_end, write_end = os.pipe()
    out = log_outputs.StandardError()
    out._fd = write_end
    yield out, read_end
    os.close(read_end)
    os.close(write_end)


def drained(out: log_outputs.StandardError, read_end: int) -> str:
    os.set_blocking(read_end, False)
    received = b""
    while select.select([read_end], [], [], 0)[0]:
        received += os.read(read_end, 1 << 16)
        out._write()
    return received.decode()


def test_a_stderr_that_nobody_reads_holds_up_nothing(unread: tuple[log_outputs.StandardError, int]) -> None:
    out, read_end = unread
    for number in range(5000):
        out(log.ERROR, f"line {number:04} {'.' * 60}")
    assert out.waiting <= log_outputs.MOST_WAITING
    lines = drained(out, read_end).splitlines()
    told = [int(line.split()[3]) for line in lines[:-1]]
    assert told == list(range(len(told))), "whole lines, in order, none twice"
    assert lines[-1].endswith(f"log lines were lost while nobody read them: {5000 - len(told)}")
    out(log.ERROR, "and on")
    assert drained(out, read_end).endswith("error: and on\n")


def test_what_waits_leaves_when_the_reader_reads(unread: tuple[log_outputs.StandardError, int]) -> None:
    out, read_end = unread
    loop = Loop()
    out.watch(loop)
    for number in range(1000):
        out(log.ERROR, f"line {number:04} {'.' * 60}")
    assert out.waiting
    os.set_blocking(read_end, False)
    received = b""
    while out.waiting:
        received += os.read(read_end, 1 << 16)
        loop.turn()
    received += os.read(read_end, 1 << 16)
    assert received.count(b"\n") == 1000
    loop.close()


def test_a_reader_that_has_gone_ends_the_waiting(unread: tuple[log_outputs.StandardError, int]) -> None:
    out, read_end = unread
    out(log.ERROR, "heard")
    os.dup2(os.open(os.devnull, os.O_RDONLY), read_end)
    out(log.ERROR, "not heard")
    assert not out.waiting


def test_syslog_gets_datagrams_and_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    path = f"/tmp/meterd-log-{os.getpid()}"  # the name of a socket is short
    monkeypatch.setattr(log_syslog, "_SYSLOG", path)
    out = log_syslog.Syslog()
    out(log.ERROR, "nobody there")
    receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    receiver.bind(path)
    receiver.setblocking(False)
    out(log.ERROR, "first")
    for number in range(2000):
        out(log.WARNING, f"line {number}")
    first, second, *rest = [receiver.recv(4096).decode() for _ in range(2 + LEAST_QUEUED)]
    assert first.startswith("<28>") and first.endswith("log lines were lost while syslog took none: 1")
    assert second.startswith("<27>") and second.endswith(f"meterd[{os.getpid()}]: first")
    assert [line.rpartition(": ")[2] for line in rest] == [f"line {number}" for number in range(len(rest))]
    out(log.WARNING, "again")
    assert out._lost == 0, "the loss is told before the next line"
    out.close()
    receiver.close()
    os.unlink(path)
