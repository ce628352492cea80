"""The compiled core and Python code that is wrong: an exception each time, and never a torn process."""

from __future__ import annotations

import math
import os
import select
from typing import Any

import pytest

from meterd import _core
from meterd.model import Reading, Signal

SIGNAL = Signal("M1", "E", {})


WHOLE = "Timer Send Receive Report ReportAll Stepper Outlet Signal HdlcShortcut WrapperShortcut Registers InvokeIds"


@pytest.mark.parametrize("name", WHOLE.split())
def test_none_is_made_half(name: str) -> None:
    kind = getattr(_core, name)
    with pytest.raises(TypeError):
        kind.__new__(kind)


def test_decoders_work_as_soon_as_they_are_there() -> None:
    for kind in (_core.WrapperDecoder, _core.HdlcDecoder, _core.MbusDecoder):
        decoder: Any = kind.__new__(kind)
        assert decoder.feed(b"") is None
        assert decoder.pending == 0


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (_core.Send(b""), "data"),
        (_core.Report(Reading(SIGNAL, 1)), "reading"),
        (Reading(SIGNAL, 1), "signal"),
        (_core.Loop(), "turn_ends"),
    ],
)
def test_what_the_core_relies_on_stays(owner: object, name: str) -> None:
    with pytest.raises(AttributeError):
        setattr(owner, name, None)


class Logged(_core.LoggedOnly):
    pass


class Out(_core.Outlet):
    def _report(self, sink: object, error: Exception) -> None:
        raise error


@pytest.mark.parametrize("quality", ["good", "invalid"])
def test_a_reading_without_a_signal_is_refused(quality: str) -> None:
    reading = Reading.__new__(Reading)
    reading.quality, reading.value = quality, 5 if quality == "good" else None
    out = Out([], lambda: 1)
    for use in (_core.json_line, Logged().accept, out.publish):
        with pytest.raises(TypeError):
            use(reading)


def test_lines_that_were_not_opened_wait() -> None:
    lines: Any = _core.Lines.__new__(_core.Lines)
    lines.flush()
    assert lines.waiting == 0


def test_a_line_without_text() -> None:
    read_end, write_end = os.pipe()
    lines = _core.Lines(write_end, lambda reading: "", "test")
    lines.accept(Reading(SIGNAL, 1))
    lines.flush()
    os.close(write_end)
    assert os.read(read_end, 10) == b"\n"
    os.close(read_end)


def test_bytes_are_bytes() -> None:
    echo: Any = _core.Echo()
    shortcut: Any = _core.HdlcShortcut(b"\x03", b"\x21")
    wrapped: Any = _core.WrapperShortcut(1, 16, _core.WrapperDecoder())
    for call in (echo.sent, echo.strip, wrapped.carry, lambda none: shortcut.ask(1, none)):
        with pytest.raises(TypeError):
            call(None)


def test_scalers_and_results_have_two_parts() -> None:
    target: Any = _core.Wanted()
    with pytest.raises(ValueError, match="no scaler"):
        target.scaler = ()
    assert target.scaler is None
    target.signals = [SIGNAL]
    with pytest.raises(ValueError, match="no result"):
        _core.readings_of([target], [()], lambda *_: [])  # type: ignore[list-item]


class Silent(_core.Shortcut):
    def hear(self, invoke: int, frame: Any) -> Any:
        return (0, frame)

    def ask(self, invoke: int, descriptor: bytes) -> bytes:
        return descriptor


def test_no_answer_counts_behind_the_last_register() -> None:
    target = _core.Wanted()
    target.descriptor, target.signals, target.scaler = b"d", [SIGNAL], (0, "kWh")
    receive = _core.Receive(_core.WrapperDecoder(), 1, 1)
    burst = _core.Registers(receive, Silent(), _core.InvokeIds(0), [target], 0, lambda *_: [])
    assert burst.request() == b"d"
    reading: Any = burst.take(7)
    assert (reading.value, reading.unit) == (7, "kWh")
    assert burst.request() is None
    assert burst.take(8) is None
    assert burst.done == 1


def test_a_register_without_signals_is_a_mistake() -> None:
    target: Any = _core.Wanted()
    receive = _core.Receive(_core.WrapperDecoder(), 1, 1)
    burst = _core.Registers(receive, Silent(), _core.InvokeIds(0), [target], 0, lambda *_: [])
    with pytest.raises(TypeError):
        burst.take(7)


# ---- the loop


@pytest.mark.parametrize("deadline", [math.inf, math.nan, 1e300, -math.inf])
def test_a_deadline_that_is_no_time_never_comes(deadline: float) -> None:
    loop, fired = _core.Loop(), []
    loop.arm(_core.Timer(lambda: fired.append("odd")), deadline)
    loop.arm(_core.Timer(loop.stop), loop.time + 0.001)
    loop.run()
    assert fired == []
    loop.close()


def test_a_timer_belongs_to_one_loop() -> None:
    one, other = _core.Loop(), _core.Loop()
    timers = [_core.Timer(lambda: None) for _ in range(9)]
    for timer in timers:
        one.arm(timer, one.time + 100.0)
    with pytest.raises(ValueError, match="another loop"):
        other.arm(timers[-1], 0.0)
    one.close()
    other.close()


def test_a_closed_loop_wakes_nobody() -> None:
    loop = _core.Loop()
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
    loop = _core.Loop()
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
    loop, fired = _core.Loop(), []

    def fail() -> None:
        raise RuntimeError("a defect")

    timers = [_core.Timer(fail), _core.Timer(lambda: fired.append(1)), _core.Timer(lambda: fired.append(2))]
    for timer in timers:
        loop.arm(timer, loop.time - 1.0)
    with pytest.raises(RuntimeError):
        loop.turn()
    assert fired == []
    loop.turn()
    assert fired == [1, 2]
    assert loop.next_deadline() is None
    loop.close()
