"""The player on a real pty: steps answered, faults thrown in, echo, software parity, wrong speed."""

import itertools
import sys

import pytest

from meterd.conversation import LineSettings, Pause, Receive, Report, Send, with_retries
from meterd.errors import Aborted, Garbled, Incomplete, PortGone, Silence
from meterd.model import Reading, Signal
from meterd.ports._loop import Loop
from meterd.ports._timers import Timer
from meterd.ports.player import Player
from meterd.ports.serial_port import SerialCarrier
from meterd.simulate.faults import Fault
from meterd.simulate.meter_host import MeterHost

SEVEN_EVEN = LineSettings(9600, 7, "even", 1)


class LineDecoder:
    """Frames end with a newline and begin with '<'."""

    def __init__(self):
        self.held = b""
        self.discarded = 0
        self.reason = ""
        self.missing = 1

    @property
    def pending(self):
        return len(self.held)

    def reset(self):
        self.held = b""
        self.discarded = 0

    def feed(self, data):
        self.held += data
        start = self.held.find(b"<")
        dropped = len(self.held) if start < 0 else start
        self.discarded += dropped
        self.reason = "no '<'" if dropped else self.reason
        self.held = self.held[dropped:]
        frame, newline, rest = self.held.partition(b"\n")
        if newline and frame.isascii() and frame.decode().isprintable():
            self.held = rest
            return frame
        if newline or len(frame) > 64:
            self.discarded += len(frame)
            self.reason = "not printable"
            self.held = rest
        return None


def echo_meter(settings=SEVEN_EVEN, numbers=None):
    numbers = numbers or itertools.count()

    def play():
        yield settings
        decoder = LineDecoder()
        while True:
            frame = yield Receive(decoder, None, 200)
            yield Send(b"<%s %d\n" % (frame[1:], next(numbers)))

    return play


def opened(error):
    assert error is None


@pytest.fixture
def rig(tmp_path):
    """run(conversation, fault=…) plays it against the echo meter on a pty; returns (result, readings, counters)."""
    loops = []

    def run(conversation, fault=None, meter=None, meter_line=SEVEN_EVEN, paced=False, limit_s=10.0, before=None):
        loop = Loop()
        host = MeterHost(loop)
        link = str(tmp_path / f"tty{len(loops)}")
        loops.append((loop, host))
        pty = host.on_pty(
            link, meter or echo_meter(meter_line), meter_line, Fault.parse(fault) if fault else None, paced
        )
        port = SerialCarrier(loop, link).port
        port.open(1.0, opened)
        readings, result = [], []

        def end(error):
            result.append(error)
            loop.stop()

        player = Player(loop, port, readings.append, end)
        player.start(conversation)
        if before is not None:
            before(loop, player, pty)
        guard = Timer(loop.stop)
        loop.arm(guard, loop.time + limit_s)
        loop.run()
        port.close()
        host.close()
        assert result, "the conversation did not end"
        return result[0], readings, player.counts

    yield run
    for loop, _ in loops:
        loop.close()


def ask(text=b"<hello\n", settings=SEVEN_EVEN, timeout_ms=300, attempts=1, answers=None):
    decoder = LineDecoder()
    yield settings

    def attempt():
        decoder.reset()
        yield Send(text)
        return (yield Receive(decoder, timeout_ms, 200))

    frame = yield from with_retries(attempts, attempt)
    yield Report(Reading(Signal("d", "s", {}), frame.decode()))


def test_question_and_answer_in_software_parity(rig):
    error, readings, counters = rig(ask())
    assert error is None
    assert [reading.value for reading in readings] == ["<hello 0"]
    assert (counters.bytes_sent, counters.bytes_received, counters.retries) == (7, 9, 0)


def test_what_is_reported_over_and_over_is_kept_once():
    """A load profile of thousands of rows has a few signals: who asks gets those, and their list stays short."""
    signals = [Signal("d", f"s{number}", {}) for number in range(3)]
    rows = 5000

    def profile():
        for number in range(rows):
            yield Report(Reading(signals[number % 3], number))
        yield Pause(1000)

    loop, taken = Loop(), itertools.count()
    player = Player(loop, SerialCarrier(loop, "/nowhere").port, lambda reading: next(taken), lambda error: None)
    player.start(profile(), at_once=True)
    assert next(taken) == rows
    assert player.reported == set(signals)
    assert sum(map(sys.getrefcount, signals)) < rows / 4
    player.forget_reported()
    assert player.reported == set()
    player.abort("enough")
    player.forget()
    assert player.reported == set()
    loop.close()


def test_parity_is_really_on_the_wire(rig):
    error, _, _ = rig(ask(timeout_ms=150), meter=echo_meter(LineSettings(9600)), meter_line=LineSettings(9600))
    assert isinstance(error, (Silence, Garbled))


def test_a_wrong_speed_is_garbage(rig):
    error, readings, _ = rig(ask(settings=SEVEN_EVEN.at(300), timeout_ms=400))
    assert isinstance(error, (Silence, Garbled))
    assert readings == []


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("drop", Silence),
        ("truncate:1:4", Incomplete),
        ("babble", Garbled),
        ("delay:1:600", Silence),
        ("close", PortGone),
    ],
)
def test_faults_end_in_their_error(rig, fault, expected):
    error, readings, _ = rig(ask(timeout_ms=250), fault=fault)
    assert isinstance(error, expected)
    assert readings == []


@pytest.mark.parametrize("fault", ["echo", "noise", "duplicate", "slow:1:20", "delay:1:100"])
def test_faults_that_a_line_takes_away(rig, fault):
    error, readings, _ = rig(ask(timeout_ms=1000), fault=fault)
    assert error is None
    assert readings[0].value == "<hello 0"


def test_a_retry_is_counted_and_late_bytes_are_dropped(rig):
    error, readings, counters = rig(ask(attempts=3), fault="drop:2", meter=echo_meter(numbers=itertools.count(5)))
    assert error is None
    assert counters.retries == 0
    error, readings, counters = rig(two_questions(), fault="drop:2")
    assert error is None
    assert (counters.retries, counters.timeouts) == (1, 1)
    assert [reading.value for reading in readings] == ["<one 0", "<two 2"]


def two_questions():
    yield from ask(b"<one\n", attempts=2)
    yield from ask(b"<two\n", attempts=2)


def test_abort_says_goodbye(rig):
    said = []

    def conversation():
        yield SEVEN_EVEN
        try:
            yield Pause(30.0)
        finally:
            yield Send(b"<bye\n")
            said.append((yield Receive(LineDecoder(), 500, 200)))

    def before(loop, player, pty):
        timer = Timer(lambda: player.abort("enough"))
        loop.arm(timer, loop.time + 0.1)

    error, _, _ = rig(conversation(), before=before)
    assert isinstance(error, Aborted)
    assert said == [b"<bye 0"]


def test_a_goodbye_that_does_not_end_is_cut_off(rig, monkeypatch):
    monkeypatch.setattr("meterd.ports.player.GOODBYE_S", 0.2)

    def conversation():
        yield SEVEN_EVEN
        try:
            yield Pause(30.0)
        finally:
            while True:
                yield Pause(0.01)

    def before(loop, player, pty):
        timer = Timer(lambda: player.abort("enough"))
        loop.arm(timer, loop.time + 0.05)

    error, _, _ = rig(conversation(), before=before)
    assert isinstance(error, Aborted)


def test_the_node_vanishes(rig):
    def before(loop, player, pty):
        timer = Timer(pty.close)
        loop.arm(timer, loop.time + 0.1)

    def conversation():
        yield SEVEN_EVEN
        yield Receive(LineDecoder(), 5000, 200)

    error, _, _ = rig(conversation(), before=before)
    assert isinstance(error, PortGone)


def test_a_defect_in_a_protocol_ends_its_conversation_only(rig):
    def conversation():
        yield SEVEN_EVEN
        raise KeyError("oops")

    error, _, _ = rig(conversation())
    assert isinstance(error, KeyError)


def test_sending_takes_the_time_of_the_wire(rig):
    slow = LineSettings(300, 7, "even", 1)

    def conversation():
        yield slow
        yield Send(b"<0123456789\n")

    loops = []

    def before(loop, player, pty):
        loops.append((loop, loop.time))

    error, _, _ = rig(conversation(), meter_line=slow, meter=echo_meter(slow), before=before)
    assert error is None
    loop, started = loops[0]
    assert loop.time - started >= 12 * 10 / 300


def test_poll_delay_holds_back_every_transmission(tmp_path):
    loop = Loop()
    host = MeterHost(loop)
    link = str(tmp_path / "tty")
    host.on_pty(link, echo_meter(), SEVEN_EVEN)
    port = SerialCarrier(loop, link).port
    port.open(1.0, opened)
    times = []

    def conversation():
        yield SEVEN_EVEN
        decoder = LineDecoder()
        for _ in range(3):
            yield Send(b"<x\n")
            times.append(loop.time)
            yield Receive(decoder, 500, 200)

    player = Player(loop, port, lambda reading: None, lambda error: loop.stop())
    player.start(conversation(), 0.1)
    loop.run()
    port.close()
    host.close()
    loop.close()
    assert len(times) == 3
    assert all(later - earlier >= 0.1 for earlier, later in itertools.pairwise(times))
