"""Forty meters with twenty-three planted faults: what the log, `status` and `read` say of each is what docs/faults.md
shows (`python -m tests.strangers.test_faults` prints that part anew).
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from meterd.cli.exit_codes import READ_FAILED
from meterd.simulate.iec62056_21 import LINE, meter
from tests.system.rig import Running, Site

from .faulty_site import FAULTS, IEC, SIMULATED, SOUND, Planted

DOCUMENT = Path(__file__).parents[2] / "docs" / "faults.md"
BEGIN, END = "<!-- forty meters: begin -->\n", "<!-- forty meters: end -->\n"
HOLD = "import fcntl, os, sys; fd = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY); fcntl.flock(fd, fcntl.LOCK_EX); "
HOLD += "print(flush=True); sys.stdin.read()"
LIMIT_S = 120.0
Told = dict[str, dict[str, Any]]


def alias_of(planted: Planted) -> str:
    return planted.fault.replace(",", "").replace(" ", "-")


def quick() -> Any:
    return meter(reaction_ms="200", idle_ms="400")


def device(alias: str, row: dict[str, Any], **where: Any) -> dict[str, Any]:
    return {"name": alias, "device_alias": alias, "timeout_ms": 3000, "scan_rate_ms": 600000, **row, **where}


def signal(alias: str, row: dict[str, Any], job: str) -> dict[str, Any]:
    made = {"signal_name": "E", "device_alias": alias, "signal_alias": "E"}
    if row["protocol"] == "DLMS":
        return {**made, "obis_job": job}
    made |= {"tag_job_todo": job, "number_type": "DOUBLE"}
    return {**made, "job_todo": job} if row["protocol"] == "IEC 62056-21" else made


@contextlib.contextmanager
def site(folder: Path) -> Iterator[dict[str, Any]]:
    """The forty meters; the configuration that they are read with."""
    content: dict[str, Any] = {"devices": [], "signals": [], "ports": {"ABSENT": "/dev/ttyABSENT"}}

    def add(alias: str, row: dict[str, Any], job: str, **where: Any) -> None:
        content["devices"].append(device(alias, row, **where))
        content["signals"].append(signal(alias, row, job))

    with contextlib.ExitStack() as stack:
        simulated = Site()
        stack.callback(simulated.close)
        for name in ("PACED1", "PACED2", "BUSY"):
            content["ports"][name] = str(folder / f"tty{name}")
            simulated.pty(folder / f"tty{name}", quick(), LINE)
        node = os.path.realpath(folder / "ttyBUSY")
        holder = subprocess.Popen(
            [sys.executable, "-c", HOLD, node], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=folder
        )
        stack.callback(holder.communicate, b"", 30)
        assert holder.stdout is not None
        holder.stdout.readline()
        for planted in FAULTS:
            where: dict[str, Any] = {}
            if planted.make is not None:
                server = planted.make()
                stack.callback(server.close)
                where = {"ip": "127.0.0.1", "port": server.port}
            elif planted.row.get("port") == "FREE":
                with socket.create_server(("127.0.0.1", 0)) as free:
                    where = {"port": free.getsockname()[1]}
            add(alias_of(planted), planted.row, planted.job, **where)
        for number, (make, row, job) in enumerate(SOUND):
            server = make()
            stack.callback(server.close)
            add(f"sound-{number}", row, job, ip="127.0.0.1", port=server.port)
        for number in range(SIMULATED):
            add(f"simulated-{number}", IEC, "1.8.0", ip="127.0.0.1", port=simulated.tcp(quick()))
        yield content


def told(folder: Path) -> Told:
    """By device: its first line in the log, its row in the status, the readings of `meterd read`."""
    with site(folder) as content:
        running = Running(folder, content)
        aliases = [row["device_alias"] for row in content["devices"]]

        def all_settled(it: Running) -> dict[str, Any] | None:
            time.sleep(0.5)
            answer = it.ask("status", "--json")
            if answer.returncode:
                return None
            rows = {row["device"]: row for row in json.loads(answer.stdout)["devices"]}
            return rows if all(row["reason"] != "not_read_yet" for row in rows.values()) and len(rows) == 40 else None

        try:
            rows = running.wait_for(all_settled, LIMIT_S)
        finally:
            running.stop()
        done = subprocess.run(
            [sys.executable, "-m", "meterd", "read", "-c", str(running.path), "--state", str(folder)],
            capture_output=True, text=True, timeout=LIMIT_S, check=False,
        )  # fmt: skip
        readings = {one["device"]: one for one in map(json.loads, done.stdout.splitlines())}
        log = {alias: first(running.log, alias) for alias in aliases}
        return {alias: {"log": log[alias], "status": rows[alias], "read": readings[alias]} for alias in aliases}


def first(log: list[str], alias: str) -> str:
    """What was said first of a device, without the time."""
    begun = next(number for number, line in enumerate(log) if "notice: meterd " in line)
    for line in log[begun:]:
        if re.search(rf" {alias}[:/]", line):
            return line.split(" ", 1)[1].split(": ", 1)[1]
    return ""


def steady(text: str, folder: Path) -> str:
    """Without what is another one each time."""
    for found, instead in (
        (rf"{re.escape(str(folder))}/tty", "/dev/tty"),
        (r"127\.0\.0\.1:\d+", "10.0.0.5:4059"),
        (r"process \d+ \([^)]*\)", "process 812 (minicom)"),
        (r"\b\d+ bytes", "60 bytes"),
        (r"be resolved \([^)]*\)", "be resolved (Name or service not known)"),
    ):
        text = re.sub(found, instead, text)
    return text.replace("|", "\\|")


def table(found: Told, folder: Path) -> str:
    lines = ["| fault | what the log says | `status` | `read` ends with |\n|---|---|---|---|"]
    for planted in FAULTS:
        one = found[alias_of(planted)]
        reason = one["status"]["reason"]
        said = steady(one["log"], folder).removeprefix(alias_of(planted))
        code = READ_FAILED[one["read"]["reason"]] if one["read"]["reason"] else 0
        lines.append(f"| {planted.fault} | `…{said}` | {reason} | {code} |")
    return "\n".join(lines) + "\n"


@pytest.mark.timeout(600)
def test_forty_meters_with_twenty_three_planted_faults(tmp_path: Path) -> None:
    found = told(tmp_path)
    assert len(FAULTS) == 23 and len(found) == 40
    for planted in FAULTS:
        check_words(planted, found[alias_of(planted)])
    sound = {alias: one for alias, one in found.items() if alias.startswith(("sound-", "simulated-"))}
    assert len(sound) == 17
    for alias, one in sound.items():
        assert one["status"]["reason"] == "good" and one["read"]["quality"] == "good", (alias, one)
    shown = DOCUMENT.read_text(encoding="utf-8").split(BEGIN)[1].split(END)[0]
    assert shown == table(found, tmp_path), "`python -m tests.strangers.test_faults` prints it anew"


def check_words(planted: Planted, one: dict[str, Any]) -> None:
    """The log, the status and the reading say what was expected before they were asked."""
    status, reading = one["status"], one["read"]
    assert status["reason"] == (reading["reason"] or "good") == planted.reason, (planted.fault, one)
    is_read = planted.reason == "good"
    for word in planted.words:
        assert word in one["log"], (planted.fault, one["log"])
        assert is_read or word in status["trouble"], (planted.fault, status["trouble"])
    assert (status["signals_ok"] == 1) == (reading["quality"] == "good") == is_read


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        sys.stdout.write(table(told(Path(made)), Path(made)))
