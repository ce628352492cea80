"""What reading costs on the gateway's own processor, in instructions: exact, repeatable, without the hardware.

`python -m tools.gateway.prove.instructions` runs the daemon from its packages on an emulated 24Kc and prints: from the
start of the process to the first byte sent, with meters of every protocol over TCP, and with two serial ports (ptys)
and two TCP meters; and per register of a DLMS meter read over TCP and published as JSON on stdout, with one request for
each register and with lists, as what further registers add to a scan. What is counted is all user code, the kernel's
own work aside.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

from ..build.cache import ToolMissing, made, program, run
from ..build.compiled import PROJECT
from ..build.machines import MACHINES
from ..package import packages
from . import gateway_root
from .gateway_root import in_root
from .service import interpreter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# System calls of Linux on MIPS o32 that put bytes on a line: write, send, sendto; not those to stdout and stderr.
SENDING = (4004, 4178, 4180)
STDERR = 2
MACHINE = MACHINES["mips_24kc"]
EMULATOR = "qemu-mips"
MOST_TO_FIRST_BYTE = 120_000_000
MOST_PER_READ = 20_000
# As a UCI file, what a thousand signals cost more than ten, from the start to the first byte.
FEW, MANY = 10, 1000
MOST_REGISTERS = 250
MOST_MORE = 150_000_000
REGISTERS = 40
SCANS = 10
PATIENCE_S = 120.0
_MARK = re.compile(r"instructions \d+ (\d+) (\d+)\n")
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


class Meters:
    """Simulated meters on free TCP ports and ptys of this machine."""

    def __init__(self) -> None:
        self._processes: list[subprocess.Popen[bytes]] = []

    def start_on_pty(self, place: Path, *words: str) -> str:
        """`place` becomes a link to the pty; returns the pty's own path."""
        command = [sys.executable, "-m", "meterd.cli.main", "simulate", words[0], "--pty", str(place), *words[1:]]
        self._processes.append(subprocess.Popen(command, cwd=PROJECT, stderr=subprocess.DEVNULL))
        for _ in range(200):
            if place.is_symlink():
                return str(place.resolve())
            time.sleep(0.05)
        raise RuntimeError(f"the simulated meter {words} did not come up")

    def start(self, *words: str) -> int:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port: int = free.getsockname()[1]
        command = [sys.executable, "-m", "meterd.cli.main", "simulate", words[0], "--tcp", str(port), *words[1:]]
        self._processes.append(subprocess.Popen(command, cwd=PROJECT, stderr=subprocess.DEVNULL))
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                return port
            except OSError:
                time.sleep(0.05)
        raise RuntimeError(f"the simulated meter {words} did not come up")

    def stop(self) -> None:
        for process in self._processes:
            process.terminate()
            process.wait()


def every_protocol(meters: Meters) -> dict[str, list[dict[str, object]]]:
    """A configuration with a meter of each protocol that there is, each of two signals."""
    port = meters.start("iec62056-21", "reaction_ms=0")
    wrapper = meters.start("dlms", "mode=wrapper")
    mbus = meters.start("mbus", "kind=heat")
    devices: list[dict[str, object]] = [
        {"name": "i", "device_alias": "i", "protocol": "IEC 62056-21", "ip": "127.0.0.1", "port": port,
         "serialnumber": 0},
        {"name": "d", "device_alias": "d", "protocol": "DLMS", "ip": "127.0.0.1", "port": wrapper, "type": "LN",
         "mode": "DLMS-WRAPPER", "client_address": 16, "logical_address": 1},
        {"name": "m", "device_alias": "m", "protocol": "mbus tcp", "ip": "127.0.0.1", "port": mbus, "address": "1",
         "timeout_ms": 1000},
    ]  # fmt: skip
    jobs: dict[str, list[tuple[str, str | None]]] = {
        "i": [("1.8.0", "1.8.0"), ("2.8.0", "2.8.0")],
        "d": [("1.0.1.8.0.255", None), ("0.0.96.1.0.255", None)],
        "m": [("", "0"), ("", "1")],
    }
    signals: list[dict[str, object]] = []
    for alias, rows in jobs.items():
        for number, (job, tag) in enumerate(rows):
            row: dict[str, object] = {"signal_name": "s", "device_alias": alias, "signal_alias": f"{alias}{number}"}
            row |= {"obis_job": job} if tag is None else {"job_todo": job, "tag_job_todo": tag, "number_type": "DOUBLE"}
            signals.append(row)
    if (PROJECT / "meterd" / "protocols" / "elgama").is_dir():
        devices.append({"name": "e", "device_alias": "e", "protocol": "Elgama", "ip": "127.0.0.1", "port": port,
                        "id": 12345678, "meter_model": 2, "timeout_ms": 1000})  # fmt: skip
        signals.append({"signal_name": "s", "device_alias": "e", "signal_alias": "e0", "number_type": "DOUBLE",
                        "job_todo": "1.8.0", "tag_job_todo": "1.8.0"})  # fmt: skip
    return {"devices": devices, "signals": signals}


def two_and_two(meters: Meters, place: Path) -> dict[str, list[dict[str, object]]]:
    """A configuration with a meter on each of two serial ports, and two over TCP; `place` is a folder for the ptys."""
    optical = meters.start_on_pty(place / "optical", "iec62056-21", "reaction_ms=0")
    bus = meters.start_on_pty(place / "bus", "mbus", "kind=heat")
    found = every_protocol(meters)
    serial = {"i": {"device": optical, "baudrate": 300, "databits": 7, "parity": "EVEN"},
              "m": {"device": bus, "baudrate": 2400, "parity": "EVEN", "protocol": "mbus serial"}}  # fmt: skip
    for row in found["devices"]:
        if row["device_alias"] in serial:
            del row["ip"], row["port"]
            row |= serial[str(row["device_alias"])]
    return found


def many_registers(meters: Meters, lists: str, registers: int) -> dict[str, list[dict[str, object]]]:
    """A configuration with one DLMS meter over TCP whose association stays open; `lists` is `no` where each register
    needs its own request.
    """
    port = meters.start("dlms", "mode=wrapper", f"registers={registers}", f"lists={lists}")
    device = {"name": "d", "device_alias": "d", "protocol": "DLMS", "ip": "127.0.0.1", "port": port, "type": "LN",
              "mode": "DLMS-WRAPPER", "client_address": 16, "logical_address": 1, "scan_rate_ms": 500,
              "keep_open": 1}  # fmt: skip
    signals: list[dict[str, object]] = [
        {"signal_name": "s", "device_alias": "d", "signal_alias": f"s{number}", "obis_job": f"1.0.1.8.{number}.255:2"}
        for number in range(1, registers + 1)
    ]
    return {"devices": [device], "signals": signals}


def as_uci(configuration: dict[str, list[dict[str, object]]]) -> str:
    """The same in the words of /etc/config/meterd."""
    lines = []
    for part, section, name in (("devices", "device", "device_alias"), ("signals", "signal", "signal_alias")):
        for row in configuration[part]:
            lines.append(f"config {section} '{row[name]}'")
            lines += [f"\toption {option} '{value}'" for option, value in row.items() if option != name]
    return "\n".join(lines) + "\n"


def spread(meters: Meters, signals: int) -> dict[str, list[dict[str, object]]]:
    """A configuration with so many signals, those of a device no more than a simulated meter has."""
    found = many_registers(meters, "yes", min(signals, MOST_REGISTERS))
    for number in range(1, -(-signals // MOST_REGISTERS)):
        alias = f"d{number}"
        found["devices"].append({**found["devices"][0], "name": alias, "device_alias": alias})
        rows = found["signals"][: min(MOST_REGISTERS, signals - number * MOST_REGISTERS)]
        found["signals"] += [
            {**row, "device_alias": alias, "signal_alias": f"{alias}{row['signal_alias']}"} for row in rows
        ]
    return found


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


def main() -> int:
    try:
        program(EMULATOR, "qemu-user")
        with tempfile.TemporaryDirectory() as place:
            root = Path(place) / "root"
            gateway_root.create(root, MACHINE, packages.write(MACHINE), ["meterd", "meterd-elgama"])
            return _measure(root)
    except ToolMissing as missing:
        print(f"instructions are not counted: {missing}")
        return 0


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


def _measure(root: Path) -> int:
    configuration = root / "etc" / "meterd" / "meterd.json"
    words = ["/usr/lib/meterd/service", "run", "-d", "4", "--state", "/tmp/state", "-c", "/etc/meterd/meterd.json"]
    os.makedirs(root / "var" / "run" / "meterd", exist_ok=True)
    serial = _serial_start(root, words, configuration)
    meters = Meters()
    try:
        configuration.write_text(json.dumps(every_protocol(meters)))
        first = [_first_byte(root, words) for _ in range(2)]
        again = [float(counted(root, words)[0][0])]

        by_uci = []
        for signals in (FEW, MANY):
            (root / "etc" / "config" / "meterd").write_text(as_uci(spread(meters, signals)))
            by_uci.append(_first_byte(root, [*words[:-1], "/etc/config/meterd"]))

        def run(content: object, wanted: int) -> list[tuple[int, int]]:
            configuration.write_text(json.dumps(content))
            return counted(root, words, wanted)

        figures, scans = {}, {}
        for lists, what in (("no", "one request each"), ("yes", "with lists")):
            costs = [reading_costs(meters, lists, run) for _ in range(2)]
            figures[f"per register read and published, {what}"] = [each for each, _ in costs]
            scans[f"a scan without any register, {what}"] = [whole for _, whole in costs]
    finally:
        meters.stop()
    rows = [("start to the first byte sent", first, MOST_TO_FIRST_BYTE)]
    rows.append(("the same with what an earlier run left behind", again, MOST_TO_FIRST_BYTE))
    rows.append(("the same with two serial ports and two TCP meters", [float(serial[0])], MOST_TO_FIRST_BYTE))
    print(f"first bytes of these four lines: {', '.join(f'{count:,}' for count in serial)}")
    print(f"start to the first byte sent, {FEW} and {MANY:,} signals in UCI: {by_uci[0]:,.0f}, {by_uci[1]:,.0f}")
    rows.append((f"what {MANY:,} signals in UCI cost more than {FEW}", [by_uci[1] - by_uci[0]], MOST_MORE))
    rows += [(what, found, MOST_PER_READ) for what, found in figures.items()]
    for what, found, most in rows:
        verdict = "at most" if min(found) <= most else "MORE than"
        print(f"{what}: {', '.join(f'{figure:,.0f}' for figure in found)} instructions ({verdict} {most:,})")
    for what, found in scans.items():
        print(f"{what}: {', '.join(f'{figure:,.0f}' for figure in found)} instructions")
    return int(any(min(found) > most for _, found, most in rows))


if __name__ == "__main__":
    sys.exit(main())
