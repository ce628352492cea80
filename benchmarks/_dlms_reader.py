"""meterd reads a simulated DLMS meter over TCP with its own loop, port and player; a process of its own.

`python -m benchmarks._dlms_reader PORT REGISTERS SCANS` prints CPU seconds per register and peak resident MB. The first
scan, which finds classes and scalers, does not count; the association stays open.
"""

from __future__ import annotations

import os
import resource
import sys

from meterd.model import Device, Memory, Signal
from meterd.protocols.dlms import driver
from meterd.protocols.dlms.parameters import DEVICE, SIGNAL
from meterd.runtime.loop import Loop
from meterd.runtime.player import Player
from meterd.runtime.tcp_port import TcpPort


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


def cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def resident_mb() -> float:
    """Peak resident memory; the kernel's rusage would count that of the parent before exec."""
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024


def read(port: int, registers: int, scans: int) -> tuple[float, float]:
    """CPU seconds per register in the best of `scans` scans, and peak resident MB."""
    loop = Loop()
    line = TcpPort(loop, "127.0.0.1", port)
    readings: list[object] = []
    failures: list[Exception] = []

    def ended(error: Exception | None) -> None:
        if error is not None:
            failures.append(error)
        loop.stop()

    line.on_open = ended
    line.open(5.0)
    loop.run()
    player = Player(loop, line, readings.append, ended)
    plan = driver.plan(device(port), [signal(number) for number in range(1, registers + 1)])
    memory = Memory()
    memory.volatile["random_bytes"] = os.urandom
    best = float("inf")
    for scan in range(scans + 1):
        readings.clear()
        begun = cpu_s()
        player.start(driver.conversation(plan, memory))
        loop.run()
        if scan:
            best = min(best, (cpu_s() - begun) / registers)
        assert not failures, failures
        assert len(readings) == registers
    line.close()
    loop.close()
    return best, resident_mb()


if __name__ == "__main__":
    print(*read(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
