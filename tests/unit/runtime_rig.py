"""A daemon in the test's own process, with a protocol of two lines and meters served on the same loop."""

from __future__ import annotations

import itertools
from types import SimpleNamespace

from meterd.config.files import Configuration
from meterd.conversation import Receive, Report, Send, exchange
from meterd.daemon.daemon import Daemon
from meterd.daemon.state import StateDirectory
from meterd.errors import Aborted, Refused
from meterd.model import Device, Plan, Reading, Signal
from meterd.ports._loop import Loop
from meterd.ports._timers import Timer
from meterd.simulate.meter_host import MeterHost
from meterd.sinks.hub import Hub

PROTOCOL = "toy"


class Words:
    """Frames are lines."""

    def __init__(self) -> None:
        self.held, self.discarded, self.reason, self.missing = b"", 0, "", 1

    @property
    def pending(self) -> int:
        return len(self.held)

    def reset(self) -> None:
        self.held = b""

    def feed(self, data: bytes) -> bytes | None:
        self.held += data
        frame, newline, rest = self.held.partition(b"\n")
        if newline:
            self.held = rest
            return frame
        return None


class Toy:
    """The driver: asks for each signal by its alias; says goodbye."""

    def __init__(self) -> None:
        self.scans: list[str] = []
        self.goodbyes: list[str] = []
        self.goodbye_ms = 200

    def plan(self, device: Device, signals: list[Signal]) -> Plan:
        return Plan(device, signals, None, secrets=(device.parameters.get("password", b""),))

    def conversation(self, plan: Plan, memory):
        alias, timeout = plan.device.alias, plan.device.parameters.get("timeout_ms", 300)
        self.scans.append(alias)
        decoder = Words()
        try:
            for signal in plan.signals:
                answer = yield from exchange(f"{alias} {signal.alias}\n".encode(), decoder, timeout, 100)
                if answer == b"no":
                    raise Refused("it said no")
                yield Report(Reading(signal, int(answer)))
        finally:
            self.goodbyes.append(alias)
            yield Send(f"{alias} bye\n".encode())
            yield Receive(decoder, self.goodbye_ms, 100)


def counting_meter(answer=None, silent=()):
    """Answers every line with the next number, or with `answer`; devices in `silent` are dead."""
    numbers = itertools.count()

    def play():
        decoder = Words()
        while True:
            line = yield Receive(decoder, None, 500)
            if line.split()[0].decode() not in silent:
                yield Send(b"%s\n" % (answer or str(next(numbers)).encode()))

    return play


class Readings:
    """A sink that keeps all."""

    def __init__(self) -> None:
        self.all: list[Reading] = []

    def accept(self, reading: Reading) -> None:
        self.all.append(reading)

    def flush(self) -> None: ...
    def reopen(self) -> None: ...
    def close(self) -> None: ...

    def of(self, device: str, quality: str | None = None) -> list[Reading]:
        return [
            one
            for one in self.all
            if one.signal.device_alias == device
            and not one.signal.alias.startswith("_")
            and quality in (None, one.quality)
        ]


class Rig:
    """`configure(devices, ports)`, `run(seconds, until)`; everything on one loop."""

    def __init__(self, monkeypatch) -> None:
        self.toy = Toy()
        driver = SimpleNamespace(plan=self.toy.plan, conversation=self.toy.conversation)
        monkeypatch.setattr("meterd.protocols.registry.driver", lambda package: driver)
        self.loop = Loop()
        self.host = MeterHost(self.loop)
        self.readings = Readings()
        self.hub = Hub([self.readings], lambda: 1_700_000_000_000)
        self.daemon = Daemon(self.loop, self.hub, StateDirectory(None))
        self.daemon.status_interval_s = 3600.0

    def configuration(self, *devices: Device, ports: dict[str, str] | None = None) -> Configuration:
        made = Configuration()
        made.devices = list(devices)
        made.signals = {device.alias: [Signal(device.alias, "E", {})] for device in devices}
        made.ports.update(ports or {})
        return made

    def configure(self, *devices: Device, ports: dict[str, str] | None = None) -> int:
        return self.daemon.configure(self.configuration(*devices, ports=ports))

    def reload(self, path) -> None:
        done: list[bool] = []
        self.daemon.reload([str(path)], lambda: done.append(True))
        self.run(20.0, lambda: done)

    def run(self, seconds: float, until=None) -> None:
        """Turn until `until()` is true; without it for `seconds`, with it no longer than that."""
        over: list[bool] = []
        guard = Timer(lambda: over.append(True))
        tick = Timer(lambda: self.loop.arm(tick, self.loop.time + 0.01))  # `until` may look at more than the loop does
        self.loop.arm(guard, self.loop.time + seconds)
        self.loop.arm(tick, self.loop.time)
        while not over and not (until is not None and until()):
            self.loop.turn()
        guard.deadline = tick.deadline = None
        assert until is None or until(), "not seen in time"

    def close(self) -> None:
        for line in [*self.daemon.lines.values(), *self.daemon._closing]:
            line.player.on_end = lambda error: None
            if line.player.is_playing():
                line.player.cut_off(Aborted("the rig is taken down"))
            line.port.close()
        self.host.close()
        self.loop.close()


def tcp_device(alias: str, port: int, **parameters) -> Device:
    values = {"ip": "127.0.0.1", "port": port, "scan_rate_ms": 100, "timeout_ms": 300, **parameters}
    return Device(alias, PROTOCOL, values, f"127.0.0.1:{port}")


def serial_device(alias: str, line: str, **parameters) -> Device:
    values = {"device": line, "scan_rate_ms": 100, "timeout_ms": 300, "serial_close_delay": 50, **parameters}
    return Device(alias, PROTOCOL, values, line)
