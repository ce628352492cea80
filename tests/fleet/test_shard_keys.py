"""A meter under keys that moves from shard to shard and back: its note knows every counter that it was shown.

Real daemons; the meter is written apart from the project (`tests.soak.counting_meter`). Two addresses of this machine
stand for the meter's old and new place, chosen so that they belong to different shards.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from meterd.daemon.shard import shard_of

pytest.importorskip("cryptography", reason="cryptography is missing: make build")
pytest.importorskip("Cryptodome", reason="pycryptodomex is missing: make build")

from tests.soak.counting_meter import AUTHENTICATION_KEY, ENCRYPTION_KEY, CountingMeter

from .site import ROOT, Processes, until

TITLE = "4D45540000000016"
PATIENCE_S = 120.0


class Keyed:
    """Two shards of one configuration with one meter under keys."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "state").mkdir()
        self.meter = CountingMeter()
        places = (f"127.0.5.{number}" for number in range(1, 200))
        found = {shard_of(f"{place}:{self.meter.port}", 2): place for place in places}
        self.places = [found[1], found[2]]  # the last of each shard
        self.path = folder / "site.json"
        self.processes = Processes(folder)

    def move(self, place: str) -> None:
        device = {"name": "a", "device_alias": "a", "protocol": "DLMS", "type": "LN", "client_address": 16,
                  "physical_address": 1, "mode": "DLMS-WRAPPER", "ip": place, "port": self.meter.port,
                  "scan_rate_ms": 100, "reconnect_time": 100, "timeout_ms": 20000, "security": "both",
                  "system_title": TITLE, "encryption_key": ENCRYPTION_KEY.hex(),
                  "authentication_key": AUTHENTICATION_KEY.hex()}  # fmt: skip
        signal = {"signal_name": "e", "device_alias": "a", "signal_alias": "e", "obis_job": "1.0.1.8.0.255",
                  "class_id": 3}  # fmt: skip
        written = self.path.with_suffix(".new")
        written.write_text(json.dumps({"devices": [device], "signals": [signal]}))
        written.chmod(0o600)
        os.replace(written, self.path)

    def words(self, *more: str) -> list[str]:
        return ["-m", "meterd", *more, "-c", str(self.path), "--state", str(self.folder / "state")]

    def start(self, number: int) -> None:
        control = str(self.folder / f"control-{number}.sock")
        self.processes.start(f"shard-{number}", *self.words("run"), "--shard", f"{number}/2", "--control", control)
        until(lambda: os.path.exists(control), PATIENCE_S, lambda: self.processes.log(f"shard-{number}"))

    def reload(self, number: int) -> None:
        words = ["-m", "meterd", "reload", "--control", str(self.folder / f"control-{number}.sock")]
        subprocess.run([sys.executable, *words], check=True, cwd=ROOT, stdout=subprocess.DEVNULL)

    def good(self, number: int) -> int:
        """How many good readings a shard has printed."""
        return self.processes.log(f"shard-{number}").count('"signal":"e","value":1')


@pytest.fixture
def keyed(tmp_path: Path) -> Iterator[Keyed]:
    made = Keyed(tmp_path)
    try:
        yield made
    finally:
        made.processes.close()
        made.meter.listener.close()


def read_by(keyed: Keyed, number: int, more: int = 3) -> None:
    before = keyed.good(number)
    until(lambda: keyed.good(number) >= before + more, PATIENCE_S,
          lambda: keyed.processes.log(f"shard-{number}")[-2000:])  # fmt: skip


@pytest.mark.timeout(600)
def test_a_meter_under_keys_that_moves_to_another_shard_and_back_is_never_shown_a_counter_twice(keyed: Keyed) -> None:
    keyed.move(keyed.places[0])
    for number in (1, 2):
        keyed.start(number)
    read_by(keyed, 1)
    for place, reader in ((1, 2), (0, 1)):
        keyed.move(keyed.places[place])
        keyed.reload(reader)  # the one that gets it, first: until the other lets go it has no counter
        keyed.reload(3 - reader)
        read_by(keyed, reader)
    assert "held by another shard" in keyed.processes.log("shard-2")
    assert keyed.meter.repeated() == [] and keyed.meter.apdus() > 20 and keyed.meter.unreadable == 0

    # Somebody who reads it himself is answered by the shard that has it.
    words = keyed.words("read", "a", "--json")
    answer = subprocess.run([sys.executable, *words], capture_output=True, text=True, cwd=ROOT)
    readings: list[Any] = [json.loads(line) for line in answer.stdout.splitlines()]
    assert answer.returncode == 0 and readings[0]["quality"] == "good", answer.stderr
    assert keyed.meter.repeated() == []
