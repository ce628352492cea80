"""What a published reading costs, beside a register read singly: CPU of all threads, as the scheduler counts it.

The daemon is the real one and reads 40 registers of a DLMS meter over TCP every 50 ms: singly, in one list, and in one
list with MQTT to a real mosquitto, in one message per scan: plain, over TLS, and with a store behind it. Readings go to
a file in each, so what the others cost more than the list is what publishing costs. Daemon, meter and broker share one
core; the daemons go on in turn, and medians of the rounds stand.
"""

from __future__ import annotations

import shutil
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.broker import Authority, Broker

from ._daemon import Daemon, dlms_site
from ._machine import Row, one_core
from ._meters import Meters, dlms_meters

REGISTERS = 40
SCAN_MS = 50
WARM_S = 2.0
ROUNDS, ROUND_S = 15, 1.0
SINGLY, LISTED = "singly", "in one list"
SHARE = 3.0  # a register read singly costs at least so many published readings


def run() -> list[Row]:
    if not shutil.which("mosquitto"):
        print("publishing: not measured: mosquitto is missing: apt install mosquitto", file=sys.stderr)
        return []
    with tempfile.TemporaryDirectory(prefix="meterd-publishing-") as name:
        folder = Path(name)
        broker = Broker(folder, saves=False)
        authority = Authority(folder)
        certificate, key = authority.sign("broker", "IP:127.0.0.1")
        secure = broker.listen_too(f"certfile {certificate}", f"keyfile {key}")
        with one_core():
            broker.start()
            try:
                return _rows(folder, broker.port, secure, str(authority.certificate))
            finally:
                broker.kill()


def _rows(folder: Path, plain: int, secure: int, authority: str) -> list[Row]:
    options = {"mode": "wrapper", "registers": str(REGISTERS)}
    with dlms_meters(lists="no", **options) as singly, dlms_meters(**options) as listed:

        def site(meter: Meters, **publish: Any) -> dict[str, Any]:
            found = dlms_site([("127.0.0.1", meter.port)], REGISTERS, SCAN_MS, mode="DLMS-WRAPPER")
            return {**found, "publish": publish}

        def mqtt(gateway: str, **more: Any) -> dict[str, Any]:
            return {"host": "127.0.0.1", "port": plain, "gateway": gateway, **more}

        tls = {"port": secure, "ca_file": authority}
        found = _in_turn(
            {
                SINGLY: site(singly),
                LISTED: site(listed),
                "MQTT": site(listed, mqtt=mqtt("one")),
                "MQTT over TLS": site(listed, mqtt=mqtt("two", **tls)),
                "store and MQTT over TLS": site(
                    listed, mqtt=mqtt("three", **tls), store={"path": str(folder / "readings.store")}
                ),
            }
        )
    rows: list[Row] = []
    for what in (SINGLY, LISTED):
        rows.append((f"CPU of a register read {what}", statistics.median(found[what]), "µs", None))
    for what in list(found)[2:]:
        more = [one - listed for one, listed in zip(found[what], found[LISTED], strict=True)]
        so_many = statistics.median(found[SINGLY]) / statistics.median(more)
        rows.append(
            (f"CPU of a published reading, {REGISTERS} in a message: {what}", statistics.median(more), "µs", None)
        )
        rows.append(("  a register read singly costs so many", so_many, "published readings", SHARE))
    return rows


def _in_turn(configured: dict[str, dict[str, Any]]) -> dict[str, list[float]]:
    """CPU of a reading, µs, round by round: all daemons live, and one at a time goes on."""
    with ExitStack() as stack:
        daemons = {what: stack.enter_context(Daemon(site)) for what, site in configured.items()}
        for daemon in daemons.values():
            daemon.wait_for(2 * REGISTERS)
        time.sleep(WARM_S)
        for daemon in daemons.values():
            daemon.hold()
        found: dict[str, list[float]] = {what: [] for what in daemons}
        for _ in range(ROUNDS):
            for what, daemon in daemons.items():
                found[what].append(daemon.micros_per_reading(ROUND_S))
    return found
