"""One line, one live meter, nine dead or odd ones: the living keeps its pace, the one that was away is met again.

`python -m tests.strangers.test_iec_patience SECONDS PERIOD` prints the cadence of a longer run.
"""

from __future__ import annotations

import re
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.strangers.iec_meter import framed
from tests.strangers.serve import Served
from tests.system.rig import Running, iec_device, iec_signal

AWAKE_S = 0.9  # a second call within this reaches the sleeper


class Bus:
    """1 lives; 2 hears only the second of two calls, and is away at first; 3 answers with noise; the rest is dead."""

    def __init__(self, away_s: float) -> None:
        self.back_at = time.monotonic() + away_s
        self.called_at = 0.0
        self.selected = b""
        self.heard = b""

    def hear(self, octets: bytes) -> list[tuple[float, bytes]]:
        self.heard = (self.heard + octets)[-64:]
        call = re.search(rb"/\?(\d+)!\r\n$", self.heard)
        if call:
            self.heard = b""
            return self.called(call[1])
        if self.heard.endswith(b"\r\n") and b"\x06" in self.heard and self.selected:
            number, self.selected, self.heard = self.selected, b"", b""
            return [(0.02, framed(b"0.0.0(" + number + b")\r\n1.8.0(" + number + b"00*kWh)\r\n!\r\n"))]
        return []

    def called(self, number: bytes) -> list[tuple[float, bytes]]:
        now = time.monotonic()
        if number == b"3":
            return [(0.01, b"\xf1\x02garbage")]
        if number == b"2":
            again, self.called_at = now - self.called_at < AWAKE_S, now
            if now < self.back_at or not again:
                return []
        elif number != b"1":
            return []
        self.selected = number
        return [(0.02, b"/BUS5METER\r\n")]


def live_and_met(
    directory: Path, seconds: float, away_s: float, period_s: float, meters: int = 10
) -> tuple[float, float | None]:
    """The share of its scans that the live meter got, and after how many seconds the one that was away was met."""
    bus = Bus(away_s)
    server = Served(lambda: bus)
    common: dict[str, Any] = {"ip": "127.0.0.1", "port": server.port, "scan_rate_ms": int(period_s * 1000)}
    common |= {"timeout_ms": 500, "retry_counter": 2}
    devices = [iec_device(f"m{number}", serialnumber=str(number), **common) for number in range(1, meters + 1)]
    signals = [iec_signal(f"m{number}", "e", "1.8.0") for number in range(1, meters + 1)]
    daemon = Running(directory, {"devices": devices, "signals": signals})
    met = None
    try:
        # Behind the first round, in which each is tried once with all it has.
        daemon.wait_for(lambda it: all(it.of(f"m{number}", "e") for number in range(1, meters + 1)), 60.0)
        begun = time.monotonic()
        before = len(daemon.of("m1", "e", "good"))
        while time.monotonic() - begun < seconds:
            if met is None and daemon.of("m2", "e", "good"):
                met = time.monotonic() - bus.back_at
            time.sleep(0.05)
        count = len(daemon.of("m1", "e", "good")) - before
        assert all(
            one["value"] == int(one["device"][1:]) * 100
            for one in daemon.readings
            if one["signal"] == "e" and one["quality"] == "good"
        )
        return count * period_s / seconds, met
    finally:
        daemon.stop()
        server.close()


def test_the_living_meter_keeps_its_pace_and_the_one_that_was_away_is_met_again(tmp_path: Path) -> None:
    share, met = live_and_met(tmp_path, 30.0, 15.0, 2.5, 5)
    assert share >= 0.9
    assert met is not None


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        whole, back = live_and_met(Path(folder), float(sys.argv[1]), 30.0, float(sys.argv[2]))
        print(f"the live meter got {100 * whole:.1f} % of its scans")
        print(f"the one that was away was met {back or 0:.1f} s after it had come back")
