"""A thousand meters that call at once, and callers who mean ill: `python -m tests.strangers.test_calls` prints figures.

The daemon is a process of its own; the callers are of our own making, all in this one.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import resource
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .calling_meter import ENERGY, push, wrapped

METERS = 1000
PATIENCE_S = 60.0
BEAT_S = 0.1
PLACES = itertools.count()
METERD = (sys.executable, "-m", "meterd")


def free_place(kind: int) -> tuple[str, int]:
    """An address that no other process here has: nobody's outgoing connection takes its port in the meantime."""
    process = os.getpid()
    host = f"127.{64 + process % 64}.{process // 64 % 250 + 1}.{next(PLACES) % 250 + 1}"
    with socket.socket(socket.AF_INET, kind) as free:
        free.bind((host, 0))
        return (host, int(free.getsockname()[1]))


def serial(number: int) -> str:
    return f"{70_000_000 + number}"


class Site:
    """A daemon with so many devices whose meters call; `readings` are all that came out of it, `heart` a meter that
    calls from an address of its own and pushes every BEAT_S."""

    def __init__(self, folder: Path, meters: int, transport: str = "tcp") -> None:
        self.folder = folder
        self.sockets: list[socket.socket] = []
        self.kind = socket.SOCK_STREAM if transport == "tcp" else socket.SOCK_DGRAM
        self.place = host, port = free_place(self.kind)
        rows = [
            {"name": serial(number), "device_alias": f"m{number}", "protocol": "DLMS push", "ip": host,
             "port": port, "listen": 1, "framing": "wrapper", "transport": transport,
             "serialnumber": serial(number), "scan_rate_ms": 600_000}
            for number in range(meters + 1)
        ]  # fmt: skip
        signals = [
            {"signal_name": "e", "device_alias": row["device_alias"], "signal_alias": "e", "obis_job": ENERGY}
            for row in rows
        ]
        (folder / "site.json").write_text(json.dumps({"devices": rows, "signals": signals}))
        resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
        with (folder / "log").open("wb") as log:
            self.daemon = subprocess.Popen(
                [*METERD, "run", "-c", str(folder / "site.json"), "--state", str(folder / "state"), "--control",
                 str(folder / "control"), "-R", str(folder / "ready")],
                stdout=subprocess.PIPE, stderr=log,
            )  # fmt: skip
        self.readings: list[dict[str, Any]] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.wait_for(lambda: (folder / "ready").exists())
        self.heart = self.caller("127.0.7.7")
        self._beats = 0
        self.resent = 0
        self._next_beat = 0.0

    def _read(self) -> None:
        assert self.daemon.stdout is not None
        for line in self.daemon.stdout:
            self.readings.append({**json.loads(line), "seen": time.monotonic()})

    def caller(self, address: str = "127.0.0.1") -> socket.socket:
        made = socket.socket(socket.AF_INET, self.kind)
        self.sockets.append(made)
        made.bind((address, 0))
        made.connect(self.place)
        made.setblocking(False)
        return made

    def beat(self) -> None:
        """Where it is time, the heart pushes."""
        now = time.monotonic()
        if now >= self._next_beat:
            self._next_beat = now + BEAT_S
            self._beats += 1
            self.heart.send(push(serial(0), self._beats))

    def wait_for(self, done: Callable[[], object]) -> None:
        limit = time.monotonic() + PATIENCE_S
        while not done():
            assert self.daemon.poll() is None and time.monotonic() < limit, (self.folder / "log").read_text()[-3000:]
            if hasattr(self, "_next_beat"):
                self.beat()
            time.sleep(0.01)

    def good(self, least: int = 1) -> dict[str, int]:
        """Device → its last good value."""
        return {
            one["device"]: one["value"]
            for one in list(self.readings)
            if one["signal"] == "e" and one["quality"] == "good"
        }

    def heard(self) -> int:
        """How often the heart was heard."""
        return sum(one["device"] == "m0" and one["signal"] == "e" for one in list(self.readings))

    def gap_s(self) -> float:
        """The longest between two readings of the heart."""
        times = [one["seen"] for one in list(self.readings) if one["device"] == "m0" and one["signal"] == "e"]
        return max((after - before for before, after in itertools.pairwise(times)), default=PATIENCE_S)

    def memory_kb(self, name: str = "VmRSS") -> int:
        text = Path(f"/proc/{self.daemon.pid}/status").read_text()
        return int(text.partition(f"{name}:")[2].split()[0])

    def status(self) -> dict[str, Any]:
        outcome = subprocess.run(
            [*METERD, "status", "--json", "--control", str(self.folder / "control")], capture_output=True, check=True
        )
        found: dict[str, Any] = json.loads(outcome.stdout)
        return found

    def close(self) -> None:
        for one in self.sockets:
            one.close()
        self.daemon.send_signal(signal.SIGTERM)
        self.daemon.wait(30)
        self._reader.join()
        assert self.daemon.stdout is not None
        self.daemon.stdout.close()


@pytest.fixture
def site(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Site]:
    made = Site(tmp_path, *request.param)
    yield made
    made.close()


def all_at_once(site: Site, meters: int) -> list[socket.socket]:
    """Every meter calls and pushes, from addresses of their own; over UDP until it is heard, as such do."""
    callers = []
    for number in range(1, meters + 1):
        caller = site.caller(f"127.0.{1 + number // 250}.{1 + number % 250}")
        caller.send(push(serial(number), number))
        callers.append(caller)
        site.beat()
    while site.kind == socket.SOCK_DGRAM and len(site.good()) < meters + 1:
        limit = time.monotonic() + 0.5
        site.wait_for(lambda: time.monotonic() > limit or len(site.good()) > meters)  # noqa: B023  # it is over by then
        for number in {int(name[1:]) for name in site.good()} ^ set(range(meters + 1)):
            callers[number - 1].send(push(serial(number), number))
            site.resent += 1
    site.wait_for(lambda: len(site.good()) >= meters + 1)
    return callers


@pytest.mark.timeout(300)
@pytest.mark.parametrize("site", [(METERS, "tcp"), (METERS, "udp")], indirect=True)
def test_a_thousand_meters_call_at_once(site: Site) -> None:
    site.wait_for(lambda: site.good())
    before = site.memory_kb()
    callers = all_at_once(site, METERS)
    values = site.good()
    assert {values[f"m{number}"] == number for number in range(1, METERS + 1)} == {True}
    assert site.memory_kb() - before < 32 * METERS, "32 kB for each at most"
    heard = site.heard()
    site.wait_for(lambda: site.heard() > heard)  # another meter is not starved
    for caller in callers:
        caller.close()


# ---- who means ill


def loris(site: Site) -> list[socket.socket]:
    """Connections that say one octet after the other of a telegram that never ends."""
    return [site.caller() for _ in range(300)]


def loris_goes_on(site: Site, callers: list[socket.socket], turn: int) -> None:
    octet = (b"\x00\x01\x00\x01\x00\x66\xff\xff" + bytes(1000))[turn : turn + 1]
    for caller in callers:
        with contextlib.suppress(OSError):
            caller.send(octet)


def halves(site: Site) -> list[socket.socket]:
    """Telegrams of 64 kB, of which the last octet never comes."""
    return [site.caller() for _ in range(60)]


def halves_go_on(site: Site, callers: list[socket.socket], turn: int) -> None:
    whole = wrapped(b"\x0f" + bytes(65_000))[:-1]
    for caller in callers:
        with contextlib.suppress(OSError):
            caller.send(whole[turn * 4000 : (turn + 1) * 4000])


def flood(site: Site) -> list[socket.socket]:
    """Telegrams of strangers, as fast as they are taken."""
    return [site.caller() for _ in range(8)]


def flood_goes_on(site: Site, callers: list[socket.socket], turn: int) -> None:
    for number, caller in enumerate(callers):
        with contextlib.suppress(OSError):
            caller.send(b"".join(push(f"X{turn}-{number}-{each}", 1) for each in range(200)))


def never_reads(site: Site) -> list[socket.socket]:
    """Confirmed pushes of a known meter, whose answers nobody takes."""
    return [site.caller() for _ in range(4)]


def never_reads_on(site: Site, callers: list[socket.socket], turn: int) -> None:
    for number, caller in enumerate(callers, 1):
        with contextlib.suppress(OSError):
            caller.send(push(serial(number), 7, confirmed=True) * 500)


def many(site: Site) -> list[socket.socket]:
    """More connections than anybody needs, and as many again."""
    return []


def many_go_on(site: Site, callers: list[socket.socket], turn: int) -> None:
    for _ in range(100):
        with contextlib.suppress(OSError):
            callers.append(site.caller())


def rubbish(site: Site) -> list[socket.socket]:
    """Anything at all."""
    return [site.caller() for _ in range(8)]


def rubbish_goes_on(site: Site, callers: list[socket.socket], turn: int) -> None:
    for number, caller in enumerate(callers):
        try:
            caller.send(os.urandom(4000))
        except BlockingIOError:
            pass
        except OSError:
            caller.close()
            callers[number] = site.caller()


HOSTILE: dict[str, tuple[Callable[[Site], list[socket.socket]], Callable[[Site, list[socket.socket], int], None]]] = {
    "loris": (loris, loris_goes_on),
    "halves": (halves, halves_go_on),
    "flood": (flood, flood_goes_on),
    "never_reads": (never_reads, never_reads_on),
    "many": (many, many_go_on),
    "rubbish": (rubbish, rubbish_goes_on),
}
TURNS = 40


def torment(site: Site, how: str) -> None:
    """TURNS times, and the heart beats on meanwhile."""
    begin, go_on = HOSTILE[how]
    callers = begin(site)
    for turn in range(TURNS):
        go_on(site, callers, turn)
        limit = time.monotonic() + 0.05
        while time.monotonic() < limit:
            site.beat()
            select.select([], [], [], 0.01)
    for caller in callers:
        caller.close()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("how", HOSTILE)
@pytest.mark.parametrize("site", [(20, "tcp")], indirect=True)
def test_who_means_ill_starves_nobody(site: Site, how: str) -> None:
    site.wait_for(lambda: site.good())
    before = site.memory_kb("VmHWM")
    torment(site, how)
    callers = all_at_once(site, 20)
    site.wait_for(lambda: site.good().get("m0") == site._beats)
    assert {site.good()[f"m{number}"] for number in range(1, 21)} <= set(range(1, 21)) | {7}
    assert site.memory_kb("VmHWM") - before < 40_000
    assert len(site.status()["callers"]) <= 32
    for caller in callers:
        caller.close()


def main() -> None:
    print("| what | longest gap of another meter, ms | memory, MB | most, MB |\n|---|---|---|---|")
    for transport in ("tcp", "udp"):
        with tempfile.TemporaryDirectory() as folder:
            site = Site(Path(folder), METERS, transport)
            site.wait_for(lambda site=site: site.good())  # type: ignore[misc]
            before, begun = site.memory_kb(), time.monotonic()
            callers = all_at_once(site, METERS)
            took = time.monotonic() - begun
            what = f"{METERS} meters call at once ({transport}), all received after {took:.1f} s"
            what += f", {site.resent} of them sent again" * bool(site.resent)
            print(f"| {what} | {site.gap_s() * 1000:.0f} | {before / 1000:.1f} → {site.memory_kb() / 1000:.1f} "
                  f"| {site.memory_kb('VmHWM') / 1000:.1f} |")  # fmt: skip
            for caller in callers:
                caller.close()
            site.close()
    for how, (begin, _) in HOSTILE.items():
        with tempfile.TemporaryDirectory() as folder:
            site = Site(Path(folder), 20)
            site.wait_for(lambda site=site: site.good())  # type: ignore[misc]
            before = site.memory_kb()
            torment(site, how)
            site.wait_for(lambda site=site: site.good().get("m0") == site._beats)  # type: ignore[misc]
            print(f"| {(begin.__doc__ or how).strip('.')} | {site.gap_s() * 1000:.0f} | {before / 1000:.1f} → "
                  f"{site.memory_kb() / 1000:.1f} | {site.memory_kb('VmHWM') / 1000:.1f} |")  # fmt: skip
            site.close()


if __name__ == "__main__":
    main()
