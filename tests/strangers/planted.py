"""Faults planted in front of `meterd doctor`, with the words that its answer must have, written down before it was run.

Most of the meters are written apart from the project's codecs; the simulated ones know speeds. `python -m
tests.strangers.planted` runs all of them and writes the table in docs/doctor.md.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from .dlms_meter import Meter
from .first_meters import Lister, Mirror, Page, Tolerant, on_a_pty, over_tcp, simulated
from .mbus_bus import Slave
from .test_mbus import CIPHERED, KEY, WORD

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "doctor.md"
BEGIN, END = "<!-- planted faults -->", "<!-- end of planted faults -->"
METERD = [sys.executable, "-m", "meterd"]
LIMIT_S = 170
OBJECT = "1.0.1.8.0.255"

Where = Callable[[Path], AbstractContextManager[str]]


class Planted:
    """`words` is the command behind `meterd doctor` without its place; `answer` what its first line says, `more` what
    stands anywhere.
    """

    def __init__(self, name: str, where: Where, words: str, answer: str, more: str = "", strange: bool = True) -> None:
        self.name, self.where, self.words, self.answer, self.more = name, where, words, answer, more
        self.strange = strange


class Outcome:
    def __init__(self, said: str, errors: str, code: int, seconds: float) -> None:
        self.said, self.errors, self.code, self.seconds = said, errors, code, seconds


def tcp(make: Callable[[], Any]) -> Where:
    return lambda directory: over_tcp(make)


def line(make: Callable[[], Any]) -> Where:
    return lambda directory: on_a_pty(make)


def simulator(*words: str) -> Where:
    return lambda directory: simulated(words, directory)


def nowhere(place: str) -> Where:
    return lambda directory: nullcontext(place)


class Sleeper(Lister):
    """Hears a request only behind NULs, which wake it for one dialogue."""

    awake = False

    def hear(self, octets: bytes) -> list[tuple[float, bytes]]:
        self.awake = self.awake or octets.count(0) >= 30
        answers = super().hear(octets) if self.awake else []
        self.awake = self.awake and octets[:1] != b"\x06"
        return answers


def bus(**quirks: Any) -> Callable[[], Any]:
    return lambda: Tolerant(Slave(**quirks))


def clash() -> Any:
    return Tolerant(Slave(), Slave("87654321", telegrams=[bytes.fromhex("0C 13 11 11 11 11")]))


DLMS = "dlms timeout_ms=400 retry_counter=1"
IEC = "iec62056-21 timeout_ms=2000 retry_counter=0"
MBUS = "mbus retry_counter=0 timeout_ms=300"
FAULTS = [
    Planted("DLMS: another client", tcp(Meter), f"{DLMS} client_address=32 -- {OBJECT}", '"client_address": 16'),
    Planted("DLMS: another physical address", tcp(Meter), f"{DLMS} physical_address=17 -- {OBJECT}",
            '"physical_address": 1'),
    Planted("DLMS: without signals, another address", tcp(Meter), f"{DLMS} physical_address=40",
            '"physical_address": 1'),
    Planted("DLMS: wrapper taken for HDLC", tcp(lambda: Meter(wrapped=True)), f"{DLMS} -- {OBJECT}",
            '"mode": "DLMS-WRAPPER"'),
    Planted("DLMS: HDLC taken for wrapper", tcp(Meter), f"{DLMS} mode=DLMS-WRAPPER -- {OBJECT}", '"mode": "DLMS-HDLC"'),
    Planted("DLMS: another wPort", tcp(lambda: Meter(wrapped=True, wport=16)),
            f"{DLMS} mode=DLMS-WRAPPER logical_address=1 physical_address=0 -- {OBJECT}", '"logical_address": 16'),
    Planted("DLMS: the meter wants a password", tcp(lambda: Meter(password=b"12345678")), f"{DLMS} -- {OBJECT}",
            '"auth": "Low", "password"'),
    Planted("DLMS: wrong password", tcp(lambda: Meter(password=b"12345678")),
            f"{DLMS} auth=Low password=87654321 -- {OBJECT}", '"password"'),
    Planted("DLMS: short names for logical ones", tcp(lambda: Meter(diagnostic=(1, 1, 2))),
            f"{DLMS} type=SN -- {OBJECT}", '"type": "LN"'),
    Planted("DLMS: SNRM with parameters is rejected", tcp(lambda: Meter(snrm="frmr")), f"{DLMS} -- {OBJECT}",
            '"max_info_field": 128'),
    Planted("DLMS: another client is connected", tcp(lambda: Meter(snrm="dm")), f"{DLMS} -- {OBJECT}", "see below",
            "another client may be connected"),
    Planted("DLMS: an object that it has not", tcp(Meter), f"{DLMS} -- 1.0.1.8.7.255", '"obis_job": "1.0.1.8'),
    Planted("DLMS: another speed", simulator("dlms"), f"{DLMS} baudrate=19200 -- {OBJECT}", '"baudrate": 9600',
            strange=False),
    Planted("DLMS: optical head, mode E", simulator("dlms", "mode=iec"), f"{DLMS} -- {OBJECT}", '"mode": "IEC"',
            strange=False),
    Planted("IEC 62056-21: another number", tcp(Lister), f"{IEC} serialnumber=99 -- 1.8.0",
            '"serialnumber": "55107733"'),
    Planted("IEC 62056-21: 8N1 for 7E1", line(lambda: Lister(seven=True)),
            f"{IEC} baudrate=300 databits=8 parity=none -- 1.8.0", '"databits": 7, "parity": "even"'),
    Planted("IEC 62056-21: another speed", simulator("iec62056-21"), f"{IEC} baudrate=9600 -- 1.8.0", '"baudrate": 300',
            strange=False),
    Planted("IEC 62056-21: an address that it has not", tcp(Lister), f"{IEC} -- 1.8.0*255", '"tag_job_todo": "1.8.0"'),
    Planted("IEC 62056-21: it sleeps", tcp(Sleeper), f"{IEC} -- 1.8.0", '"wakeup_nuls": 40'),
    Planted("IEC 62056-21: wrong password", simulator("iec62056-21", "password=S3cret99"),
            f"{IEC} password=00000000 -- R5:1.8.0", '"password"', strange=False),
    Planted("M-Bus: another primary address", tcp(bus()), f"{MBUS} address=6 -- 0", '"address": "5"'),
    Planted("M-Bus: another secondary address", tcp(bus(primary=None)), f"{MBUS} address=99999999 -- 0",
            '"address": "12345678'),
    Planted("M-Bus: without signals, another address", tcp(bus()), f"{MBUS} address=7", '"address": "5"'),
    Planted("M-Bus: two meters at one address", tcp(clash), f"{MBUS} address=5 -- 0", "that of another below",
            "87654321"),
    Planted("M-Bus: the key is missing", tcp(bus(telegrams=[CIPHERED], signature=WORD)), f"{MBUS} address=5 -- 0",
            '"key"'),
    Planted("M-Bus: wrong key", tcp(bus(telegrams=[CIPHERED], signature=WORD)),
            f"{MBUS} address=5 key={'11' * 16} -- 0", '"key"'),
    Planted("M-Bus: a key for a meter in clear", tcp(bus()), f"{MBUS} address=5 key={KEY.hex()} -- 0", 'without "key"'),
    Planted("M-Bus: another speed and parity", simulator("mbus"),
            f"{MBUS} address=1 baudrate=9600 parity=none -- 0", '"baudrate": 2400, "parity": "even"', strange=False),
    Planted("Elgama: another number", simulator("elgama"),
            "elgama timeout_ms=500 retry_counter=0 meter_model=2 baudrate=9600 id=1234567 -- 1.8.0", '"id": 2141421',
            strange=False),
    Planted("behind the port: a web server", tcp(Page), f"{IEC} -- 1.8.0", "a web server (HTTP)"),
    Planted("behind the port: an echo", tcp(Mirror), f"{IEC} -- 1.8.0", "only an echo is there"),
    Planted("behind the port: M-Bus for DLMS", tcp(bus()), f"{DLMS} -- {OBJECT}", '"protocol": "mbus tcp"'),
    Planted("behind the port: DLMS for IEC 62056-21", tcp(Meter), f"{IEC} -- 1.8.0", '"protocol": "DLMS"'),
    Planted("nothing listens there", nowhere("127.0.0.1:1"), f"{DLMS} -- {OBJECT}", "see below",
            "Nothing listens there"),
    Planted("the port is not there", nowhere("/nowhere/ttyUSB7"), f"{DLMS} -- {OBJECT}", "see below", "ttyUSB7"),
]  # fmt: skip


def run(planted: Planted) -> Outcome:
    with tempfile.TemporaryDirectory() as folder, planted.where(Path(folder)) as place:
        host, colon, port = place.rpartition(":")
        there = [f"ip={host}", f"port={port}"] if colon else [f"device={place}"]
        program, *rest = planted.words.split()
        words = [*METERD, "doctor", program, *there, "--state", folder, *rest]
        begun = time.monotonic()
        done = subprocess.run(words, capture_output=True, text=True, timeout=LIMIT_S, check=False)
        return Outcome(done.stdout, done.stderr, done.returncode, time.monotonic() - begun)


def run_all(threads: int = 6) -> list[Outcome]:
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(run, FAULTS))


def table(outcomes: list[Outcome]) -> str:
    rows = ["| planted fault | meter | the answer begins | seconds |", "|---|---|---|---|"]
    for planted, outcome in zip(FAULTS, outcomes, strict=True):
        first = outcome.said.split("\n")[0].partition(": ")[2].rpartition(" (")[0]
        meter = "written apart" if planted.strange else "simulated"
        rows.append(f"| {planted.name} | {meter} | `{first[:90]}` | {outcome.seconds:.1f} |")
    return "\n".join(rows)


def main() -> None:
    outcomes = run_all()
    for planted, outcome in zip(FAULTS, outcomes, strict=True):
        first = outcome.said.split("\n")[0]
        right = planted.answer in first and planted.more in outcome.said
        print(f"{'ok   ' if right else 'WRONG'} {outcome.seconds:6.1f} s  {planted.name}: {first}")
        if not right:
            print(outcome.said, outcome.errors)
    text = PAGE.read_text(encoding="utf-8")
    head, tail = text.split(BEGIN)[0], text.split(END)[1]
    PAGE.write_text(f"{head}{BEGIN}\n\n{table(outcomes)}\n\n{END}{tail}", encoding="utf-8")


if __name__ == "__main__":
    main()
