"""Every page that walks somebody through something is walked: its commands run as they stand, in an empty folder.

A page's `sh` blocks are one script; its blocks with a title are the files that it speaks of. Simulated meters stand
where the page has a port or an address, which are put in their place. The lines that a page says will be shown (`text`
blocks) must be shown: any number may stand for a number, and `…` for whatever is there. `# ends with 10` is what a
command must end with.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from meterd.ports._loop import Loop
from meterd.simulate import dlms, dlms_push, elgama, iec62056_21, mbus
from meterd.simulate.meter_host import MeterHost

from ..unit.test_docs import DOCS, blocks, titled

TTY = "/dev/ttyUSB0"
KEYS = {
    "encryption_key": "000102030405060708090A0B0C0D0E0F",
    "authentication_key": "101112131415161718191A1B1C1D1E1F",
}


HEAD = (iec62056_21, {"serial": "12345678", "password": "abc", "reaction_ms": "20"})
CIPHERED = {"mode": "wrapper", "physical": "1", "logical": "0", "auth": "HighGmac", "security": "both", **KEYS}
# Page → where it has a meter, and which.
# None: they call, and the page begins them itself.
TOURS: dict[str, tuple[str | tuple[str, int], tuple[Any, dict[str, str]] | None]] = {
    "first-meter.md": (TTY, HEAD),
    "troubleshooting.md": (TTY, HEAD),
    "how-to-optical-head-home-assistant.md": (TTY, HEAD),
    "how-to-wcc-lite-workbook.md": (TTY, HEAD),
    "how-to-meter-that-pushes.md": (TTY, (dlms_push, {"form": "values", "interval_ms": "1000"})),
    "how-to-gama300.md": (TTY, (elgama, {"serial": "02141421"})),
    "how-to-forty-mbus-meters.md": (("192.0.2.9", 10001), (mbus, {"meters": "40"})),
    "how-to-cellular-meters.md": (("192.0.2.8", 4059), None),
    "how-to-dlms-keys.md": (("192.0.2.7", 4059), (dlms, CIPHERED)),
}


@pytest.fixture
def place(tmp_path: Path, page: str) -> Iterator[Callable[[str], str]]:
    """Puts the simulated meter of one page in the place of what the page names."""
    loop = Loop()
    host = MeterHost(loop)
    held = socket.socket()  # at its port nobody listens but who is told to
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind(("127.0.0.1", 0))
    where, played = TOURS[page]
    if isinstance(where, str) and played is not None:
        module, options = played
        host.on_pty(str(tmp_path / "tty"), module.meter(**options), module.LINE)
        pattern, instead = re.escape(where) + r"\b", str(tmp_path / "tty")
    else:
        port = held.getsockname()[1] if played is None else host.on_tcp(0, played[0].meter(**played[1]))
        pattern, instead = rf"{re.escape(where[0])}(\W+port\W+|:){where[1]}\b", rf"127.0.0.1\g<1>{port}"
    thread = threading.Thread(target=loop.run)
    thread.start()
    yield lambda text: re.sub(pattern, instead, text)
    loop.call_soon_from_thread(loop.stop)
    thread.join(20)
    host.close()
    loop.close()
    held.close()


def walk(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    script = re.sub(r"^(.*?) +# ends with (\d+)$", r"\1 || test $? -eq \2", script, flags=re.MULTILINE)
    programs = folder / "bin"
    programs.mkdir()
    (programs / "meterd").write_text(f'#!/bin/sh\nexec {sys.executable} -m meterd "$@"\n')
    (programs / "meterd").chmod(0o755)
    environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "STATE_DIRECTORY": str(folder / "kept")}
    return subprocess.run(
        ["bash", "-c", "set -em\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n" + script],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )


@pytest.mark.timeout(300)
@pytest.mark.parametrize("page", sorted(TOURS))
def test_a_page_can_be_walked(page: str, tmp_path: Path, place: Callable[[str], str]) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")
    for name, body in titled(text):
        (tmp_path / name).write_text(place(body), encoding="utf-8")
    outcome = walk(place("\n".join(blocks(text, "sh"))), tmp_path)
    said = outcome.stdout + outcome.stderr
    assert outcome.returncode == 0, said[-3000:]
    for line in "".join(blocks(text, "text")).splitlines():
        assert re.search(shown(line), said), f"{line!r} is not shown:\n{said[-3000:]}"


def shown(line: str) -> str:
    """The pattern of a line that a page promises."""
    pattern = re.sub(r"(\\ )+", r"\\s+", re.escape(line.strip()))
    return re.sub(r"\d+", r"\\d+", pattern).replace("…", ".*")


def test_every_page_with_a_script_is_walked() -> None:
    elsewhere = {"commands.md"}  # tests/system/test_user_view.py
    assert {path.name for path in DOCS.glob("*.md") if blocks(path.read_text("utf-8"), "sh")} == set(TOURS) | elsewhere


def test_a_promise_that_is_not_kept_is_seen() -> None:
    assert re.search(shown("  key          stops here"), "x\n  key     stops here\n")
    assert re.search(shown('meter: set "id": 2141421 (… s)'), 'meter: set "id": 77 (3.1 s)')
    assert not re.search(shown("devices: 1, signals: 20"), "devices: 1, signals: none")
