"""Reading registers from one simulated meter over TCP: meterd, gurux_dlms and dlms_cosem, CPU time and memory.

The meters and each client run in processes of their own and take turns, all on one core, as on a gateway: across two a
client pays for waking the other core, which on a virtual machine costs more than the reading. What counts is the
client's user and system time, its three or two system calls per register included. gurux_dlms and dlms_cosem only fetch
the raw value, meterd also scales and reports it.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import time

import structlog
from dlms_cosem import dlms_data

from meterd._hdlc import HdlcDecoder, encode_frame
from meterd.ports._loop import Loop
from meterd.simulate import dlms as simulated
from meterd.simulate.meter_host import MeterHost
from tests.conformance.test_dlms_foreign import GuruxReader, attribute, cosem_client
from tests.unit.dlms_pair import device, memory, scan, signal

from ._dlms_replay import REGISTERS as REPLAYED
from .timing import compare

REGISTERS = 60
LISTED = 40
METERS = 16  # also read at the same time by one loop; the foreign clients block, and read one
SCANS = 10
SINGLE_READS = REGISTERS * SCANS
LISTS = 50
ROUNDS = 15
BAUDRATE, CHARACTER_BITS = 9600, 10

Row = tuple[str, float, str, float | None]


def serve(options: dict[str, str], line: multiprocessing.connection.Connection) -> None:
    loop = Loop()
    line.send(MeterHost(loop).on_tcp(0, simulated.meter(**options)))
    loop.run()


class MeterProcess:
    """A simulated meter on a loopback port, out of the way of what is measured."""

    def __init__(self, **options: str) -> None:
        self.line, theirs = multiprocessing.Pipe()
        self.process = multiprocessing.get_context("fork").Process(target=serve, args=(options, theirs), daemon=True)
        self.process.start()
        self.port: int = self.line.recv()
        self.sent: list[bytes] = []

    def __enter__(self) -> MeterProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.join()


class OurReader:
    """meterd in a process of its own."""

    def __init__(self, port: int, registers: int, meters: int = 1) -> None:
        command = [sys.executable, "-m", "benchmarks._dlms_reader", *map(str, (port, registers, meters))]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.resident_mb = 0.0

    def read(self, scans: int) -> float:
        """CPU seconds per register."""
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(f"{scans}\n")
        self.process.stdin.flush()
        cpu, resident = self.process.stdout.readline().split()
        self.resident_mb = float(resident)
        return float(cpu)


def gurux_order(port: int, registers: int) -> dict[str, object]:
    names = [[f"1.0.1.8.{number}.255", 0] for number in range(1, registers + 1)]
    common = {"mode": "hdlc", "names": "LN", "client": 32, "auth": "NONE", "password": "", "info": 1024}
    return {**common, "port": port, "registers": names}


def cosem_cpu(meter: MeterProcess, count: int) -> float:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    wanted = attribute("1.0.1.8.1.255")
    with cosem_client(meter, "hdlc", "None", False).session() as session:  # type: ignore[arg-type]
        begun = time.process_time()
        for _ in range(count):
            dlms_data.DlmsDataParser().parse(session.get(wanted))
        return (time.process_time() - begun) / count


def register_rows() -> list[Row]:
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(cores)})
    try:
        return _register_rows()
    finally:
        os.sched_setaffinity(0, cores)


def _register_rows() -> list[Row]:
    """In turn, some milliseconds each, and equally many registers: what else the machine does hits all alike."""
    gurux = GuruxReader()
    singly: dict[str, list[float]] = {"meterd": [], "gurux": [], "dlms_cosem": []}
    listed: dict[str, list[float]] = {"meterd": [], "gurux": []}
    with MeterProcess(registers=str(REGISTERS), lists="no") as plain, MeterProcess(registers=str(LISTED)) as listing:
        single, lister = OurReader(plain.port, REGISTERS), OurReader(listing.port, LISTED)
        together = OurReader(plain.port, REGISTERS, METERS)
        many = []
        for _ in range(ROUNDS):
            singly["meterd"].append(single.read(SCANS))
            order = gurux_order(plain.port, 1)
            singly["gurux"].append(gurux.ask("repeat", **order, count=SINGLE_READS) / SINGLE_READS)
            singly["dlms_cosem"].append(cosem_cpu(plain, SINGLE_READS))
            listed["meterd"].append(lister.read(LISTS))
            spent = gurux.ask("repeat", **gurux_order(listing.port, LISTED), count=LISTS, list=True)
            listed["gurux"].append(spent / LISTS / LISTED)
            many.append(together.read(1))
        gurux.ask("objects", **gurux_order(plain.port, 1))
        foreign_mb = gurux.ask("memory")
        for reader in (single, lister, together):
            reader.process.communicate()
    gurux.process.communicate()  # not earlier: the meters' processes hold its pipe, too
    least = {name: min(spent) for name, spent in singly.items()}
    lists = {name: min(spent) for name, spent in listed.items()}
    return [
        *((f"CPU per register, singly: {name}", spent * 1e6, "µs", None) for name, spent in least.items()),
        ("CPU per register, singly", least["gurux"] / least["meterd"], "× less than gurux", 6.0),
        ("CPU per register, singly", least["dlms_cosem"] / least["meterd"], "× less than dlms_cosem", 20.0),
        (f"CPU per register, singly, {METERS} meters at once: meterd", min(many) * 1e6, "µs", None),
        (f"CPU per register, list of {LISTED}: meterd", lists["meterd"] * 1e6, "µs", None),
        (f"CPU per register, list of {LISTED}", least["gurux"] / lists["meterd"], "× less than gurux singly", 30.0),
        (f"CPU per register, list of {LISTED}", lists["gurux"] / lists["meterd"], "× less than gurux's lists", None),
        ("peak resident memory after reading", foreign_mb / single.resident_mb, "× less than gurux", 2.0),
    ]


def frame_rows() -> list[Row]:
    """One 23-byte answer from octets to a frame; gurux in its own process, in turn."""
    frame = encode_frame(b"\x41", b"\x03", 0x30, bytes.fromhex("e6e700c401c1000600167780"))
    decoder = HdlcDecoder()
    gurux = GuruxReader()
    ratios = []
    for _ in range(7):
        (mine,) = compare(lambda: decoder.feed(frame), rounds=5)
        ratios.append(gurux.ask("frames", frame=frame.hex(), count=2000) / mine)
    gurux.process.communicate()
    return [("a 23-byte frame decoded and checked, speed", sorted(ratios)[3], "× gurux", 150.0)]


def line_rows() -> list[Row]:
    """40 registers with a list at 9600 baud on a line that takes its time: the share in which bytes pass."""
    byte_s = CHARACTER_BITS / BAUDRATE
    kept = memory()
    of = device(client_address=32)
    signals = [signal(f"1.0.1.8.{number}.255") for number in range(1, LISTED + 1)]
    factory = simulated.meter(registers=str(LISTED))
    scan(of, signals, factory, kept, byte_s=byte_s)
    outcome = scan(of, signals, factory, kept, byte_s=byte_s)
    assert outcome.error is None
    assert len(outcome.values()) == LISTED
    wire_s = sum(len(data) for _, _, data in outcome.wire) * byte_s
    return [
        (f"{LISTED} registers at {BAUDRATE} baud, list, whole scan: time", outcome.seconds, "s", None),
        ("of it with bytes on the wire", 100 * wire_s / outcome.seconds, "%", 95.0),
    ]


def instructions(path: str) -> float:
    """Per register: four scans less two, so that imports and what is learnt once do not count."""
    spent = []
    for scans in (2, 4):
        command = [
            "valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", sys.executable, "-m",
            "benchmarks._dlms_replay", "replay", path, str(scans),
        ]  # fmt: skip
        counted = subprocess.run(
            command, check=True, capture_output=True, text=True, env={**os.environ, "PYTHONHASHSEED": "0"}
        )
        spent.append(int(counted.stderr.rpartition("Collected :")[2].split()[0]))
    return (spent[1] - spent[0]) / (2 * REPLAYED)


def instruction_rows() -> list[Row]:
    """What the conversation itself costs, answers handed to it by a bare loop."""
    if shutil.which("valgrind") is None:
        print("dlms: instructions are not counted, for there is no valgrind here")
        return []
    with tempfile.NamedTemporaryFile() as transcript:
        subprocess.run([sys.executable, "-m", "benchmarks._dlms_replay", "record", transcript.name], check=True)
        spent = instructions(transcript.name)
    return [("instructions per register, singly, from the request to its reading", spent, "instructions", -15_000.0)]


def run() -> list[Row]:
    os.environ.setdefault("PYTHONHASHSEED", "0")
    return [*register_rows(), *frame_rows(), *line_rows(), *instruction_rows()]
