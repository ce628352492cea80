"""The compiled core and Python code that is wrong: an exception each time, and never a torn process."""

from __future__ import annotations

import math
import os
import select
from typing import Any

import pytest

from meterd import _hdlc, _mbus, _steps, _wrapper
from meterd.model import Reading, Signal
from meterd.ports import _echo, _loop, _player, _timers
from meterd.protocols.dlms import _registers, _shortcut
from meterd.sinks import _hub, _json, _lines

SIGNAL = Signal("M1", "E", {})


WHOLE: list[Any] = [
    _timers.Timer, _steps.Send, _steps.Receive, _steps.Report, _steps.ReportAll, _player.Stepper, _hub.Outlet, Signal,
    _hub.LoggedOnly, _lines.Lines,
    _shortcut.HdlcShortcut, _shortcut.WrapperShortcut, _registers.Registers, _registers.InvokeIds,
]  # fmt: skip


@pytest.mark.parametrize("kind", WHOLE)
def test_none_is_made_half(kind: Any) -> None:
    with pytest.raises(TypeError):
        kind.__new__(kind)


def test_decoders_work_as_soon_as_they_are_there() -> None:
    for kind in (_wrapper.WrapperDecoder, _hdlc.HdlcDecoder, _mbus.MbusDecoder):
        decoder: Any = kind.__new__(kind)
        assert decoder.feed(b"") is None
        assert decoder.pending == 0


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (_steps.Send(b""), "data"),
        (_steps.Report(Reading(SIGNAL, 1)), "reading"),
        (Reading(SIGNAL, 1), "signal"),
        (_loop.Loop(), "turn_ends"),
    ],
)
def test_what_the_core_relies_on_stays(owner: object, name: str) -> None:
    with pytest.raises(AttributeError):
        setattr(owner, name, None)


def nothing(*_: object) -> None:
    """For callbacks that are not to come."""


def fail(sink: object, error: Exception) -> None:
    raise error


@pytest.mark.parametrize("quality", ["good", "invalid"])
def test_a_reading_without_a_signal_is_refused(quality: str) -> None:
    reading = Reading.__new__(Reading)
    reading.quality, reading.value = quality, 5 if quality == "good" else None
    out = _hub.Outlet([], lambda: 1, fail)
    for use in (_json.json_line, _hub.LoggedOnly(nothing, nothing).accept, out.accept):
        with pytest.raises(TypeError):
            use(reading)


def test_lines_that_were_not_opened_wait() -> None:
    asked: list[int] = []

    def ready() -> bool:
        asked.append(1)
        return False

    lines = _lines.Lines(lambda reading: "x", ready, nothing, nothing)
    lines.flush()
    assert (lines.waiting, asked) == (0, [])
    lines.accept(Reading(SIGNAL, 1))
    lines.flush()
    assert (lines.waiting, asked) == (2, [1])


def test_a_line_without_text() -> None:
    read_end, write_end = os.pipe()
    lines = _lines.Lines(lambda reading: "", lambda: False, nothing, nothing)
    lines.fd = write_end
    lines.accept(Reading(SIGNAL, 1))
    lines.flush()
    os.close(write_end)
    assert os.read(read_end, 10) == b"\n"
    os.close(read_end)


def test_bytes_are_bytes() -> None:
    echo: Any = _echo.Echo()
    shortcut: Any = _shortcut.HdlcShortcut(b"\x03", b"\x21")
    wrapped: Any = _shortcut.WrapperShortcut(1, 16, _wrapper.WrapperDecoder())
    bare: Any = _shortcut.Shortcut()
    assert bare.answer(b"") is None
    assert bare.hear(1, b"") is None
    assert bare.ask(7, b"x") == b"\xc0\x01\x07x"
    for call in (bare.carry, echo.sent, echo.strip, wrapped.carry, lambda none: shortcut.ask(1, none)):
        with pytest.raises(TypeError):
            call(None)


def test_scalers_and_results_have_two_parts() -> None:
    target: Any = _registers.Wanted()
    with pytest.raises(ValueError, match="no scaler"):
        target.scaler = ()
    assert target.scaler is None
    target.signals = (SIGNAL,)
    with pytest.raises(ValueError, match="no result"):
        _registers.readings_of([target], [()], lambda *_: [])  # type: ignore[list-item]


class Silent(_shortcut.Shortcut):
    def hear(self, invoke: int, frame: Any) -> Any:
        return (0, frame)

    def ask(self, invoke: int, descriptor: bytes) -> bytes:
        return descriptor


def test_no_answer_counts_behind_the_last_register() -> None:
    target = _registers.Wanted()
    target.descriptor, target.signals, target.scaler = b"d", (SIGNAL,), (0, "kWh")
    receive = _steps.Receive(_wrapper.WrapperDecoder(), 1, 1)
    burst = _registers.Registers(receive, Silent(), _registers.InvokeIds(0), [target], 0, lambda *_: [])
    assert burst.request() == b"d"
    reading: Any = burst.take(7)
    assert (reading.value, reading.unit) == (7, "kWh")
    assert burst.request() is None
    assert burst.take(8) is None
    assert burst.done == 1


def test_a_register_without_signals_is_a_mistake() -> None:
    target: Any = _registers.Wanted()
    receive = _steps.Receive(_wrapper.WrapperDecoder(), 1, 1)
    burst = _registers.Registers(receive, Silent(), _registers.InvokeIds(0), [target], 0, lambda *_: [])
    assert burst.take(7) is None  # nothing was asked for
    with pytest.raises(TypeError):
        burst.request()
    target.descriptor, target.scaler = b"d", (0, "Wh")
    burst.request()
    with pytest.raises(TypeError):
        burst.take(7)


class Listing(Silent):
    def hear(self, invoke: int, frame: Any) -> Any:
        return 7

    def ask_list(self, invoke: int, descriptors: bytes) -> bytes:
        return descriptors

    def hear_list(self, invoke: int, count: int, frame: Any) -> Any:
        return [7] * count


@pytest.mark.parametrize(("most", "asked"), [(5, [b"\5abcde"]), (3, [b"\3abc", b"\2de"]), (4, [b"\4abcd", b"e"])])
def test_what_was_asked_for_as_a_list_is_asked_for_again(most: int, asked: list[bytes]) -> None:
    targets = [_registers.Wanted() for _ in range(5)]
    for target, letter in zip(targets, b"abcde", strict=True):
        target.descriptor, target.signals, target.scaler = bytes((letter,)), (SIGNAL,), (0, "kWh")
    receive = _steps.Receive(_wrapper.WrapperDecoder(), 1, 1)
    wanted: list[Any] = [receive, Listing(), _registers.InvokeIds(0), targets, 0, lambda *_: [], most, 99, 99]
    burst = _registers.Registers(*wanted)
    for _ in range(3):
        assert burst.again(targets)
        words, counts = [], []
        while (request := burst.request()) is not None:
            words.append(request)
            counts.append(burst.asked)
            assert burst.take(b"")
        assert (words, sum(counts), burst.done) == (asked, 5, 5)


# ---- the loop


@pytest.mark.parametrize("deadline", [math.inf, math.nan, 1e300])
def test_a_deadline_that_is_no_time_never_comes(deadline: float) -> None:
    loop, fired = _loop.Loop(), []
    loop.arm(_timers.Timer(lambda: fired.append("odd")), deadline)
    loop.arm(_timers.Timer(loop.stop), loop.time + 0.001)
    loop.run()
    assert fired == []


@pytest.mark.parametrize("deadline", [-math.inf, -1e300, -1.0, 0.0])
def test_a_deadline_that_is_long_past_is_due_at_once(deadline: float) -> None:
    loop, fired = _loop.Loop(), []
    loop.arm(_timers.Timer(lambda: fired.append("due")), deadline)
    loop.arm(_timers.Timer(loop.stop), loop.time + 0.001)
    loop.run()
    assert fired == ["due"]
    loop.close()


def test_a_timer_belongs_to_one_loop() -> None:
    one, other = _loop.Loop(), _loop.Loop()
    timers = [_timers.Timer(lambda: None) for _ in range(9)]
    for timer in timers:
        one.arm(timer, one.time + 100.0)
    with pytest.raises(ValueError, match="another loop"):
        other.arm(timers[-1], 0.0)
    one.close()
    other.close()


def test_a_closed_loop_wakes_nobody() -> None:
    loop = _loop.Loop()
    loop.close()
    ends = [os.pipe(), os.pipe()]  # bear the numbers that the loop's had
    loop.call_soon_from_thread(lambda: None)
    for read_end, write_end in ends:
        os.set_blocking(read_end, False)
        with pytest.raises(BlockingIOError):
            os.read(read_end, 1)
        os.close(read_end)
        os.close(write_end)


def test_an_event_of_a_closed_descriptor_is_not_the_next_one_s() -> None:
    loop = _loop.Loop()
    ends = [os.pipe() for _ in range(2)]
    told: list[int] = []
    fresh: list[int] = []

    def first(revents: int) -> None:
        told.append(revents)
        victim = ends[1][0]
        loop.unregister(victim)
        os.close(victim)
        read_end, write_end = os.pipe()
        assert victim in (read_end, write_end)
        fresh.extend((read_end, write_end))
        loop.register(victim, select.POLLIN, lambda revents: told.append(-1))
        loop.unregister(ends[0][0])

    for read_end, write_end in ends:
        loop.register(read_end, select.POLLIN, first)
        os.write(write_end, b"x")
    loop.turn()
    assert told == [select.POLLIN]
    loop.close()
    for end in (*ends[0], ends[1][1], *fresh):
        os.close(end)


def test_a_callback_that_fails_costs_no_other_its_turn() -> None:
    loop, fired = _loop.Loop(), []

    def fail() -> None:
        raise RuntimeError("a defect")

    timers = [_timers.Timer(fail), _timers.Timer(lambda: fired.append(1)), _timers.Timer(lambda: fired.append(2))]
    for timer in timers:
        loop.arm(timer, loop.time - 1.0)
    with pytest.raises(RuntimeError):
        loop.turn()
    assert fired == []
    loop.turn()
    assert fired == [1, 2]
    assert loop.next_deadline() is None
    loop.close()
