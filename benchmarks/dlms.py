"""Reading registers from one simulated meter over TCP: meterd, gurux_dlms and dlms_cosem, CPU time and memory.

The meters and each client run in processes of their own and take turns, all on one core, as on a gateway: across two a
client pays for waking the other core, which on a virtual machine costs more than the reading. What counts is the
client's user and system time, its three or two system calls per register included, as the median of many rounds.
gurux_dlms and dlms_cosem only fetch the raw value, meterd also scales and reports it; it runs its own loop, ports and
players here, without the daemon around them (`against_c` and `daemon_lists` have that). A frame is held against a
frame, and a frame taken apart to its value against the same.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import structlog
from dlms_cosem import dlms_data

from meterd._hdlc import HdlcDecoder, encode_frame
from meterd.protocols.dlms.apdus import get
from meterd.simulate import dlms as simulated
from tests.conformance.test_dlms_foreign import attribute, cosem_client
from tests.unit.dlms_pair import device, memory, scan, signal

from ._dlms_replay import SCANS as REPLAYED
from ._gurux import Gurux
from ._machine import Row, one_core, ratio
from ._meters import Meters, dlms_meters
from .timing import compare

REGISTERS = 60
LISTED = 40
FEW = 5
METERS = 16  # also read at the same time by one loop; the foreign clients block, and read one
SCANS = 10
SINGLE_READS = REGISTERS * SCANS
LISTS = 50
LEARNING = 20  # scans
ROUNDS = 15
FRAMES = 2000
BAUDRATE, CHARACTER_BITS = 9600, 10
LLC = 3  # octets before the APDU


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


def cosem_cpu(meter: Meters, count: int) -> float:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    wanted = attribute("1.0.1.8.1.255")
    with cosem_client(meter, "hdlc", "None", False).session() as session:  # type: ignore[arg-type]
        begun = time.process_time()
        for _ in range(count):
            dlms_data.DlmsDataParser().parse(session.get(wanted))
        return (time.process_time() - begun) / count


def register_rows() -> list[Row]:
    """In turn, some milliseconds each, and equally many registers: what else the machine does hits all alike."""
    gurux = Gurux()
    singly: dict[str, list[float]] = {"meterd": [], "gurux": [], "dlms_cosem": []}
    listed: dict[str, list[float]] = {"meterd": [], "gurux": []}
    with (
        one_core(),
        dlms_meters(registers=str(REGISTERS), lists="no") as plain,
        dlms_meters(registers=str(LISTED)) as listing,
    ):
        single, lister = OurReader(plain.port, REGISTERS), OurReader(listing.port, LISTED)
        together = OurReader(plain.port, REGISTERS, METERS)
        many = []
        for _ in range(ROUNDS):
            singly["meterd"].append(single.read(SCANS))
            singly["gurux"].append(gurux.singly(plain.port, SINGLE_READS))
            singly["dlms_cosem"].append(cosem_cpu(plain, SINGLE_READS))
            listed["meterd"].append(lister.read(LISTS))
            listed["gurux"].append(gurux.listed(listing.port, LISTED, LISTS))
            many.append(together.read(1))
        foreign_mb = gurux.resident_mb(plain.port)
        for reader in (single, lister, together):
            reader.process.communicate()
    gurux.close()  # not earlier: the meters' processes hold its pipe, too
    what, of_list = "CPU per register, singly", f"CPU per register, list of {LISTED}"
    return [
        *((f"{what}: {name}", statistics.median(spent) * 1e6, "µs", None) for name, spent in singly.items()),
        (what, ratio(singly["gurux"], singly["meterd"]), "× less than gurux", 6.0),
        (what, ratio(singly["dlms_cosem"], singly["meterd"]), "× less than dlms_cosem", 14.0),
        (f"{what}, {METERS} meters at once: meterd", statistics.median(many) * 1e6, "µs", None),
        (f"{of_list}: meterd", statistics.median(listed["meterd"]) * 1e6, "µs", None),
        (of_list, ratio(singly["gurux"], listed["meterd"]), "× less than gurux singly", 30.0),
        (of_list, ratio(listed["gurux"], listed["meterd"]), "× less than gurux's lists", None),
        ("peak resident memory after reading", foreign_mb / single.resident_mb, "× less than gurux", 1.8),
    ]


def frame_rows() -> list[Row]:
    """One 23-byte answer from octets to a frame, and on to its value; gurux in its own process, in turn."""
    frame = encode_frame(b"\x41", b"\x03", 0x30, bytes.fromhex("e6e700c401c1000600167780"))
    decoder = HdlcDecoder()

    def value() -> object:
        taken = decoder.feed(frame)
        assert taken is not None
        return get.decode_response(taken.information[LLC:]).value

    assert value() == 0x167780
    gurux = Gurux()
    frames, values = [], []
    for _ in range(ROUNDS):
        alone, whole = compare(lambda: decoder.feed(frame), value, rounds=3)
        frames.append(gurux.frame_s(frame, FRAMES, alone=True) / alone)
        values.append(gurux.frame_s(frame, FRAMES, alone=False) / whole)
    gurux.close()
    return [
        ("a 23-byte frame decoded and checked, no further, speed", statistics.median(frames), "× gurux", 60.0),
        ("the same frame decoded to its value, speed", statistics.median(values), "× gurux", 30.0),
    ]


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


def instructions(registers: int, lists: str) -> float:
    """Per scan, but for the first: imports, what is learnt once and what the interpreter learns fall into those."""
    with tempfile.NamedTemporaryFile() as transcript:
        words = [sys.executable, "-m", "benchmarks._dlms_replay"]
        subprocess.run([*words, "record", transcript.name, str(registers), lists], check=True)
        spent = []
        for scans in (LEARNING, REPLAYED):
            command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *words]
            command += ["replay", transcript.name, str(registers), str(scans)]
            counted = subprocess.run(
                command, check=True, capture_output=True, text=True, env={**os.environ, "PYTHONHASHSEED": "0"}
            )
            spent.append(int(counted.stderr.rpartition("Collected :")[2].split()[0]))
    return (spent[1] - spent[0]) / (REPLAYED - LEARNING)


def instruction_rows() -> list[Row]:
    """What the conversation itself costs, answers handed to it by a bare loop."""
    if shutil.which("valgrind") is None:
        print("dlms: instructions are not counted, for there is no valgrind here")
        return []
    singly = (instructions(2 * LISTED, "no") - instructions(LISTED, "no")) / LISTED
    short, long = instructions(FEW, "yes"), instructions(LISTED, "yes")
    each = (long - short) / (LISTED - FEW)
    return [
        ("instructions per register, singly, from the request to its reading", singly, "instructions", -15_000.0),
        (f"instructions per register, list of {LISTED}", each, "instructions", None),
        ("instructions for a scan of a list besides its registers", short - FEW * each, "instructions", None),
    ]


def run() -> list[Row]:
    os.environ.setdefault("PYTHONHASHSEED", "0")
    return [*register_rows(), *frame_rows(), *line_rows(), *instruction_rows()]
