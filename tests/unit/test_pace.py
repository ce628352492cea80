"""How often a device that sends unasked is expected, learnt where it is not configured, and what comes of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from meterd.config.files import load
from meterd.daemon import pace as module
from meterd.daemon.pace import Pace

from .test_dlms_push import entries, framed, notification
from .test_listening import Pusher, PushRig, connected, pusher, rig, said  # noqa: F401
from .test_p1 import telegram


def test_an_interval_is_the_longest_of_the_last_gaps() -> None:
    pace = Pace(0)
    now = 100.0
    for gap, interval in ((0, 120), (10, 120), (12, 120), (11, 12), (10, 12)):
        now += gap
        pace.heard(now)
        assert pace.interval_s == interval
    for _ in range(module.KEPT):
        now += 2
        pace.heard(now)
    assert pace.interval_s == 2, "it has a faster habit now"


def test_an_outage_is_no_interval_and_a_fast_meter_may_be_busy_for_a_second() -> None:
    pace = Pace(0)
    for second in range(4):
        pace.heard(second / 10)
    assert pace.interval_s == module.SHORTEST_S
    pace.missed()
    pace.heard(9000)
    assert pace.interval_s == module.SHORTEST_S
    assert Pace(7.5).interval_s == 7.5


P1 = {"protocol": "P1"}
PUSH = {"protocol": "DLMS push"}


@pytest.mark.parametrize(
    ("device", "job", "good"),
    [
        (P1, {"tag_job_todo": "1-0:1.8.1", "number_type": "DOUBLE"}, telegram("1-0:1.8.1(5.5*kWh)")),
        (PUSH, {"obis_job": "1.0.1.8.0.255"}, framed(notification(entries(55)), size=50)),
    ],
    ids=["P1", "DLMS push"],
)
def test_a_meter_that_stops_goes_stale_at_the_pace_that_was_learnt_and_is_good_again(
    rig: PushRig,  # noqa: F811
    pusher: Pusher,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    device: dict[str, Any],
    job: dict[str, Any],
    good: bytes,
) -> None:
    monkeypatch.setattr(module, "SHORTEST_S", 0.1)
    row = {"name": "m", "device_alias": "m", "ip": "127.0.0.1", "port": pusher.port, "timeout_ms": 500, **device}
    signal = {"device_alias": "m", "signal_alias": "e", "signal_name": "e", **job}
    path = tmp_path / "site.json"
    path.write_text(json.dumps({"devices": [row], "signals": [signal]}))
    configuration = load([str(path)])
    assert configuration.errors == []
    rig.daemon.configure(configuration)
    connected(rig, pusher)
    for _ in range(module.LEAST + 2):
        pusher.say(good)
        rig.until("m", "good")
        rig.run(0.02)  # a telegram is over before the next one begins
    assert rig.until("m", "stale")[-1].reason == "no_bytes"
    connected(rig, pusher, 2)  # where nothing comes a new connection is tried
    pusher.say(good)
    value = rig.until("m", "good")[-1].value
    assert str(value) in ("5.5", "550")
    assert pusher.heard == b"", "nothing is sent"
