"""40 registers of one DLMS meter at 9600 baud over HDLC, read by the daemon, against the line's least time.

The meter is a process of its own on a pty that keeps to the line's pace in both directions, and waits before each of
its turns as real ones do; the daemon, its line, its port and its driver are the real ones. The association is kept open
and scans follow each other without a pause, so that its set-up (SNRM, AARQ, the scalers of all registers, read once)
is paid by the first scan alone: that one has a row of its own. Theory is all bytes that passed × 10 bits / 9600 and the
meter's own turnaround, once for each of our turns.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from meterd.conversation import Pause, Send
from meterd.daemon.one_scan import Evidence
from meterd.errors import MeterdError
from meterd.ports._loop import Loop
from meterd.simulate import dlms

from ._machine import Row
from ._paced_line import on_a_line, read

REGISTERS = 40
TURNAROUND_S = 0.020
LISTED, SINGLY = 6, 3  # scans that are measured, after the first
REQUIRED = 95.0

if TYPE_CHECKING:
    from meterd.conversation import Conversation


def meter(lists: str) -> Conversation:
    """A simulated meter that takes its time before each turn."""
    talk = dlms.meter(registers=str(REGISTERS), lists=lists, rows="1")()
    step = talk.send(None)
    while True:
        if isinstance(step, Send) and not step.keep_input:
            yield Pause(TURNAROUND_S)
        try:
            answer = yield step
        except MeterdError as error:
            step = talk.throw(error)
        else:
            step = talk.send(answer)


class Scans(Evidence):
    """Splits what passes on the wire into scans: bytes, turns of ours and the moment of its end for each."""

    def __init__(self, loop: Loop, count: int) -> None:
        super().__init__()
        self.loop = loop
        self.count = count
        self.done: list[tuple[float, int, int]] = [(time.monotonic(), 0, 0)]
        self.turns = 0

    def sent(self, data: bytes) -> None:
        super().sent(data)
        self.turns += 1

    def ended(self, error: Exception | None) -> None:
        assert error is None, error
        self.done.append((time.monotonic(), self.sent_bytes + self.received_bytes, self.turns))
        if len(self.done) == 1 + self.count:
            self.loop.stop()


def use(first: tuple[float, int, int], last: tuple[float, int, int]) -> float:
    """The share of the time between two moments that the wire and the meter needed, in percent."""
    seconds, passed, turns = (after - before for before, after in zip(first, last, strict=True))
    return 100 * (passed * dlms.LINE.character_bits() / dlms.LINE.baudrate + turns * TURNAROUND_S) / seconds


def configuration(link: str) -> dict[str, object]:
    device = {
        "name": "M", "device_alias": "M", "enable": 1, "protocol": "DLMS", "device": link, "client_address": 16,
        "physical_address": 1, "type": "LN", "mode": "DLMS-HDLC", "baudrate": dlms.LINE.baudrate, "keep_open": 1,
        "scan_rate_ms": 1,
    }  # fmt: skip
    signals = [
        {"signal_name": f"E{number}", "device_alias": "M", "signal_alias": f"E{number}", "class_id": 3,
         "obis_job": f"1.0.1.8.{number}.255"}
        for number in range(1, REGISTERS + 1)
    ]  # fmt: skip
    return {"devices": [device], "signals": signals}


def rows(how: str, lists: str, scans: int, required: float | None) -> list[Row]:
    with on_a_line(lambda: meter(lists), dlms.LINE) as link:
        loop = Loop()
        passed = Scans(loop, 1 + scans)
        _, qualities = read(configuration(link), passed, loop, once=False)
    assert qualities["good"] >= REGISTERS * (1 + scans), qualities
    assert set(qualities) == {"good"}, qualities
    start, first, last = passed.done[0], passed.done[1], passed.done[-1]
    what = f"{REGISTERS} registers, {dlms.LINE.baudrate} baud, {how}"
    return [
        (f"{what}: use of the line", use(first, last), "%", required),
        (f"{what}: a scan", (last[0] - first[0]) / scans, "s", None),
        (f"{what}: first scan, with set-up", use(start, first), "%", None),
    ]


def run() -> list[Row]:
    return rows("with lists", "yes", LISTED, REQUIRED) + rows("singly", "no", SINGLY, None)
