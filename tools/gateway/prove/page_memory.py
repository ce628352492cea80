"""How much memory the daemon takes with store and page, on a 32-bit Python.

`python -m tools.gateway.prove.page_memory`: as `memory` has it (every protocol, 1,000 signals), with store and forward
and the page, of which every view is looked at once, of every device, while two browsers follow. Printed: what is
resident without both, with the page that nobody looks at, and with both looked at. It stands against 24 MB, what a
gateway may spend with its ways out.
"""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any

from ..build.cache import ToolMissing
from .foreign import FOREIGN
from .memory import JUDGED, LEAST_READ, configuration, measured, ready
from .sites import Meters

MOST_RESIDENT_KB = 24 * 1024
LOOKED_AFTER_S = 6.0
LIMIT_S = 30.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Visitor(threading.Thread):
    """Looks at everything once the page is there; `shown` is how many bytes that were, `trouble` what went wrong."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self.shown = 0
        self.trouble = ""
        self._port = port
        self._following: list[socket.socket] = []

    def run(self) -> None:
        time.sleep(LOOKED_AFTER_S)
        try:
            self._look()
        except (OSError, ValueError) as error:
            self.trouble = str(error)

    def _look(self) -> None:
        meters = [row["device"] for row in json.loads(self._fetched("/data/meters"))["meters"]]
        paths = ["/", "/page.js", "/views.js", "/data/place", "/data/events", "/data/configuration", "/metrics"]
        paths += [f"/data/{view}?meter={one}" for one in meters for view in ("meter", "frames", "configuration")]
        for one in meters[:2]:
            self._following.append(self._asked(f"/live?meter={one}"))
        for path in paths:
            self.shown += len(self._fetched(path))

    def _asked(self, path: str) -> socket.socket:
        client = socket.create_connection(("127.0.0.1", self._port), LIMIT_S)
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        return client

    def _fetched(self, path: str) -> bytes:
        with self._asked(path) as client:
            whole = b"".join(iter(lambda: client.recv(1 << 16), b""))
        head, _, body = whole.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200 "):
            raise ValueError(f"{path}: {head.decode()}")
        return body


def cases(folder: Path, port: int) -> dict[str, dict[str, Any]]:
    store = {"store": {"path": str(folder / "kept.store")}, "handover": {"path": str(folder / "handover.sock")}}
    return {
        "reading alone": {},
        "with the page, at which nobody looks": {"page": {"port": port}},
        "with store and page, looked at": {**store, "page": {"port": port}},
    }


def main() -> int:
    meters, port = Meters(), free_port()
    missed = 0
    try:
        with ready(FOREIGN[JUDGED]) as (folder, words):
            for what, publish in cases(folder, port).items():
                visitor = Visitor(port) if "looked at" in what else None
                if visitor is not None:
                    visitor.start()
                found = {**configuration(meters), "publish": {"stdout": "json", **publish}}
                figures, good = measured(folder, words, found)
                resident_kb = sum(whole for whole, _ in figures.values())
                seen = ""
                if visitor is not None:
                    visitor.join(LIMIT_S)
                    seen = f"; {visitor.shown:,} bytes of it were looked at {visitor.trouble}"
                    missed += bool(visitor.trouble) or not visitor.shown
                print(f"{what}: {resident_kb:,} kB resident on {JUDGED}, {good:,} signals read{seen}")
                missed += good < LEAST_READ or resident_kb > MOST_RESIDENT_KB
    except ToolMissing as missing:
        print(f"memory is not measured: {missing}")
        return 0
    finally:
        meters.stop()
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
