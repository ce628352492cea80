"""`make soak`: no invocation counter is shown twice, whatever ends the daemon and whatever becomes of its folder.

    python -m tests.soak [--kills 1000] [--cuts 1] [--seed 14] [PART…]

Every part starts real processes against one meter that notes what it is shown (`counting_meter`). At the end each part
has one line, and the exit code is 1 if a number was shown twice, if a part did not see what it is about, or if none of
the kills of a whole run hit a save. What cannot be done on this machine (mounts need root) is said.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from .counting_meter import AUTHENTICATION_KEY, ENCRYPTION_KEY, CountingMeter

# How long a killed daemon reads and stops, behind the time that it takes to start here.
RUN_S = 0.3
STOP_S = 0.15
DEVICES = 8  # each on a line of its own, so that they begin at once
ENOUGH_KILLS = 500  # of so many some must have hit a save
NOBODY = 65534


class Site:
    """A meter, a folder, and meterd as users start it."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.random = random.Random(seed)
        self.meter = CountingMeter()
        self.state = folder / "state"
        self.lines: list[str] = []
        self.failed = False
        self.start_s = 0.5

    def configure(self, scan_rate_ms: int = 1, devices: int = DEVICES, **given: object) -> str:
        rows, signals = [], []
        for number in range(devices):
            alias = f"d{number}"
            row = {"name": alias, "device_alias": alias, "protocol": "DLMS", "type": "LN", "mode": "DLMS-WRAPPER",
                   "ip": f"127.0.0.{1 + number}", "port": self.meter.port, "client_address": 1, "physical_address": 1,
                   "security": "both", "system_title": f"4D54520000000{number:03d}", "timeout_ms": 1500,
                   "encryption_key": ENCRYPTION_KEY.hex(), "authentication_key": AUTHENTICATION_KEY.hex(),
                   "scan_rate_ms": scan_rate_ms, "reconnect_time": 0, "retry_counter": 1, **given}  # fmt: skip
            rows.append(row)
            signals.append({"signal_name": "E", "device_alias": alias, "signal_alias": "E",
                            "obis_job": "1.0.1.8.0.255", "class_id": 3})  # fmt: skip
        path = self.folder / "meterd.json"
        path.write_text(json.dumps({"devices": rows, "signals": signals}))
        return str(path)

    def new_state(self, older_counter: int | None = None) -> None:
        """A folder that is empty, or as a version wrote it that kept counters by the device's alias."""
        shutil.rmtree(self.state, ignore_errors=True)
        self.state.mkdir()
        (self.state / "kept").touch()
        if older_counter is not None:
            for number in range(DEVICES):
                (self.state / f"d{number}.state").write_text(json.dumps({"counter": older_counter + number}))

    def begin(self, *words: str, state: Path | None = None, **options: object) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "meterd", *words, "--state", str(state or self.state)]
        if words[0] == "run":
            command += ["--control", str(self.folder / "control.sock")]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)  # type: ignore[call-overload, no-any-return]

    def run_for(self, seconds: float, path: str, state: Path | None = None) -> None:
        daemon = self.begin("run", "-c", path, state=state)
        time.sleep(seconds)
        daemon.kill()
        daemon.communicate()

    def measure_start(self, path: str) -> None:
        """How long it takes on this machine, as busy as it is, from the start to the first APDU."""
        before, begun = self.meter.apdus(), time.monotonic()
        daemon = self.begin("run", "-c", path)
        while self.meter.apdus() == before and time.monotonic() < begun + 20.0:
            time.sleep(0.005)
        self.start_s = time.monotonic() - begun
        daemon.kill()
        daemon.communicate()

    def read(self, path: str, state: Path | None = None) -> str:
        return self.begin("read", "-c", path, state=state).communicate(timeout=60)[0]

    def wait_for_apdus(self, count: int) -> None:
        limit = time.monotonic() + 20.0
        while self.meter.apdus() < count and time.monotonic() < limit:
            time.sleep(0.01)

    def said_until(self, process: subprocess.Popen[str], words: str) -> str:
        """What a process says until it has said that, or for a while; then it is ended."""
        ending = threading.Timer(20.0, process.kill)
        ending.start()
        said = ""
        for line in process.stdout or ():
            said += line
            if words in said:
                break
        ending.cancel()
        process.kill()
        process.communicate()
        return said

    def say(self, text: str, sound: bool) -> None:
        self.lines.append(("      " if sound else "FAIL  ") + text)
        print(self.lines[-1], flush=True)
        self.failed = self.failed or not sound

    def highest(self) -> int:
        return max(number for _, number in self.meter.shown)


def kill_anywhere(site: Site, path: str) -> bool:
    """One life, ended at a random moment of start, run or stop; whether that was inside a save."""
    stop = site.start_s + RUN_S
    moment = site.random.uniform(0.0, stop + STOP_S)
    daemon = site.begin("run", "-c", path)
    if moment > stop:
        time.sleep(stop)
        daemon.send_signal(signal.SIGTERM)
        time.sleep(moment - stop)
    else:
        time.sleep(moment)
    daemon.kill()
    daemon.communicate()
    left = list(site.state.glob("*.new"))
    for each in left:
        each.unlink()
    return bool(left)


def kills(site: Site, count: int, cuts: int) -> None:
    path = site.configure()
    site.new_state()
    hits = 0
    for number in range(count):
        if number % 25 == 0:
            site.measure_start(path)
        if number % 100 == 0:
            print(f"        {number} kills, {hits} inside a save, {site.meter.apdus()} APDUs so far", flush=True)
        hits += kill_anywhere(site, path)
    text = f"{count} × kill -9 over start, run and stop: {hits} inside a save, {site.meter.apdus()} APDUs"
    site.say(text, site.meter.apdus() > count and (hits > 0 or count < ENOUGH_KILLS))


def take_over(site: Site, count: int, cuts: int) -> None:
    """A folder of an older version is taken over, killed meanwhile, and taken over again."""
    path = site.configure()
    site.new_state(older_counter=500)
    site.measure_start(path)
    before = site.meter.apdus()
    for _ in range(max(count // 10, 3)):
        site.new_state(older_counter=site.highest() + 1)
        for _ in range(2):
            site.run_for(site.random.uniform(0.0, site.start_s + RUN_S), path)
        site.run_for(site.start_s + RUN_S, path)
    site.say(f"take-over of older folders, killed twice each: {site.meter.apdus() - before} APDUs",
             site.meter.apdus() > before)  # fmt: skip


def cut_files(site: Site, count: int, cuts: int) -> None:
    """Every file of the folder cut at every byte (or every `cuts`-th), then read, then restored."""
    path = site.configure(devices=1)
    site.new_state()
    site.read(path)
    runs = refused = 0
    for name in sorted(each.name for each in site.state.iterdir()):
        whole = (site.state / name).read_bytes()
        for length in range(0, len(whole), cuts):
            (site.state / name).write_bytes(whole[:length])
            runs += 1
            refused += '"reason":"key"' in site.read(path)
            if name.endswith(".counter"):
                (site.state / name).write_bytes(whole)
    site.say(f"files cut at every byte: {runs} runs, {refused} of them refused (reason key)", 0 < refused < runs)


def two_processes(site: Site, count: int, cuts: int) -> None:
    path = site.configure(scan_rate_ms=20)
    site.new_state()
    daemon = site.begin("run", "-c", path)
    site.wait_for_apdus(1)
    answers = [site.read(path) for _ in range(max(count // 100, 2))]
    doctor = site.begin("doctor", "-c", path, "d0").communicate(timeout=60)[0]
    beside = site.begin("run", "-c", path)
    said = site.said_until(beside, "in use by another meterd")
    daemon.kill()
    daemon.communicate()
    asked = sum('"quality":"good"' in answer for answer in answers)
    refused = "in use by another meterd" in doctor and "in use by another meterd" in said
    site.say(f"two processes on one folder: {asked} of {len(answers)} reads answered by the daemon, others refused",
             refused and asked == len(answers))  # fmt: skip


def lies(site: Site, count: int, cuts: int) -> None:
    """What a liar says in clear, to a client whose record is lost, tries numbers and bricks nothing."""
    path = site.configure(devices=1, scan_rate_ms=20, invocation_counter_obis="0.0.43.1.0.255")
    site.new_state(older_counter=500)
    site.read(path)
    outcomes = []
    for lie in (0, 1 << 32, (1 << 32) + 1, (1 << 32) - 1, (1 << 32) - 40, None):
        site.meter.lie = lie
        for record in site.state.glob("*.counter"):
            record.write_bytes(b"")
        outcomes.append('"quality":"good"' in site.read(path))
        outcomes.append('"quality":"good"' in site.read(path))
    site.say(f"lies in clear at invocation_counter_obis, records lost: good {outcomes}",
             outcomes == [True] * 2 + [False] * 8 + [True] * 2)  # fmt: skip


def unreadable(site: Site, count: int, cuts: int) -> None:
    """A record that its user may not read."""
    path = site.configure(devices=1)
    site.new_state()
    site.read(path)
    record = next(site.state.glob("*.counter"))
    record.rename(record.with_suffix(".away"))
    record.mkdir()
    first = site.read(path)
    record.rmdir()
    refused = ['"reason":"key"' in first, '"reason":"key"' in site.read(path)]
    record.with_suffix(".away").rename(record)
    site.say("a record that cannot be read, and one that is gone: refused, and good again once it is back",
             all(refused) and '"quality":"good"' in site.read(path))  # fmt: skip


def full_and_read_only(site: Site, count: int, cuts: int) -> None:
    """A file system of its own, in a mount name space of this process: full, then read-only, then sound again."""
    path, small = site.configure(scan_rate_ms=5), site.folder / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k,nr_inodes=200", "soak", str(small)]
    if os.geteuid() != 0 or subprocess.run(mount, stderr=subprocess.DEVNULL, check=False).returncode:
        site.say("left out: a full and a read-only file system (mounts need root)", sound=True)
        return
    try:
        state = small / "state"
        state.mkdir()
        seen = []
        for trouble in ("full", "read-only"):
            seen.append(_in_trouble(site, path, small, state, trouble))
        site.say(f"full and read-only file systems, at run time and at the start: {seen} APDUs while in trouble",
                 all(0 < number <= 101 * DEVICES for number in seen))  # fmt: skip
    finally:
        subprocess.run(["umount", "-l", str(small)], check=False)


def _in_trouble(site: Site, path: str, small: Path, state: Path, trouble: str) -> int:
    """How many APDUs a running daemon sends after its file system came into trouble; then two starts in it."""
    before = site.meter.apdus()
    daemon = site.begin("run", "-c", path, state=state)
    site.wait_for_apdus(before + 20)
    filler = small / "filler"
    if trouble == "full":
        with open(filler, "wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(512))
            except OSError:
                pass
    else:
        _remount("ro", small)
    before = site.meter.apdus()
    time.sleep(2.0)
    sent = site.meter.apdus() - before
    daemon.kill()
    daemon.communicate()
    for _ in range(2):
        site.run_for(site.start_s + RUN_S, path, state)
    _remount("rw", small)
    filler.unlink(missing_ok=True)
    site.run_for(site.start_s + 2 * RUN_S, path, state)
    return sent


def _remount(option: str, place: Path) -> None:
    """While somebody just has a file open for writing there, the kernel says that it is busy."""
    words = ["mount", "-o", f"remount,{option}", str(place)]
    for _ in range(1000):
        if not subprocess.run(words, check=False, capture_output=True).returncode:
            return
        time.sleep(0.01)
    subprocess.run(words, check=True)


PARTS: dict[str, Callable[[Site, int, int], None]] = {
    "kills": kills, "take_over": take_over, "cut_files": cut_files, "two_processes": two_processes, "lies": lies,
    "unreadable": unreadable, "full_and_read_only": full_and_read_only,
}  # fmt: skip


def soak(kills: int, cuts: int, seed: int, parts: list[str] | None = None) -> list[str]:
    """Run the parts; what each has to say. Raises: AssertionError, with all of it, where one is not as it must be."""
    said = []
    failed = False
    for name in parts or PARTS:
        with tempfile.TemporaryDirectory(prefix="meterd-soak-") as folder:
            site = Site(Path(folder), seed)
            PARTS[name](site, kills, cuts)
            repeated = site.meter.repeated()
            site.say(f"  {name}: {len(repeated)} repeated {repeated[:3]}", not repeated)
            said += site.lines
            failed = failed or site.failed
    assert not failed, "\n".join(said)
    return said


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak")
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--cuts", type=int, default=1, help="cut at every so many bytes")
    parser.add_argument("--seed", type=int, default=14)
    parser.add_argument("parts", nargs="*", metavar="PART")
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", flush=True)
    try:
        soak(arguments.kills, arguments.cuts, arguments.seed, arguments.parts)
    except AssertionError:
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
