"""The DLMS conversation alone, fed from a file: for counting instructions.

`python -m benchmarks._dlms_replay record FILE` writes what a simulated meter answers over four scans of one hundred
registers; `… replay FILE SCANS` reads them again without the meter, without a loop and without a system call.
"""

from __future__ import annotations

import sys
from typing import Any

import msgpack

from meterd.conversation import Receive, Report, Send
from meterd.model import Memory
from meterd.protocols.dlms import driver

from ._dlms_reader import device, signal

REGISTERS = 100
SCANS = 4


def play(answer: Any, scans: int) -> int:
    """Run some scans of one session; `answer(request)` is what the meter says. Returns: how many readings came."""
    plan = driver.plan(device(1), [signal(number) for number in range(1, REGISTERS + 1)])
    memory = Memory()
    readings = 0
    for _ in range(scans):
        talk = driver.conversation(plan, memory)
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
                elif kind is Report:
                    readings += 1
        except StopIteration:
            continue
    return readings


def record(path: str) -> None:
    from meterd.simulate import dlms as simulated

    meter = simulated.meter(registers=str(REGISTERS), lists="no")()
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

    assert play(answer, SCANS) == SCANS * REGISTERS
    with open(path, "wb") as file:
        file.write(msgpack.packb(answers))


def replay(path: str, scans: int) -> None:
    with open(path, "rb") as file:
        answers = iter(msgpack.unpackb(file.read()))
    assert play(lambda request: next(answers), scans) == scans * REGISTERS


if __name__ == "__main__":
    if sys.argv[1] == "record":
        record(sys.argv[2])
    else:
        replay(sys.argv[2], int(sys.argv[3]))
