"""What reading costs on the gateway's own processor, in instructions: exact, repeatable, without the hardware.

`python -m tools.gateway.prove.instructions` runs the daemon from its packages on an emulated 24Kc and prints: from the
start of the process to the first byte sent, with meters of every protocol over TCP, and with two serial ports (ptys)
and two TCP meters; and per register of a DLMS meter read over TCP and published as JSON on stdout, with one request for
each register and with lists, as what further registers add to a scan; and what a scan costs besides its registers, as
what is left of one in lists. `--reading` leaves the starts out. What is counted is all user code, the kernel's own work
aside; two readings each, of which the dearer is judged.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

from ..build.cache import ToolMissing, made, program, run
from ..build.machines import MACHINES
from ..package import packages
from . import gateway_root
from .gateway_root import in_root
from .service import interpreter
from .sites import Meters, as_uci, every_protocol, many_registers, spread, two_and_two

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Row = tuple[str, list[float], int]

# System calls of Linux on MIPS o32 that put bytes on a line: write, send, sendto; not those to stdout and stderr.
SENDING = (4004, 4178, 4180)
STDERR = 2
MACHINE = MACHINES["mips_24kc"]
EMULATOR = "qemu-mips"
MOST_TO_FIRST_BYTE = 120_000_000
# Of a scan 60,000 are wanted, as benchmarks.gateway_reading says.
MOST_SINGLY, MOST_LISTED, MOST_BESIDES = 18_300, 10_000, 60_000
# As a UCI file, what a thousand signals cost more than ten, from the start to the first byte.
FEW, MANY = 10, 1000
MOST_MORE = 150_000_000
REGISTERS = 40
SCANS = 10
PATIENCE_S = 120.0
_MARK = re.compile(r"instructions \d+ (\d+) (\d+)\n")
CONFIGURATION = "etc/meterd/meterd.json"
WORDS = ["/usr/lib/meterd/service", "run", "-d", "4", "--state", "/tmp/state", "-c", f"/{CONFIGURATION}"]
_READING = re.compile(r'"signal":"[^_].*"quality":"good"')


def plugin() -> Path:
    """The counting plugin, compiled. Raises: ToolMissing."""
    source = Path(__file__).with_name("instructions.c")

    def make(folder: Path) -> None:
        compiler = program("gcc", "gcc")
        run("plugin.log", compiler, "-O2", "-Wall", "-shared", "-fPIC", source, "-o", folder / "instructions.so")

    return made("plugin", {"source": source.read_text()}, make) / "instructions.so"


def _never(text: str) -> bool:
    return False


def output_of(
    root: Path,
    command: list[str],
    seconds: float,
    marked: tuple[int, ...] = SENDING,
    enough: Callable[[str], bool] = _never,
) -> str:
    """Run a command in the root for so long, or until what was said is `enough`; returns what it and the plugin said.

    The plugin prints its count before each of the system calls `marked`.
    """
    emulator = program(EMULATOR, "qemu-user")
    _dynamic(root, Path(emulator))
    shutil.copy(plugin(), root / "instructions.so")
    output = root / "tmp" / "counts"
    # The same addresses and hashes each time, so the same count.
    words = ["/bin/setarch", "-R", "/usr/bin/" + EMULATOR, "-cpu", "24Kc"]
    marks = ",".join(f"mark={number}" for number in dict.fromkeys(marked))
    words += ["-plugin", f"/instructions.so,{marks}", "-E", "PYTHONHASHSEED=0", *command]
    with open(output, "wb") as file:
        process = subprocess.Popen(words, stdout=file, stderr=file, preexec_fn=in_root(root), env={"PATH": "/bin"})
        end = time.monotonic() + seconds
        while time.monotonic() < end and process.poll() is None and not enough(output.read_text(errors="replace")):
            time.sleep(0.2)
        process.terminate()
        process.wait(60)
    return output.read_text(errors="replace")


def counted(root: Path, words: list[str], wanted: int = 0) -> list[tuple[int, int]]:
    """Run the daemon in the root until so many good readings are out, or the first byte is.

    Returns: (instructions, good readings) up to each of its sends. Raises: RuntimeError with what it said, if they do
    not come within PATIENCE_S.
    """

    def enough(text: str) -> bool:
        sends = _sends(text)
        return bool(sends) and sends[-1][1] >= wanted

    text = output_of(root, [*interpreter(root, words[0]), *words], PATIENCE_S, enough=enough)
    if not enough(text):
        raise RuntimeError(f"the daemon did not come so far; it said:\n{text}")
    return _sends(text)


def first_bytes(text: str) -> list[int]:
    """Instructions up to the first byte to each descriptor, as they come."""
    found: dict[str, int] = {}
    for mark in _MARK.finditer(text):
        if int(mark[1]) > STDERR:
            found.setdefault(mark[1], int(mark[2]))
    return list(found.values())


def _sends(text: str) -> list[tuple[int, int]]:
    """(instructions, good readings) up to each send; a mark may stand in the middle of a line of readings."""
    sends = []
    said, readings, start = "", 0, 0
    for found in _MARK.finditer(text):
        said += text[start : found.start()]
        start = found.end()
        whole, newline, rest = said.rpartition("\n")
        if newline:
            readings += len(_READING.findall(whole))
            said = rest
        if int(found[1]) > STDERR:
            sends.append((int(found[2]), readings))
    return sends


def _dynamic(root: Path, emulator: Path) -> None:
    """Only the dynamically linked emulator takes plugins: bring its libraries, and setarch, into the root."""
    for found in (emulator, Path(program("setarch", "util-linux"))):
        place = root / ("usr/bin" if found == emulator else "bin") / found.name
        place.unlink(missing_ok=True)
        shutil.copy(found, place)
        listing = subprocess.run(["ldd", found], capture_output=True, text=True, check=True).stdout
        for library in re.findall(r"(/\S+) \(", listing):
            target = root / library.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            if not target.exists():
                shutil.copy(library, target)


@contextmanager
def ptys(root: Path) -> Iterator[None]:
    """This machine's ptys within the root. Raises: ToolMissing without the right to mount."""
    place = root / "dev" / "pts"
    place.mkdir(exist_ok=True)
    if subprocess.run(["mount", "--bind", "/dev/pts", place], check=False).returncode:
        raise ToolMissing("ptys in a root take the right to mount")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", place], check=True)


def per_scan(sends: list[tuple[int, int]], registers: int) -> float:
    """Instructions for each scan, from the middle of the run to its end: what comes once is over by then."""
    begins = {readings: count for count, readings in reversed(sends) if readings and not readings % registers}
    marks = sorted(begins)
    middle, last = marks[len(marks) // 2], marks[-1]
    return (begins[last] - begins[middle]) / ((last - middle) / registers)


def reading_costs(
    meters: Meters, lists: str, run: Callable[[object, int], list[tuple[int, int]]]
) -> tuple[float, float]:
    """Instructions per register, as what further registers add to a scan, and for a scan without any."""
    few, many = (
        per_scan(run(many_registers(meters, lists, registers), SCANS * registers), registers)
        for registers in (REGISTERS, 2 * REGISTERS)
    )
    each = (many - few) / REGISTERS
    return each, few - REGISTERS * each


@contextmanager
def installed() -> Iterator[Path]:
    """A gateway's root with the packages that reading takes. Raises: ToolMissing."""
    program(EMULATOR, "qemu-user")
    with tempfile.TemporaryDirectory() as place:
        root = Path(place) / "root"
        gateway_root.create(root, MACHINE, packages.write(MACHINE), ["meterd", "meterd-elgama"])
        os.makedirs(root / "var" / "run" / "meterd", exist_ok=True)
        yield root


def main() -> int:
    try:
        with installed() as root:
            rows = [] if "--reading" in sys.argv else start_rows(root)
            rows += reading_rows(root)
    except ToolMissing as missing:
        print(f"instructions are not counted: {missing}")
        return 0
    for what, found, most in rows:
        verdict = f"at most {most:,}: {'met' if max(found) <= most else 'MISSED'}"
        print(f"{what}: {', '.join(f'{figure:,.0f}' for figure in found)} instructions ({verdict})")
    return int(any(max(found) > most for _, found, most in rows))


def _first_byte(root: Path, words: list[str]) -> float:
    kept = root / "tmp" / "state"
    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir()
    return float(counted(root, words)[0][0])


def _serial_start(root: Path, words: list[str], configuration: Path) -> list[int]:
    """Instructions up to the first byte of each of four lines, two of them serial."""
    meters = Meters()

    def enough(text: str) -> bool:
        return len(first_bytes(text)) >= len(content["devices"])

    try:
        with ptys(root), tempfile.TemporaryDirectory() as place:
            content = two_and_two(meters, Path(place))
            configuration.write_text(json.dumps(content))
            text = output_of(root, [*interpreter(root, words[0]), *words], PATIENCE_S, enough=enough)
    finally:
        meters.stop()
    if not enough(text):
        raise RuntimeError(f"the daemon did not come so far; it said:\n{text}")
    return first_bytes(text)


def start_rows(root: Path) -> list[Row]:
    """From the start to the first byte sent."""
    configuration = root / CONFIGURATION
    serial = _serial_start(root, WORDS, configuration)
    print(f"first bytes of two serial and two TCP lines: {', '.join(f'{count:,}' for count in serial)}")
    meters = Meters()
    try:
        configuration.write_text(json.dumps(every_protocol(meters)))
        first = [_first_byte(root, WORDS) for _ in range(2)]
        again = [float(counted(root, WORDS)[0][0])]
        by_uci = []
        for signals in (FEW, MANY):
            (root / "etc" / "config" / "meterd").write_text(as_uci(spread(meters, signals)))
            by_uci.append(_first_byte(root, [*WORDS[:-1], "/etc/config/meterd"]))
    finally:
        meters.stop()
    print(f"start to the first byte sent, {FEW} and {MANY:,} signals in UCI: {by_uci[0]:,.0f}, {by_uci[1]:,.0f}")
    return [
        ("start to the first byte sent", first, MOST_TO_FIRST_BYTE),
        ("the same with what an earlier run left behind", again, MOST_TO_FIRST_BYTE),
        ("the same with two serial ports and two TCP meters", [float(serial[0])], MOST_TO_FIRST_BYTE),
        (f"what {MANY:,} signals in UCI cost more than {FEW}", [by_uci[1] - by_uci[0]], MOST_MORE),
    ]


def reading_rows(root: Path) -> list[Row]:
    """Per register, and per scan besides its registers."""
    configuration = root / CONFIGURATION
    meters = Meters()

    def run(content: object, wanted: int) -> list[tuple[int, int]]:
        configuration.write_text(json.dumps(content))
        return counted(root, WORDS, wanted)

    try:
        singly, listed = ([reading_costs(meters, lists, run) for _ in range(2)] for lists in ("no", "yes"))
    finally:
        meters.stop()
    what = "per register read and published"
    return [
        (f"{what}, one request each", [each for each, _ in singly], MOST_SINGLY),
        (f"{what}, in lists", [each for each, _ in listed], MOST_LISTED),
        ("a scan besides its registers, in lists", [whole for _, whole in listed], MOST_BESIDES),
    ]


if __name__ == "__main__":
    sys.exit(main())
