"""`meterd doctor` tells a wrong key, a wrong authentication key and a lagging counter apart, where the meter lets it.

The meter is the soak's, written apart. A wrong key of ours shows in what the meter refuses; one that it accepts without
looking, or sealed otherwise itself, in what we can make of its answer.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.soak.counting_meter import AUTHENTICATION_KEY, ENCRYPTION_KEY, CountingMeter

OBIS = {"invocation_counter_obis": "0.0.43.1.0.255"}


class Strict(CountingMeter):
    """Refuses a counter that is not above the last one, as it refuses a wrong key."""

    last = 90_000_000

    def _open(self, title: bytes, sealed: bytes) -> bytes | None:
        number = int.from_bytes(sealed[1:5], "big")
        plain = super()._open(title, sealed) if number > self.last else None
        if plain is not None:
            self.last = number
        return plain

    def _get(self, request: bytes) -> bytes:
        self.lie = self.last
        return super()._get(request)


class Careless(CountingMeter):
    """Opens nothing of the association's request, and seals its answer under its own keys."""

    def _open(self, title: bytes, sealed: bytes) -> bytes | None:
        return b"\x01"


def doctor(meter: CountingMeter, folder: Path, **given: Any) -> str:
    device = {"name": "m", "device_alias": "m", "protocol": "DLMS", "type": "LN", "mode": "DLMS-WRAPPER",
              "ip": "127.0.0.1", "port": meter.port, "client_address": 1, "physical_address": 1, "security": "both",
              "system_title": "4D54520000000001", "timeout_ms": 1500, "encryption_key": ENCRYPTION_KEY.hex(),
              "authentication_key": AUTHENTICATION_KEY.hex(), **given}  # fmt: skip
    signal = {"signal_name": "E", "device_alias": "m", "signal_alias": "E", "obis_job": "1.0.1.8.0.255", "class_id": 3}
    path = folder / "c.json"
    path.write_text(json.dumps({"devices": [device], "signals": [signal]}))
    words = [sys.executable, "-m", "meterd", "doctor", "-c", str(path), "--state", str(folder / "state")]
    done = subprocess.run([*words, "m"], capture_output=True, text=True, timeout=60, check=False)
    assert ENCRYPTION_KEY.hex() not in done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    ("meter", "given", "words"),
    [(CountingMeter, {}, "is well"), (CountingMeter, {"encryption_key": "11" * 16}, "look alike here"),
     (CountingMeter, {"encryption_key": "11" * 16, **OBIS}, "The counter is not the cause"),
     (CountingMeter, {"authentication_key": "11" * 16, **OBIS}, "The counter is not the cause"),
     (Strict, {}, "look alike here"),
     (Careless, {"encryption_key": "11" * 16}, "encryption_key is wrong"),
     (Careless, {"authentication_key": "11" * 16}, "authentication_key is wrong")],
)  # fmt: skip
def test_what_is_wrong_with_the_ciphering(meter: type[CountingMeter], given: Any, words: str, tmp_path: Path) -> None:
    (tmp_path / "here").touch()
    assert words in doctor(meter(), tmp_path, **given)


def test_a_counter_that_lags_is_told_and_caught_up(tmp_path: Path) -> None:
    meter = Strict()
    meter.last = 0
    assert "is well" in doctor(meter, tmp_path, **OBIS)
    meter.last = 200_000_000
    assert "It was the invocation counter" in doctor(meter, tmp_path, **OBIS)
    assert "is well" in doctor(meter, tmp_path, **OBIS)
