"""What stands in the documents as a command, and is not walked by tests/system/test_docs_tours.py.

Each simulated meter of the documents is started as it is written there. What a test cannot run is named here, with the
reason, so that the list is seen to grow.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from .test_docs import PAGES, ROOT, commands

# First word of a command that is not meterd → why no test runs it from the documents.
NOT_RUN = {
    "sudo": "installs on the machine",
    "opkg": "OpenWrt; tests/gateway has a stand-in",
    "uci": "OpenWrt; tests/gateway has a stand-in",
    "/etc/init.d/meterd": "OpenWrt; tests/gateway runs the script",
    "/etc/init.d/dlms": "OpenWrt; tests/gateway runs the script",
    "dlms": "the debug program; tests/system runs it",
    "logread": "OpenWrt",
    "ssh": "another machine",
    "scp": "another machine",
    "make": "builds; `.ci/run` and `make gateway` run it",
    "signify-openbsd": "makes keys; tests/gateway signs",
    "mkfs.ext4": "a disk",
    "mount": "a disk",
    "eval": "a disk",
    "reboot": "a machine",
    "journalctl": "systemd",
    "nc": "a socket of a running daemon; tests/unit/test_local_socket.py",
    "python": "tests/unit/test_python_docs.py, tests/fleet/test_consumer.py",
}
# What is indented and no command: files, log lines, parts of configurations.
NO_COMMAND = re.compile(r"""["{#@~<>]|src[-/]|error: |as text|/etc/meterd/profiles/\S+, line """)


def indented(text: str) -> list[str]:
    """The lines of indented blocks."""
    plain = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    found = re.findall(r"\n\n((?: {4}.*\n)+)", plain)
    return [line.strip() for block in found for line in block.splitlines()]


LINES = [(page, line) for page in PAGES for line in indented(page.read_text("utf-8"))]


def test_what_is_not_run_is_named() -> None:
    used = set()
    for page, line in LINES:
        word = line.split()[0]
        if word == "meterd" or NO_COMMAND.match(line):
            continue
        assert word in NOT_RUN, f"{page.name}: {line}"
        used.add(word)
    assert used == set(NOT_RUN), "what no page has any more is still named"


PLACED = re.compile(r"meterd simulate \w.*--(pty|tcp) ")
SIMULATED = sorted({line for page in PAGES for line in commands(page.read_text("utf-8")) if PLACED.match(line)})


@pytest.mark.parametrize("line", SIMULATED)
def test_a_simulated_meter_starts_as_it_is_written(line: str, tmp_path: Path) -> None:
    line = re.sub(r"--pty \S+", "--pty meter", re.sub(r"--tcp \d+", "--tcp 0", line))
    command = [sys.executable, "-m", "meterd", *shlex.split(line)[1:]]
    environment = {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    )
    assert process.stdout is not None
    first = process.stdout.readline()
    process.terminate()
    rest = process.communicate(timeout=60)[0]
    assert "simulated meter on" in first, first + rest


def test_there_are_simulated_meters_in_the_documents() -> None:
    assert len(SIMULATED) >= 5
