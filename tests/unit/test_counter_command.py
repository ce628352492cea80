"""`meterd counter`: what is on record, for people and for programs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from meterd.cli.counter import main

DEVICE = {"name": "m", "device_alias": "m", "protocol": "DLMS", "ip": "192.0.2.1", "port": 4059, "type": "LN",
          "mode": "DLMS-WRAPPER", "client_address": 16, "logical_address": 1, "physical_address": 1,
          "security": "both", "system_title": "4D54524400000001", "encryption_key": "0F" * 16,
          "authentication_key": "1E" * 16}  # fmt: skip
# Above any number at which a counter without a record begins.
BEGIN = "4000000000"


def test_it_says_what_is_on_record(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "site.json"
    path.write_text(json.dumps({"devices": [DEVICE], "signals": []}))
    words = ["counter", "-c", str(path), "m", "--state", str(tmp_path)]
    assert main([*words, "--set", BEGIN]) == 0
    capsys.readouterr()

    assert main(words) == 0
    (said,) = capsys.readouterr().out.splitlines()
    assert said.startswith("m: ") and said.endswith(f"all invocation counters below {BEGIN} may have been used")

    assert main([*words, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["device"] == "m" and [f"m: {words}" for words in told["counters"].values()] == [said]
    assert "0f0f" not in json.dumps(told).lower()
