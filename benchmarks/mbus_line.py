"""A bus of M-Bus meters at 2400 baud, read once by the daemon, against the time that the bytes need on the wire.

The bus is a process of its own on a pty that keeps to the line's pace in both directions; the daemon, its line, its
port and its driver are the real ones, with `poll_delay_ms` 0. Theory is all bytes that passed, confirmations included,
× 11 bits / 2400, and the pause that each simulated meter is told to make before an answer. A bus of 250 meters takes
three minutes, so METERD_BENCH_FULL=1 asks for it; otherwise 25 meters stand for it, as what is lost is lost per meter.
"""

from __future__ import annotations

import os

from meterd.daemon.one_scan import Evidence
from meterd.ports._loop import Loop
from meterd.simulate.mbus import LINE, bus
from meterd.simulate.mbus_meters import KINDS, Meter, identity_of

from ._machine import Row
from ._paced_line import on_a_line, read

SEVERAL, ALL = 25, 250
ANSWER_DELAY_MS = 0
SIGNALS = ("energy", "volume", "power")
REQUESTS = 2  # per meter: SND_NKE and REQ_UD2
SHORT_FRAME = 5


def telegram(number: int) -> bytes:
    """Records that make a telegram of 100 to 160 bytes: a heat meter's, and what its maker says behind them."""
    records = bytes.fromhex("".join(KINDS["heat"][2][0]))
    return records + bytes(range(15 + 7 * number % 61))


def fleet(count: int) -> list[Meter]:
    return [
        Meter(number, identity_of(f"{10_000_000 + number}", "LUG", 1, 4), (telegram(number),))
        for number in range(1, count + 1)
    ]


def configuration(link: str, count: int) -> dict[str, object]:
    devices, signals = [], []
    for number in range(1, count + 1):
        alias = f"M{number}"
        devices.append(
            {
                "name": alias, "device_alias": alias, "enable": 1, "protocol": "mbus serial", "address": str(number),
                "device": link, "baudrate": LINE.baudrate, "databits": LINE.data_bits, "parity": LINE.parity,
                "stopbits": LINE.stop_bits, "timeout_ms": 500, "poll_delay_ms": 0, "scan_rate_ms": 600_000,
            }
        )  # fmt: skip
        signals += [
            {
                "signal_name": name, "device_alias": alias, "signal_alias": name, "enable": 1, "number_type": "DOUBLE",
                "tag_job_todo": name,
            }
            for name in SIGNALS
        ]  # fmt: skip
    return {"devices": devices, "signals": signals}


def bus_row(count: int) -> Row:
    with on_a_line(bus(fleet(count), ANSWER_DELAY_MS / 1000), LINE) as link:
        evidence = Evidence()
        elapsed, qualities = read(configuration(link, count), evidence, Loop(), once=True)
    assert qualities == {"good": count * len(SIGNALS)}, qualities
    assert evidence.sent_bytes == count * REQUESTS * SHORT_FRAME, "requests were repeated"
    assert 100 * count <= evidence.received_bytes <= 161 * count
    passed = evidence.sent_bytes + evidence.received_bytes
    theory = passed * LINE.character_bits() / LINE.baudrate + count * REQUESTS * ANSWER_DELAY_MS / 1000
    what = f"M-Bus, {count} meters of {evidence.received_bytes // count - 1} bytes at {LINE.baudrate} baud"
    if count != ALL:
        what += f" (METERD_BENCH_FULL=1: {ALL})"
    return (what, elapsed / theory, "× time on the wire", -1.1)


def run() -> list[Row]:
    return [bus_row(ALL if os.environ.get("METERD_BENCH_FULL") == "1" else SEVERAL)]
