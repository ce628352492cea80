"""The DLMS conversation alone, fed from a file: for counting instructions.

`python -m benchmarks._dlms_replay record FILE REGISTERS LISTS` writes what a simulated meter answers over sixty scans,
in lists (`yes`) or singly (`no`); `… replay FILE REGISTERS SCANS` reads them again without the meter, without a loop
and without a system call.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

import msgpack

from meterd.conversation import Burst, Receive, ReportAll, Send
from meterd.model import Memory
from meterd.protocols.dlms import driver

from ._dlms_reader import device, signal

SCANS = 60


def play(conversations: Iterator[Any], answer: Callable[[bytes], bytes]) -> int:
    """Run conversations to their ends; `answer(request)` is what the meter says. Returns: how many readings came."""
    readings = 0
    for talk in conversations:
        said = b""
        advance = talk.send
        reply = None
        try:
            while True:
                step = advance(reply)
                kind = step.__class__
                reply = None
                if kind is Send:
                    said = answer(step.data)
                elif kind is Receive:
                    reply = step.decoder.feed(said)
                    said = b""
                elif isinstance(step, Burst):
                    while (request := step.request()) is not None:
                        found = step.take(step.receive.decoder.feed(answer(request)))
                        readings += len(found) if type(found) is list else found is not None
                elif kind is ReportAll:
                    readings += len(step.readings)
        except StopIteration:
            continue
    return readings


def scans(count: int, registers: int) -> Iterator[Any]:
    """Scans of one device whose association stays open."""
    plan = driver.plan(device(1), [signal(number) for number in range(1, registers + 1)])
    memory = Memory()
    for _ in range(count):
        yield driver.conversation(plan, memory)


def record(path: str, registers: int, lists: str) -> None:
    from meterd.simulate import dlms as simulated

    meter = simulated.meter(registers=str(registers), lists=lists)()
    state = {"step": meter.send(None)}
    answers: list[bytes] = []

    def answer(request: bytes) -> bytes:
        step = meter.send(state["step"].decoder.feed(request))
        said = b""
        while isinstance(step, Send):
            said += step.data
            step = meter.send(None)
        state["step"] = step
        answers.append(said)
        return said

    assert play(scans(SCANS, registers), answer) == SCANS * registers
    with open(path, "wb") as file:
        file.write(msgpack.packb(answers))


def replay(path: str, registers: int, count: int) -> None:
    with open(path, "rb") as file:
        answers = iter(msgpack.unpackb(file.read()))
    assert play(scans(count, registers), lambda request: next(answers)) == count * registers


if __name__ == "__main__":
    if sys.argv[1] == "record":
        record(sys.argv[2], int(sys.argv[3]), sys.argv[4])
    else:
        replay(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
