"""Simulated meters on this machine, and the configurations by which the daemon reads them: what is measured on a
gateway's own processor or memory reads one of these sites.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import time

from ..build.compiled import PROJECT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

MOST_REGISTERS = 250  # of a simulated meter


class Meters:
    """Simulated meters on free TCP ports and ptys of this machine."""

    def __init__(self) -> None:
        self._processes: list[subprocess.Popen[bytes]] = []

    def start_on_pty(self, place: Path, *words: str) -> str:
        """`place` becomes a link to the pty; returns the pty's own path."""
        command = [sys.executable, "-m", "meterd.cli.main", "simulate", words[0], "--pty", str(place), *words[1:]]
        self._processes.append(subprocess.Popen(command, cwd=PROJECT, stderr=subprocess.DEVNULL))
        for _ in range(200):
            if place.is_symlink():
                return str(place.resolve())
            time.sleep(0.05)
        raise RuntimeError(f"the simulated meter {words} did not come up")

    def start(self, *words: str) -> int:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port: int = free.getsockname()[1]
        command = [sys.executable, "-m", "meterd.cli.main", "simulate", words[0], "--tcp", str(port), *words[1:]]
        self._processes.append(subprocess.Popen(command, cwd=PROJECT, stderr=subprocess.DEVNULL))
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                return port
            except OSError:
                time.sleep(0.05)
        raise RuntimeError(f"the simulated meter {words} did not come up")

    def stop(self) -> None:
        for process in self._processes:
            process.terminate()
            process.wait()


def every_protocol(meters: Meters) -> dict[str, list[dict[str, object]]]:
    """A configuration with a meter of each protocol that there is, each of two signals."""
    port = meters.start("iec62056-21", "reaction_ms=0")
    wrapper = meters.start("dlms", "mode=wrapper")
    mbus = meters.start("mbus", "kind=heat")
    devices: list[dict[str, object]] = [
        {"name": "i", "device_alias": "i", "protocol": "IEC 62056-21", "ip": "127.0.0.1", "port": port,
         "serialnumber": 0},
        {"name": "d", "device_alias": "d", "protocol": "DLMS", "ip": "127.0.0.1", "port": wrapper, "type": "LN",
         "mode": "DLMS-WRAPPER", "client_address": 16, "logical_address": 1},
        {"name": "m", "device_alias": "m", "protocol": "mbus tcp", "ip": "127.0.0.1", "port": mbus, "address": "1",
         "timeout_ms": 1000},
    ]  # fmt: skip
    jobs: dict[str, list[tuple[str, str | None]]] = {
        "i": [("1.8.0", "1.8.0"), ("2.8.0", "2.8.0")],
        "d": [("1.0.1.8.0.255", None), ("0.0.96.1.0.255", None)],
        "m": [("", "0"), ("", "1")],
    }
    signals: list[dict[str, object]] = []
    for alias, rows in jobs.items():
        for number, (job, tag) in enumerate(rows):
            row: dict[str, object] = {"signal_name": "s", "device_alias": alias, "signal_alias": f"{alias}{number}"}
            row |= {"obis_job": job} if tag is None else {"job_todo": job, "tag_job_todo": tag, "number_type": "DOUBLE"}
            signals.append(row)
    if (PROJECT / "meterd" / "protocols" / "elgama").is_dir():
        devices.append({"name": "e", "device_alias": "e", "protocol": "Elgama", "ip": "127.0.0.1", "port": port,
                        "id": 12345678, "meter_model": 2, "timeout_ms": 1000})  # fmt: skip
        signals.append({"signal_name": "s", "device_alias": "e", "signal_alias": "e0", "number_type": "DOUBLE",
                        "job_todo": "1.8.0", "tag_job_todo": "1.8.0"})  # fmt: skip
    return {"devices": devices, "signals": signals}


def two_and_two(meters: Meters, place: Path) -> dict[str, list[dict[str, object]]]:
    """A configuration with a meter on each of two serial ports, and two over TCP; `place` is a folder for the ptys."""
    optical = meters.start_on_pty(place / "optical", "iec62056-21", "reaction_ms=0")
    bus = meters.start_on_pty(place / "bus", "mbus", "kind=heat")
    found = every_protocol(meters)
    serial = {"i": {"device": optical, "baudrate": 300, "databits": 7, "parity": "EVEN"},
              "m": {"device": bus, "baudrate": 2400, "parity": "EVEN", "protocol": "mbus serial"}}  # fmt: skip
    for row in found["devices"]:
        if row["device_alias"] in serial:
            del row["ip"], row["port"]
            row |= serial[str(row["device_alias"])]
    return found


def many_registers(meters: Meters, lists: str, registers: int) -> dict[str, list[dict[str, object]]]:
    """A configuration with one DLMS meter over TCP whose association stays open; `lists` is `no` where each register
    needs its own request.
    """
    port = meters.start("dlms", "mode=wrapper", f"registers={registers}", f"lists={lists}")
    device = {"name": "d", "device_alias": "d", "protocol": "DLMS", "ip": "127.0.0.1", "port": port, "type": "LN",
              "mode": "DLMS-WRAPPER", "client_address": 16, "logical_address": 1, "scan_rate_ms": 500,
              "keep_open": 1}  # fmt: skip
    signals: list[dict[str, object]] = [
        {"signal_name": "s", "device_alias": "d", "signal_alias": f"s{number}", "obis_job": f"1.0.1.8.{number}.255:2"}
        for number in range(1, registers + 1)
    ]
    return {"devices": [device], "signals": signals}


def as_uci(configuration: dict[str, list[dict[str, object]]]) -> str:
    """The same in the words of /etc/config/meterd."""
    lines = []
    for part, section, name in (("devices", "device", "device_alias"), ("signals", "signal", "signal_alias")):
        for row in configuration[part]:
            lines.append(f"config {section} '{row[name]}'")
            lines += [f"\toption {option} '{value}'" for option, value in row.items() if option != name]
    return "\n".join(lines) + "\n"


def spread(meters: Meters, signals: int) -> dict[str, list[dict[str, object]]]:
    """A configuration with so many signals, those of a device no more than a simulated meter has."""
    found = many_registers(meters, "yes", min(signals, MOST_REGISTERS))
    for number in range(1, -(-signals // MOST_REGISTERS)):
        alias = f"d{number}"
        found["devices"].append({**found["devices"][0], "name": alias, "device_alias": alias})
        rows = found["signals"][: min(MOST_REGISTERS, signals - number * MOST_REGISTERS)]
        found["signals"] += [
            {**row, "device_alias": alias, "signal_alias": f"{alias}{row['signal_alias']}"} for row in rows
        ]
    return found
