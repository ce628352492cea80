"""A site for the page: meters that are well, one that is dead, one that is half configured, and the daemon of them.

For tests that drive a browser and for the pictures of the documentation: `python -m tools.page_site` makes those anew
(docs/pictures/page-*.png). Meters are simulated ones in this process, the daemon is a process as users run it.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from meterd.ports._loop import Loop
from meterd.simulate import iec62056_21, mbus
from meterd.simulate.meter_host import MeterHost

from .browser import Browser, program

ROOT = Path(__file__).parents[1]
PICTURES = ROOT / "docs" / "pictures"
PASSWORD, API_KEY, METER_SECRET = "look after 7 meters", "k3y-of-the-scada-9", "5ecret77"
LIMIT_S = 60.0


class Site:
    """`address` of the page, `folder` with what the daemon wrote, `daemon` its process."""

    def __init__(self, address: str, folder: Path, daemon: subprocess.Popen[str], loop: Loop, host: MeterHost) -> None:
        self.address = address
        self.folder = folder
        self.daemon = daemon
        self.loop = loop
        self.host = host


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def configuration(iec: int, heat: int, page: dict[str, Any], scan_rate_ms: int = 1000) -> dict[str, Any]:
    """A house, a heat meter, and a cellar where nobody answers."""
    iec_row = {"protocol": "IEC 62056-21", "ip": "127.0.0.1", "serialnumber": 0, "scan_rate_ms": scan_rate_ms}
    devices = [
        {"name": "House, ground floor", "device_alias": "house", "port": iec, "password": METER_SECRET, **iec_row},
        {"name": "Cellar, tenant 3", "device_alias": "cellar", "port": free_port(), **iec_row},
        {
            "name": "Heat, boiler room", "device_alias": "heat", "protocol": "mbus tcp", "ip": "127.0.0.1",
            "port": heat, "address": 1, "scan_rate_ms": scan_rate_ms, "timeout_ms": 2000,
        },
    ]  # fmt: skip
    codes = {"house": ("1.8.0", "1.7.0", "32.7.0", "1.8.9"), "cellar": ("1.8.0",)}
    signals = [
        {
            "signal_name": code, "device_alias": alias, "signal_alias": "v" + code.replace(".", "_"),
            "number_type": "DOUBLE", "job_todo": code, "tag_job_todo": code, "log": int(code == "1.7.0"),
        }
        for alias, each in codes.items()
        for code in each
    ]  # fmt: skip
    signals += [
        {"signal_name": f"record {number}", "device_alias": "heat", "signal_alias": f"r{number}",
         "number_type": "DOUBLE", "job_todo": "UD2", "tag_job_todo": str(number)}
        for number in (1, 2)
    ]  # fmt: skip
    return {"devices": devices, "signals": signals, "publish": {"file": {"path": "readings.jsonl"}, "page": page}}


@contextlib.contextmanager
def site(**page: Any) -> Iterator[Site]:
    """The daemon, once its page answers."""
    port = free_port()
    loop = Loop()
    host = MeterHost(loop)
    iec = host.on_tcp(0, iec62056_21.meter(serial="12345678", reaction_ms="20"))
    heat = host.on_tcp(0, mbus.meter())
    thread = threading.Thread(target=loop.run)
    thread.start()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "site.json").write_text(json.dumps(configuration(iec, heat, {"port": port, **page})))
        words = ["run", "-c", "site.json", "--control", str(folder / "control.sock"), "--state", str(folder / "state")]
        with open(folder / "log", "w") as log:
            daemon = subprocess.Popen(
                [sys.executable, "-m", "meterd", *words], cwd=folder, stderr=log, text=True,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
            )  # fmt: skip
        try:
            _wait(daemon, port, folder)
            yield Site(f"http://127.0.0.1:{port}", folder, daemon, loop, host)
        finally:
            daemon.terminate()
            daemon.wait(LIMIT_S)
            loop.call_soon_from_thread(loop.stop)
            thread.join(LIMIT_S)
            host.close()
            loop.close()


def _wait(daemon: subprocess.Popen[str], port: int, folder: Path) -> None:
    deadline = time.monotonic() + LIMIT_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if daemon.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the daemon does not serve: {(folder / 'log').read_text()}") from None
            time.sleep(0.05)


def enter(browser: Browser, address: str) -> None:
    """Give the password, as somebody at a keyboard does."""
    browser.open(address)
    browser.until("document.activeElement !== null && document.activeElement.id === 'password'")
    browser.type(PASSWORD)
    browser.press("Enter", 13)
    browser.until("document.querySelectorAll('[data-device]').length === 3")


def main() -> int:
    path = program()
    if path is None:
        print("chromium is missing: apt install chromium", file=sys.stderr)
        return 2
    with site(password=PASSWORD, api_key=API_KEY) as made, Browser(path) as browser:
        browser.size(1100, 640)
        enter(browser, made.address)
        browser.until("document.querySelectorAll('.ill .try').length >= 2")
        time.sleep(2)
        browser.picture(PICTURES / "page-meters.png")
        browser.size(380, 760, dark=True)
        browser.picture(PICTURES / "page-narrow.png")
        browser.size(1100, 1250)
        browser.run("location.hash = '#/meter/house'")
        browser.until(
            "document.querySelector('#signals svg') !== null && document.querySelector('#frames pre') !== null"
        )
        time.sleep(12)  # a course wants points
        browser.picture(PICTURES / "page-meter.png")
    return 0


if __name__ == "__main__":
    sys.exit(main())
