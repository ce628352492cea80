"""meterd reads simulated DLMS meters over TCP with its own loop, ports and players; a process of its own.

`python -m benchmarks._dlms_reader PORT REGISTERS METERS` takes numbers of scans, one a line, and prints for each CPU
seconds per register and peak resident MB. The first scan, which finds classes and scalers, is over by then;
associations stay open, and all meters, which share one port, are read at the same time.
"""

from __future__ import annotations

import os
import sys
import time

from meterd.model import Device, Memory, Signal
from meterd.ports._loop import Loop
from meterd.ports.player import Player
from meterd.ports.tcp_port import TcpCarrier
from meterd.protocols.dlms import driver
from meterd.protocols.dlms.parameters import DEVICE, SIGNAL

from ._machine import status_kb


def device(port: int) -> Device:
    given = {
        "client_address": 32,
        "physical_address": 1,
        "type": "LN",
        "keep_open": True,
        "ip": "127.0.0.1",
        "port": port,
    }
    return Device("meter", "dlms", {row.name: given.get(row.name, row.default) for row in DEVICE})


def signal(number: int) -> Signal:
    given = {"obis_job": f"1.0.1.8.{number}.255"}
    return Signal("meter", f"energy-{number}", {row.name: given.get(row.name, row.default) for row in SIGNAL})


class Reader:
    """One loop and its meters."""

    def __init__(self, port: int, registers: int, meters: int) -> None:
        self.loop = Loop()
        self.readings: list[object] = []
        self.running = meters
        self.plan = driver.plan(device(port), [signal(number) for number in range(1, registers + 1)])
        self.players = []
        for _ in range(meters):
            line = TcpCarrier(self.loop, f"127.0.0.1:{port}").port
            memory = Memory(random_bytes=os.urandom)
            self.players.append((Player(self.loop, line, self.readings.append, self.ended), memory))
            line.open(5.0, self.ended)
        self.loop.run()

    def ended(self, error: Exception | None) -> None:
        assert error is None, error
        self.running -= 1
        if not self.running:
            self.loop.stop()

    def scan(self) -> float:
        """CPU seconds that one scan of all meters takes."""
        self.readings.clear()
        self.running = len(self.players)
        begun = time.process_time()
        for player, memory in self.players:
            player.start(driver.conversation(self.plan, memory))
        self.loop.run()
        return time.process_time() - begun

    def close(self) -> None:
        for player, _ in self.players:
            player.port.close()
        self.loop.close()


def main(port: int, registers: int, meters: int) -> None:
    reader = Reader(port, registers, meters)
    reader.scan()
    for line in sys.stdin:
        scans = int(line)
        spent = sum(reader.scan() for _ in range(scans))
        assert len(reader.readings) == registers * meters
        print(spent / scans / len(reader.readings), status_kb("self", "VmHWM") / 1024, flush=True)
    reader.close()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
