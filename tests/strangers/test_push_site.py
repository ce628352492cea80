"""A site whose meters only push, as somebody new to it sets it up: scan each port, add a key, run; on ptys."""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import threading
import time
import tty
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.strangers.pusher import (
    AUSTRIAN,
    AUTH,
    ENERGY,
    KEY,
    POWER,
    TITLE,
    as_e450,
    behind_objects,
    blocks,
    entries,
    framed,
    notification,
    numbered,
    sealed,
)

METERD = [sys.executable, "-m", "meterd"]
PATIENCE_S = 200


class PushingPty:
    """Writes what `make` gives for each running number, every half second; `node` is where it is heard, `heard` what
    was sent to it."""

    def __init__(self, make: Callable[[int], bytes]) -> None:
        self.master, self.slave = os.openpty()
        tty.setraw(self.slave)
        os.set_blocking(self.master, False)
        self.node = os.ttyname(self.slave)
        self.heard = b""
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._push, args=(make,))
        self._thread.start()

    def _push(self, make: Callable[[int], bytes]) -> None:
        number = 0
        while not self._over.wait(0.5):
            number += 1
            with contextlib.suppress(BlockingIOError, OSError):
                os.write(self.master, make(number))
            while select.select([self.master], [], [], 0)[0]:
                self.heard += os.read(self.master, 4096)

    def close(self) -> None:
        self._over.set()
        self._thread.join(30)
        os.close(self.master)
        os.close(self.slave)


def run(*words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([*METERD, *words], capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == code, done.stderr
    return done


def first_readings(site: Path, wanted: set[tuple[str, str]]) -> dict[tuple[str, str], dict[str, Any]]:
    """What `meterd run` says, until each of these has had its say."""
    site.with_name("state").mkdir(exist_ok=True)
    command = [*METERD, "run", "-c", str(site), "--state", str(site.with_name("state"))]
    daemon = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    found: dict[tuple[str, str], dict[str, Any]] = {}
    deadline = time.monotonic() + PATIENCE_S
    assert daemon.stdout is not None
    try:
        while not wanted <= found.keys() and time.monotonic() < deadline:
            reading = json.loads(daemon.stdout.readline() or "{}")
            if reading.get("quality") == "good":
                found[reading["device"], reading["signal"]] = reading
    finally:
        daemon.terminate()
        daemon.communicate(timeout=60)
    return found


@pytest.mark.timeout(900)
def test_a_site_of_meters_that_push_from_scan_to_readings(tmp_path: Path) -> None:
    meters = {
        "plain": PushingPty(lambda number: framed(notification(entries(number, "6970001")), 60)),
        "blocks": PushingPty(lambda number: as_e450(blocks(behind_objects(True), 60))),
        "ciphered": PushingPty(
            lambda number: b"".join(numbered(sealed(AUSTRIAN, time.time_ns() // 10**8 & 0xFFFFFFFF, control=0x30), 60))
        ),
    }
    begun = time.monotonic()
    try:
        rows: list[dict[str, Any]] = []
        signals: list[dict[str, Any]] = []
        for name, meter in meters.items():
            found = tmp_path / f"{name}.json"
            done = run("scan", meter.node, "-o", str(found))
            content = json.loads(found.read_text())
            [row] = content["devices"]
            assert row["protocol"] == "DLMS push", done.stderr
            if name == "ciphered":
                assert "encryption_key" in done.stderr and TITLE in json.dumps(row)
                assert row["framing"] == "M-Bus" and content["signals"] == []
                row |= {"encryption_key": KEY, "authentication_key": AUTH}
                found.write_text(json.dumps(content))
                run("scan", "-c", str(found), row["device_alias"], "-o", str(found))
                content = json.loads(found.read_text())
            for signal in content["signals"]:
                signal["device_alias"] = name
            rows.append({**content["devices"][0], "device_alias": name, "name": name})
            signals += content["signals"]
            meter.heard = b""
        site = tmp_path / "site.json"
        site.write_text(json.dumps({"devices": rows, "signals": signals}))
        run("check", "-q", str(site))
        energy, power = (code.replace(".", "_") for code in (ENERGY, POWER))
        wanted = {("plain", energy), ("plain", power), ("blocks", energy), ("ciphered", energy), ("ciphered", power)}
        readings = first_readings(site, wanted)
        assert wanted <= readings.keys()
        assert readings["plain", power]["value"] == 1234 and readings["plain", power]["unit"] == "W"
        assert readings["blocks", energy]["value"] == 8100 and readings["blocks", energy]["unit"] == "Wh"
        assert readings["ciphered", energy]["value"] == 55000
        assert readings["ciphered", power]["value"] == 321
        time.sleep(0.6)  # a last look at what was sent to it
        assert all(meter.heard == b"" for meter in meters.values()), "nothing is ever sent"
    finally:
        for meter in meters.values():
            meter.close()
    print(f"three ports, scan to readings: {time.monotonic() - begun:.0f} s")
