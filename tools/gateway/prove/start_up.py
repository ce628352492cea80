"""Where the instructions of a start go, up to the first byte of the last protocol.

`python -m tools.gateway.prove.start_up [serial]` runs the daemon from its packages on an emulated 24Kc, with meters of
every protocol over TCP (`serial`: two on serial ports, two over TCP), and prints a table: each import and each phase
within what it is part of, with all that it took and what it took itself, and the first byte to each descriptor (a line,
a state file, and at last the pipe that wakes the loop when the run is ended). Costs of the probes are left out.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from pathlib import Path

from ..build.byte_code import byte_code
from ..build.cache import ToolMissing, program
from ..build.toolchain import PYTHON
from ..package import packages
from . import gateway_root
from .instructions import (
    EMULATOR,
    MACHINE,
    PATIENCE_S,
    SENDING,
    STDERR,
    first_bytes,
    output_of,
    ptys,
)  # fmt: skip
from .sites import Meters, every_protocol, two_and_two

LEAST = 50_000  # own instructions of a row, or of one below it, that is worth a line
PROBE = Path(__file__).with_name("start_up_probe.py")
_COUNT = re.compile(r"instructions (\d+) (\d+) (\d+)$")


class Row:
    """One import or phase: `whole` instructions, of which `own` in no row below it; `rows` those below."""

    def __init__(self, name: str, begin: int) -> None:
        self.name = name
        self.begin = begin
        self.whole = 0
        self.rows: list[Row] = []

    def own(self) -> int:
        return self.whole - sum(row.whole for row in self.rows)

    def is_worth_a_line(self) -> bool:
        return not self.whole or self.own() >= LEAST or any(row.is_worth_a_line() for row in self.rows)

    def lines(self, depth: int = 0) -> list[str]:
        if not self.is_worth_a_line():
            return []
        name = "  " * depth + self.name
        if not self.whole:
            return [f"{'':21} {name}"]
        head = f"{self.whole / 1e6:10.2f} {self.own() / 1e6:10.2f} {name}"
        return [head] + [line for row in self.rows for line in row.lines(depth + 1)]


def table(text: str) -> Row:
    """What the probes and the plugin said, as a tree."""
    top = Row("start", 0)
    stack = [top]
    count = probing = entered = 0
    sent: set[int] = set()
    for line in text.splitlines():
        found = _COUNT.search(line)
        if found:
            number, fd, count = (int(part) for part in found.groups())
            if number in SENDING and fd > STDERR and fd not in sent:
                sent.add(fd)
                stack[-1].rows.append(
                    Row(f"--- descriptor {fd}: first byte at {(count - probing) / 1e6:.2f} million", 0)
                )
                top.whole = count - probing
        elif line == "@begin":
            interpreter = Row("interpreter", 0)
            interpreter.whole = count
            top.rows.append(interpreter)
        elif line in ("@enter", "@out"):
            entered = count
            if line == "@out" and len(stack) > 1:
                row = stack.pop()
                row.whole = count - probing - row.begin
        elif line == "@leave":
            probing += count - entered
        elif line.startswith("@in "):
            probing += count - entered
            row = Row(line[4:], count - probing)
            stack[-1].rows.append(row)
            stack.append(row)
    top.whole = top.whole or count - probing
    return top


def up_to_the_last_first_byte(top: Row) -> list[str]:
    lines = top.lines()
    last = max((number for number, line in enumerate(lines) if "first byte" in line), default=len(lines))
    return lines[: last + 1]


def main(arguments: list[str]) -> int:
    try:
        program(EMULATOR, "qemu-user")
        with tempfile.TemporaryDirectory() as place:
            root = Path(place) / "root"
            gateway_root.create(root, MACHINE, packages.write(MACHINE), ["meterd", "meterd-elgama"])
            (root / "var" / "run" / "meterd").mkdir(parents=True, exist_ok=True)
            [content] = byte_code({"/tmp/start_up.py": PROBE}, (), PYTHON).values()
            (root / "tmp" / "start_up.pyc").write_bytes(content)
            meters = Meters()
            try:
                content = two_and_two(meters, Path(place)) if "serial" in arguments else every_protocol(meters)
                (root / "etc" / "meterd" / "meterd.json").write_text(json.dumps(content))
                words = ["run", "-d", "4", "--state", "/tmp", "-c", "/etc/meterd/meterd.json"]
                command = [f"/usr/bin/python{PYTHON}", "-SP", "/tmp/start_up.pyc", *words]
                with ptys(root):
                    lines = len(content["devices"])
                    text = output_of(root, command, PATIENCE_S, enough=lambda said: len(first_bytes(said)) >= lines)
            finally:
                meters.stop()
    except ToolMissing as missing:
        print(f"instructions are not counted: {missing}")
        return 0
    if "Traceback" in text:
        print(text, file=sys.stderr)
        return 1
    print("  millions       own what")
    print("\n".join(up_to_the_last_first_byte(table(text))))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
