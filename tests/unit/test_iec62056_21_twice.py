"""IEC 62056-21: what comes twice. Identifications, lists, echoes; and what proves that a meter pushes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from meterd.conversation import Receive, Send
from meterd.errors import Garbled, LineError, PortGone, Refused, Silence
from meterd.model import Memory
from tests.pair import Fault, Outcome
from tests.strangers.iec_meter import framed, lister, programmable, read, say, signal, told

IDENT = b"/TWC5ECHO-31\r\n"
LIST = framed(b"0.0.0(40917)\r\n1.8.0(00731.25*kWh)\r\n2.8.0(00004.50*kWh)\r\n!\r\n")
RIGHT = {"1.8.0": ("731.25", "kWh", None)}
ASKED = {"R5:1.8.0": ("731.25", "kWh", None)}
LATER_S = [0.0, 0.04, 0.12, 0.3, 0.7]


def doubled(kind: bytes, later_s: float, cut: int = 0, side: str = "meter") -> Fault:
    """Whatever begins with `kind` comes once more, without its last `cut` bytes."""

    def change(who: str, number: int, data: bytes) -> list[tuple[float, bytes]]:
        if who != side or not data.startswith(kind):
            return [(0.0, data)]
        return [(0.0, data), (later_s, data[: len(data) - cut])]

    return change


def echoed(meter: Iterator[Any], times: int) -> Iterator[Any]:
    """The meter behind a converter that sends back what it is given, before the meter hears it."""
    step = next(meter)
    while True:
        try:
            heard = yield step
        except PortGone:
            return
        except LineError as error:
            step = meter.throw(error)
            continue
        if isinstance(step, Receive) and heard is not None:
            for _ in range(times):
                yield Send(heard[0], keep_input=True)
        step = meter.send(heard)


def register(command: bytes, data: bytes) -> bytes:
    return framed(b"1.8.0(00731.25*kWh)") if data == b"1.8.0()" else framed(b"(ER02)")


def listed(fault: Fault | None, memory: Memory, **given: Any) -> Outcome:
    return read(lister(IDENT, LIST), [signal("1.8.0")], memory, fault, **given)


def asked(fault: Fault | None, memory: Memory, **given: Any) -> Outcome:
    return read(programmable(IDENT, register), [signal("R5:1.8.0")], memory, fault, **given)


@pytest.mark.parametrize("byte_s", [0.0, 0.001, 1 / 30])
@pytest.mark.parametrize("later_s", LATER_S)
@pytest.mark.parametrize("kind", [b"/", b"\x02", b""])
def test_a_list_is_read_though_messages_come_twice(kind: bytes, later_s: float, byte_s: float) -> None:
    memory = Memory()
    for _ in range(3):
        outcome = listed(doubled(kind, later_s), memory, byte_s=byte_s, timeout_ms=5000)
        assert (outcome.error, told(outcome)) == (None, RIGHT)
    assert sum(data.startswith(b"/?") for data in outcome.sent()) == 1, "at the first attempt"


@pytest.mark.parametrize("byte_s", [0.0, 0.001, 1 / 30])
@pytest.mark.parametrize("later_s", LATER_S)
@pytest.mark.parametrize("kind", [b"/", b"\x02", b"\x01", b"\x06"])
def test_registers_are_read_though_messages_come_twice(kind: bytes, later_s: float, byte_s: float) -> None:
    memory = Memory()
    for _ in range(3):
        outcome = asked(doubled(kind, later_s), memory, byte_s=byte_s, timeout_ms=5000)
        assert (outcome.error, told(outcome)) == (None, ASKED)


@pytest.mark.parametrize("cut", range(1, len(IDENT)))
def test_part_of_an_identification_may_come_again(cut: int) -> None:
    """A part that never ends is no list either."""
    for later_s in (0.0, 0.12):
        assert told(listed(doubled(b"/", later_s, cut), Memory())) == RIGHT
        assert told(asked(doubled(b"/", later_s, cut), Memory())) == ASKED


@pytest.mark.parametrize("place", range(1, len(IDENT)))
def test_a_copy_may_be_damaged(place: int) -> None:
    def change(who: str, number: int, data: bytes) -> list[tuple[float, bytes]]:
        if (who, data) != ("meter", IDENT):
            return [(0.0, data)]
        return [(0.0, data), (0.0, data[:place] + bytes([data[place] ^ 0x80]) + data[place + 1 :])]

    assert told(asked(change, Memory(), databits=8, parity="none", retry_counter=0)) == ASKED
    assert told(listed(change, Memory(), databits=8, parity="none", retry_counter=0)) == RIGHT


@pytest.mark.parametrize("times", [1, 2])
def test_acknowledgements_may_be_echoed(times: int) -> None:
    for make, wanted, right in (
        (lambda: lister(IDENT, LIST), "1.8.0", RIGHT),
        (lambda: programmable(IDENT, register), "R5:1.8.0", ASKED),
    ):
        assert told(read(echoed(make(), times), [signal(wanted)], Memory(), retry_counter=0)) == right


@pytest.mark.parametrize("mode", ["A", "B"])
def test_modes_that_acknowledge_nothing_pass_a_copy_over(mode: str) -> None:
    ident = b"/TWC ECHO\r\n" if mode == "A" else b"/TWCBECHO\r\n"
    for later_s in LATER_S:
        outcome = read(lister(ident, LIST, mode), [signal("1.8.0")], Memory(), doubled(b"/", later_s))
        assert told(outcome) == RIGHT


def pusher(text: bytes, times: int) -> Iterator[Any]:
    try:
        for _ in range(times):
            yield from say(IDENT + b"\r\n" + text, wait=2.0)
    except PortGone:
        return


def test_that_a_meter_pushes_is_told_where_its_list_came_whole() -> None:
    outcome = read(pusher(b"1.8.0(5*kWh)\r\n!\r\n", 3), [signal("R5:1.8.0")], Memory(), timeout_ms=3000)
    assert isinstance(outcome.error, Refused) and "mode D" in str(outcome.error)
    assert not any(data.startswith(b"\x06") for data in outcome.sent())


def test_who_is_configured_as_c_and_pushes_is_told_what_to_change_when_it_is_read_and_when_it_fails() -> None:
    memory = Memory()
    text = b"1.8.0(000123.4*kWh)\r\n!\r\n"
    good = read(pusher(text, 2), [signal("1.8.0")], memory, timeout_ms=3000)
    assert told(good) == {"1.8.0": ("123.4", "kWh", None)}
    assert len(good.told) == 1 and '"type": "D"' in good.told[0]
    silent = read(pusher(text, 0), [signal("1.8.0")], memory, timeout_ms=3000, retry_counter=0)
    assert isinstance(silent.error, Silence) and '"type": "D"' in str(silent.error)
    broken = read(pusher(text[:-9], 2), [signal("1.8.0")], memory, timeout_ms=3000, retry_counter=0)
    assert isinstance(broken.error, Garbled) and '"type": "D"' in str(broken.error)
    asked_for = read(pusher(text, 3), [signal("R5:1.8.0")], Memory(), timeout_ms=3000)
    assert '"type": "D"' in str(asked_for.error)


def test_who_waits_to_be_asked_hears_nothing_of_pushing() -> None:
    for mode, ident in (("C", b"/TWC5ASKED\r\n"), ("A", b"/TWC ASKED\r\n"), ("B", b"/TWCBASKED\r\n")):
        memory = Memory()
        good = read(lister(ident, LIST, mode), [signal("1.8.0")], memory)
        assert (told(good), good.told) == (RIGHT, [])
        silent = read(lister(ident, LIST, mode, b"nothing like this"), [signal("1.8.0")], memory, retry_counter=0)
        assert isinstance(silent.error, Silence) and "unasked" not in str(silent.error)


@pytest.mark.parametrize(
    "text", [b"1.8.0(5*k", b"1.8.\xb0(5*kWh)\r\n!\r\n", b"garbage\r\n", framed(b"1.8.0(5*kWh)\r\n!\r\n")[:-1] + b"?"]
)
def test_what_is_no_whole_list_proves_nothing(text: bytes) -> None:
    memory = Memory()
    outcome = read(pusher(text, 9), [signal("R5:1.8.0")], memory, timeout_ms=3000, retry_counter=1)
    assert isinstance(outcome.error, LineError), outcome.error
    assert told(asked(None, memory)) == ASKED
    assert told(listed(None, memory)) == RIGHT


def test_a_list_in_the_place_of_an_answer_costs_an_attempt_only() -> None:
    """Once, something stands behind the identification that looks like a list."""

    def once(who: str, number: int, data: bytes) -> list[tuple[float, bytes]]:
        return [(0.0, data + b"31.7.0(0")] if (who, number) == ("meter", 0) else [(0.0, data)]

    for read_it, right in ((asked, ASKED), (listed, RIGHT)):
        memory = Memory()
        outcome = read_it(once, memory)
        assert told(outcome) == right, outcome.error
