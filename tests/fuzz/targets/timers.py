"""Timers armed, moved, disarmed and served in any order: each exactly once, none early, none forgotten.

Two bytes are one act: which, and on which timer. A pipe that is always readable keeps the loop from sleeping.
"""

from __future__ import annotations

import os
import select

from meterd.ports._loop import Loop
from meterd.ports._timers import Timer

SEEDS = [
    bytes((0, 1, 8, 2, 16, 3, 7, 0)),
    bytes((1, 1, 2, 2, 3, 3, 4, 1, 5, 2, 7, 0, 7, 0)),
    bytes(byte for number in range(40) for byte in (number * 37 % 64, number)) + b"\x07\x00",
    bytes(byte for number in range(16) for byte in (0, number)) + bytes(range(2, 60)) + b"\x07\x00" * 3,
]
TIMERS = 16
MICROSECOND = 1e-6


class Boom(Exception):
    pass


class Rig:
    def __init__(self) -> None:
        self.loop = Loop()
        self.read_end, self.write_end = os.pipe()
        os.write(self.write_end, b"x")
        self.loop.register(self.read_end, select.POLLIN, lambda revents: None)
        self.timers = [Timer(lambda number=number: self.fired(number)) for number in range(TIMERS)]
        self.due: list[int | None] = [None] * TIMERS  # microseconds, as the loop counts them
        self.order = [0] * TIMERS
        self.moved = [False] * TIMERS  # armed for later, or disarmed, while it may have stood in the heap
        self.seen: list[tuple[int, int]] = []
        self.acts: list[bytes] = []  # of callbacks
        self.count = 0

    def close(self) -> None:
        self.loop.close()
        os.close(self.read_end)
        os.close(self.write_end)

    def arm(self, number: int, away: int) -> None:
        deadline = self.loop.time + away * MICROSECOND
        self.loop.arm(self.timers[number], deadline)
        # Up to the next microsecond; which that is where the product is nearly whole depends on the processor's bits,
        # so times are compared as whole microseconds everywhere.
        due, before = round(self.timers[number].deadline * 1e6), self.due[number]
        # What is past is due now.
        assert 0 <= due - max(deadline * 1e6, self.now_us()) <= 1.001
        self.moved[number] |= before is not None and due > before
        if before is None or due < before:
            self.count += 1
            self.order[number] = self.count
        self.due[number] = due

    def disarm(self, number: int) -> None:
        self.moved[number] |= self.due[number] is not None
        self.due[number] = None
        self.timers[number].deadline = None

    def now_us(self) -> int:
        return round(self.loop.time * 1e6)

    def fired(self, number: int) -> None:
        due = self.due[number]
        assert due is not None, "a timer fires that is not armed"
        assert due <= self.now_us(), "a timer fires early"
        assert self.timers[number].deadline is None
        if not self.moved[number]:
            self.seen.append((due, self.order[number]))
        self.due[number], self.moved[number] = None, False
        if self.acts:
            self.act(self.acts.pop())

    def turn(self) -> None:
        self.seen = []
        busy = bool(self.acts)
        expected = self.loop.next_deadline()
        armed = [due for due in self.due if due is not None]
        assert expected is None or not armed or round(expected * 1e6) <= min(armed)
        assert expected is not None or not armed
        self.loop.turn()
        if not busy:
            assert not [due for due in self.due if due is not None and due <= self.now_us()], "one was forgotten"
            assert self.seen == sorted(self.seen), "out of order"

    def act(self, pair: bytes) -> None:
        kind, number = pair[0], pair[-1] % TIMERS
        if kind % 8 < 4:
            self.arm(number, (-50, -5, 3, 1_000_000_000)[kind % 4] * (1 + kind // 8))
        elif kind % 8 == 4:
            self.disarm(number)
        elif kind % 8 == 5:
            self.acts.append(bytes((kind // 8, pair[-1] // TIMERS)))
        elif kind == 6:
            raise Boom


def one(data: bytes) -> None:
    rig = Rig()
    try:
        for at in range(0, len(data), 2):
            pair = data[at : at + 2]
            try:
                if pair[0] % 8 == 7:
                    rig.turn()
                elif pair[0] != 6:
                    rig.act(pair)
            except Boom:
                pass
        rig.acts = []
        rig.turn()
        rig.turn()
        for number in range(TIMERS):
            rig.disarm(number)
        # What was armed for far away is moved when it comes up: all of it is gone now, or still in the heap once.
        assert rig.loop.timers <= TIMERS
        while rig.loop.next_deadline() is not None:
            pass
        assert rig.loop.timers == 0
    finally:
        rig.close()
