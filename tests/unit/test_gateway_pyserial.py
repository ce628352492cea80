"""pyserial as meterd loads it: less is imported, and nothing that it can do is lost."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("serial")

BEGIN = """
import sys
for name in [name for name in sys.modules if name.partition(".")[0] in ("array", "importlib", "os", "serial")]:
    del sys.modules[name]
from meterd.gateway import pyserial
serial = pyserial.load()
"""


def run(program: str) -> str:
    command = [sys.executable, "-c", BEGIN + program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_what_pyserial_hardly_needs_is_not_loaded_and_nothing_stands_in_for_it_afterwards():
    assert run("print([name for name in pyserial.LATER if name in sys.modules])") == "[]"
    program = "import array, importlib; print(array.array('i', [5])[0], importlib.import_module('io').__name__)"
    assert run(program) == "5 io"


def test_pyserial_gets_what_it_asks_for():
    assert run("print(serial.serial_for_url('loop://').portstr)") == "loop://"
    assert run("print(serial.serialposix.array.array('i', [7])[0])") == "7"
    assert run("print(serial.serialposix.os.path.basename('/dev/ttyS0'), serial.os.name)") == "ttyS0 posix"


def test_a_port_is_opened_read_and_closed_without_what_stands_in():
    program = """
import posix
master, slave = __import__("pty").openpty()
before = sys.modules.pop("os")
port = serial.Serial(posix.ttyname(slave), timeout=2, exclusive=True)
posix.write(master, b"meter")
print(port.read(5).decode(), port.write(b"daemon"), posix.read(master, 9).decode(), "os" in sys.modules)
port.close()
print(port.is_open)
"""
    assert run(program) == "meter 6 daemon False\nFalse"


def test_what_is_loaded_already_stays():
    program = "import array; del sys.modules['serial']; pyserial.load(); print(sys.modules['array'] is array)"
    assert run(program) == "True"
