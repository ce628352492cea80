"""Nobody stops the loop: sound meters beside more than a hundred hostile ones, and 300 meters in 256 descriptors.

    python -m tests.soak.hostile [--seconds 600] [PART…]

Parts: `hostile` with the log in a file, `unread` with a standard error that nobody reads, `descriptors`. Each runs the
real daemon beside another one that has the sound meters alone: what the machine itself takes away is seen there. The
exit code is 1 if a sound meter lost a reading, if hostile ones gave what they should not, or if memory or descriptors
grew. A short form of the same is a test: it counts readings and looks at no clock.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

SOUND = 5
SOUND_PERIOD_MS = 200
HOSTILE_PERIOD_MS = 1000
TIMEOUT_MS = 500
PATIENCE_MS = 10_000  # for sound ones, on a machine that has much else to do
LONG_S = 60.0  # only what runs for so long tells whether it grows
MANY, FEW_DESCRIPTORS = 300, 256
LIMIT_S = 120.0
MOST_GROWTH_KB = 1024
# Whose values are right though their telegrams never come to an end.
ANSWER_WELL = {"more_for_ever"}


class Meters:
    """The meters' process; `ports` [(protocol, behaviour, port)]."""

    def __init__(self, sound: int = SOUND) -> None:
        command = [sys.executable, "-m", "tests.soak.hostile_meters", str(sound)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.ports: list[tuple[str, str, int]] = [tuple(row) for row in json.loads(self._process.stdout.readline())]

    def asked(self) -> list[int]:
        """How often each sound meter was asked for its values."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        counts: list[int] = json.loads(self._process.stdout.readline())
        return counts

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


def device(alias: str, protocol: str, port: int, period_ms: int, **given: object) -> tuple[dict[str, Any], list[Any]]:
    """A device and its signals, whatever it speaks."""
    row = {"name": alias, "device_alias": alias, "ip": "127.0.0.1", "port": port, "scan_rate_ms": period_ms,
           "timeout_ms": TIMEOUT_MS, **given}  # fmt: skip
    signal_row = {"signal_name": "E", "device_alias": alias, "signal_alias": "E"}
    if protocol in ("hdlc", "wrapper"):
        row |= {"protocol": "DLMS", "client_address": 16, "physical_address": 1, "type": "LN",
                "mode": f"DLMS-{protocol.upper()}", "reconnect_time": 100}  # fmt: skip
        signal_row |= {"obis_job": "1.0.1.8.0.255", "class_id": 3}
    elif protocol == "mbus":
        row |= {"protocol": "mbus tcp", "address": "1", "poll_delay_ms": 0, "retry_counter": 0}
        signal_row |= {"number_type": "DOUBLE", "tag_job_todo": "0"}
    elif protocol == "iec":
        row |= {"protocol": "IEC 62056-21", "serialnumber": "0"}
        signal_row |= {"number_type": "DOUBLE", "job_todo": "1.8.0", "tag_job_todo": "1.8.0"}
    else:
        row |= {"protocol": "Elgama", "id": 0, "meter_model": 1}
        signal_row |= {"number_type": "DOUBLE", "job_todo": "1.8.0", "tag_job_todo": "1.8.0"}
    return row, [signal_row]


class Daemon:
    """`meterd run` on these devices; readings in a file, the log in another or in a pipe that nobody reads."""

    def __init__(self, folder: Path, rows: list[tuple[dict[str, Any], list[Any]]], unread: bool = False,
                 descriptors: int = 0) -> None:  # fmt: skip
        folder.mkdir()
        self.readings = folder / "readings"
        self.devices = [row for row, _ in rows]
        signals = [each for _, signals in rows for each in signals]
        (folder / "meterd.json").write_text(json.dumps({"devices": self.devices, "signals": signals}))
        self._unread = os.pipe() if unread else None
        command = [sys.executable, "-m", "meterd", "run", "-c", str(folder / "meterd.json"), "--state", str(folder)]
        command += ["--control", str(folder / "control.sock")]

        def limit() -> None:
            if descriptors:
                resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))

        with open(self.readings, "wb") as out, open(folder / "log", "wb") as log:
            self.process = subprocess.Popen(command, stdout=out, preexec_fn=limit,
                                            stderr=log if self._unread is None else self._unread[1])  # fmt: skip

    def good(self) -> Counter[str]:
        """Good values by device."""
        return Counter(row["device"] for row in self.rows() if row["quality"] == "good")

    def rows(self) -> list[dict[str, Any]]:
        """All that was read, without what is told of the devices themselves."""
        lines = self.readings.read_bytes().split(b"\n")[:-1]
        return [row for row in map(json.loads, lines) if not row["signal"].startswith("_")]

    def size(self) -> tuple[int, int]:
        """Resident kB, descriptors."""
        folder = Path(f"/proc/{self.process.pid}")
        [resident] = [line for line in (folder / "status").read_text().splitlines() if line.startswith("VmRSS")]
        return int(resident.split()[1]), len(list((folder / "fd").iterdir()))

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(30)
        for fd in self._unread or ():
            os.close(fd)
        return code


def wait_until(seen: Callable[[], object], what: str) -> None:
    limit = time.monotonic() + LIMIT_S
    while not seen():
        assert time.monotonic() < limit, f"not seen in {LIMIT_S:g} s: {what}"
        time.sleep(0.2)


def sound_rows(meters: Meters) -> list[tuple[dict[str, Any], list[Any]]]:
    ports = [port for _, name, port in meters.ports if name == "sound"]
    return [device(f"sound{number}", "mbus", port, SOUND_PERIOD_MS, timeout_ms=PATIENCE_MS)
            for number, port in enumerate(ports)]  # fmt: skip


def hostile_rows(meters: Meters) -> list[tuple[dict[str, Any], list[Any]]]:
    return [device(f"{protocol}_{name}", protocol, port, HOSTILE_PERIOD_MS)
            for protocol, name, port in meters.ports if name != "sound"]  # fmt: skip


def lost(meters: Meters, daemon: Daemon) -> int:
    """How many answers of sound meters did not become readings, beyond the one each that may be under way."""
    asked = meters.asked()
    good = daemon.good()  # what is written by now: to go through all of it takes a while
    return sum(max(0, count - 1 - good[f"sound{number}"]) for number, count in enumerate(asked))


def believed(daemon: Daemon) -> list[str]:
    """Hostile meters whose values were called good."""
    given = [alias for alias in daemon.good() if not alias.startswith("sound")]
    return sorted(alias for alias in given if alias.partition("_")[2] not in ANSWER_WELL)


def hostile(folder: Path, seconds: float, unread: bool) -> list[str]:
    """What is to be said of it; lines that begin with FAIL are not as they must be."""
    meters, others = Meters(), Meters()
    sound_alone = Daemon(folder / "alone", sound_rows(others))
    daemon = Daemon(folder / "beside", [*sound_rows(meters), *hostile_rows(meters)], unread)
    try:
        wait_until(lambda: all(daemon.good()[f"sound{number}"] for number in range(SOUND)), "all sound meters read")
        begun, before = time.monotonic(), daemon.good()
        alone_before = sound_alone.good()
        time.sleep(seconds / 3)
        early = daemon.size()
        time.sleep(seconds * 2 / 3)
        elapsed, after, late = time.monotonic() - begun, daemon.good(), daemon.size()
        alone = sound_alone.good()
        missing, wrong = lost(meters, daemon), believed(daemon)
        unheard = sorted({row["device_alias"] for row in daemon.devices} - {row["device"] for row in daemon.rows()})
    finally:
        codes = [daemon.stop(), sound_alone.stop()]
        meters.close()
        others.close()
    due = SOUND * elapsed * 1000 / SOUND_PERIOD_MS
    cadence, control = (
        sum(later[f"sound{number}"] - earlier[f"sound{number}"] for number in range(SOUND)) / due * 100
        for later, earlier in ((after, before), (alone, alone_before))
    )
    long = seconds >= LONG_S
    grown = (long and late[0] - early[0] > MOST_GROWTH_KB, long and late[1] > early[1] + SOUND)
    return [
        f"{elapsed:.0f} s beside {len(meters.ports) - SOUND} hostile meters: {cadence:.1f} % of the cadence of sound "
        f"ones ({control:.1f} % of it where they are alone)",
        f"{'FAIL ' if long and unheard else ''}nothing was said of: {', '.join(unheard) or 'none'}",
        f"{'FAIL ' if missing else ''}answers of sound meters that became no reading: {missing}",
        f"{'FAIL ' if wrong else ''}hostile meters believed: {', '.join(wrong) or 'none'}",
        f"{'FAIL ' if grown[0] else ''}resident {early[0]} kB after a third, {late[0]} kB at the end",
        f"{'FAIL ' if grown[1] else ''}descriptors {early[1]}, {late[1]}",
        f"{'FAIL ' if any(codes) else ''}ended with {codes}",
    ]


def descriptors(folder: Path, seconds: float) -> list[str]:
    """More sound meters than descriptors: all are read, in turn."""
    meters = Meters(MANY)
    daemon = Daemon(folder / "few", [device(row["device_alias"], "mbus", row["port"], 10_000) for row, _ in
                                     sound_rows(meters)], descriptors=FEW_DESCRIPTORS)  # fmt: skip
    try:
        wait_until(lambda: len(daemon.good()) == MANY, "all read")
        time.sleep(seconds)
        rows, missing, open_ones = daemon.rows(), lost(meters, daemon), daemon.size()[1]
    finally:
        code = daemon.stop()
        meters.close()
    bad = sum(row["quality"] != "good" for row in rows)
    return [
        f"{'FAIL ' if bad else ''}{MANY} meters in {FEW_DESCRIPTORS} descriptors: {len(rows)} readings, {bad} of them "
        f"not good; {open_ones} open",
        f"{'FAIL ' if missing else ''}answers that became no reading: {missing}",
        f"{'FAIL ' if code else ''}ended with {code}",
    ]


PARTS: dict[str, Callable[[Path, float], list[str]]] = {
    "hostile": lambda folder, seconds: hostile(folder, seconds, unread=False),
    "unread": lambda folder, seconds: hostile(folder, seconds, unread=True),
    "descriptors": lambda folder, seconds: descriptors(folder, min(seconds, 60.0)),
}


def run(part: str, seconds: float) -> list[str]:
    with tempfile.TemporaryDirectory(prefix="meterd-hostile-") as folder:
        return PARTS[part](Path(folder), seconds)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak.hostile")
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}")
    arguments = parser.parse_args()
    failed = False
    for part in arguments.parts or PARTS:
        for line in run(part, arguments.seconds):
            failed = failed or line.startswith("FAIL")
            print(f"{part}: {line}", flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
