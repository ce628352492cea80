"""Hand-made M-Bus slaves: read by `meterd read` over TCP and a pty, and in virtual time with damage on the bus."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from Cryptodome.Cipher import AES

from meterd.errors import MeterdError
from meterd.model import Memory
from meterd.protocols.mbus import driver
from tests.pair import Outcome, converse
from tests.unit.test_mbus_driver import device as unit_device
from tests.unit.test_mbus_driver import signal as unit_signal

from .mbus_bus import PLAIN, VOLUME, Bus, Chunks, Slave, header, secondary
from .serve import OnPty, Served, in_virtual_time
from .test_dlms_dirt import ROUNDS, check_scan, mutation
from .test_dlms_sockets import read

KEY = bytes(range(16))
ALL_KINDS = b"".join(
    bytes.fromhex(record)
    for record in (
        "0C 13 27 04 85 02",  # 0 volume
        "0A 5A 34 F2",  # 1 flow temperature, minus
        "04 6D 1E 0A 56 3B",  # 2 time point
        "04 6D A1 15 E9 17",  # 3 time point, invalid
        "02 FC 03 48 52 25 74 44 0D",  # 4 plain-text unit %RH, 10^-2
        "0D 78 05 35 34 33 32 31",  # 5 fabrication number, text
        "05 2B 00 00 C0 3F",  # 6 power, float
        "07 03 FF FF FF FF FF FF FF 7F",  # 7 energy, 64 bits
        "0C 13 27 0A 85 02",  # 8 volume with an error digit
        "42 6C 3F 3C",  # 9 date of storage 1
        "4C 13 26 04 85 02",  # 10 volume of storage 1
        "8C 10 13 11 00 00 00",  # 11 volume of tariff 1
        "02 FF 21 0D 00",  # 12 of the manufacturer
        "0E 03 56 34 12 00 00 F0",  # 13 energy, minus, 12 digits
        "0F 01 02 03",  # the rest is the manufacturer's
    )
)
KINDS: dict[str, tuple[str, Any, str | None]] = {
    "volume": ("0", 2850.427, "m³"),
    "by_name": ("volume", 2850.427, "m³"),
    "stored": ("volume; storage=1", 2850.426, "m³"),
    "tariff": ("volume; tariff=1", 0.011, "m³"),
    "by_octets": ("8C 10 13", 0.011, "m³"),
    "cold": ("1", -23.4, "°C"),
    "when": ("2", "2026-11-22T10:30", None),
    "humid": ("4", 33.96, "%RH"),
    "plate": ("5", "12345", None),
    "watts": ("6", 1.5, "W"),
    "big": ("7", 9223372036854775807, "Wh"),
    "minus": ("13", -123456, "Wh"),
}
BAD_KINDS = {"never": ("3", "clock"), "broken": ("8", "type"), "none": ("99", "not_found")}


def encrypted(clear: bytes, key: bytes = KEY) -> tuple[bytes, int]:
    """Records in mode 5 and the configuration word that says so."""
    plain = b"\x2f\x2f" + clear
    plain += b"\x2f" * (-len(plain) % 16)
    head = header("12345678")
    vector = head[4:6] + head[:4] + head[6:8] + bytes([42]) * 8
    return AES.new(key, AES.MODE_CBC, vector).encrypt(plain), 0x0500 | len(plain) // 16 << 4


def glitch(octets: bytes) -> Chunks:
    return [(0.0, b"\xff\x00"), (0.02, octets)]


def glitch_at_once(octets: bytes) -> Chunks:
    return [(0.0, b"\x00" + octets)]


def slow(octets: bytes) -> Chunks:
    return [(0.002, octets[at : at + 1]) for at in range(len(octets))]


def in_two(octets: bytes) -> Chunks:
    return [(0.0, octets[:4]), (0.12, octets[4:])]


CHAIN = [VOLUME + b"\x1f", bytes.fromhex("0A 5A 34 02 1F"), bytes.fromhex("04 03 39 30 00 00")]
CIPHERED, WORD = encrypted(PLAIN)
FIXED = bytes.fromhex("78 56 34 12 0A 00 E9 7E 01 00 00 00 35 01 00 00")
VOLUME_ONLY = {"volume": ("0", 2850.427, "m³")}
CHAINED = {"volume": ("0", 2850.427, "m³"), "third": ("energy", 12345, "Wh"), "second": ("2", 23.4, "°C")}
Case = tuple[Bus, dict[str, Any], dict[str, tuple[str, Any, str | None]]]


def cases() -> dict[str, Case]:
    return {
        "kinds": (Bus(Slave(telegrams=[ALL_KINDS])), {"address": "5"}, KINDS),
        "second_nke": (Bus(Slave(nke_needed=2)), {"address": "5"}, VOLUME_ONLY),
        "chain": (Bus(Slave(telegrams=CHAIN)), {"address": "5"}, CHAINED),
        "chain_secondary": (Bus(Slave(telegrams=CHAIN, primary=None)), {"address": "12345678"}, CHAINED),
        "no_fcb": (Bus(Slave(ignores_fcb=True)), {"address": "5"}, VOLUME_ONLY),
        "glitch": (Bus(Slave(), pieces=glitch), {"address": "5"}, VOLUME_ONLY),
        "glitch_at_once": (Bus(Slave(), pieces=glitch_at_once), {"address": "5"}, VOLUME_ONLY),
        "slow": (Bus(Slave(), pieces=slow), {"address": "5"}, VOLUME_ONLY),
        "in_two": (Bus(Slave(), pieces=in_two), {"address": "5"}, VOLUME_ONLY),
        "echo": (Bus(Slave(), echo=True), {"address": "5"}, VOLUME_ONLY),
        "secondary_only": (Bus(Slave(primary=None), Slave("87654321", None)),
                           {"address": secondary("12345678")}, VOLUME_ONLY),
        "wildcard": (Bus(Slave(primary=None), Slave("87654321", None)), {"address": "1234FFFF"}, VOLUME_ONLY),
        "one_of_two": (Bus(Slave(), Slave("87654321", telegrams=[CHAIN[2]])), {"address": "12345678"}, VOLUME_ONLY),
        "fixed": (Bus(Slave(telegrams=[FIXED], ci=0x73, header_less=True)), {"address": "5"},
                  {"now": ("0", 0.001, "m³"), "then": ("1", 0.135, "m³")}),
        "no_header": (Bus(Slave(ci=0x78, header_less=True)), {"address": "5"}, VOLUME_ONLY),
        "short_header": (Bus(Slave(ci=0x7A, header_less=True, telegrams=[b"\x2a\0\0\0" + PLAIN])),
                         {"address": "5"}, VOLUME_ONLY),
        "encrypted": (Bus(Slave(telegrams=[CIPHERED], signature=WORD)), {"address": "5", "key": KEY.hex()},
                      VOLUME_ONLY),
        "idle_filler": (Bus(Slave(telegrams=[b"\x2f\x2f\x2f" + PLAIN + b"\x2f\x2f"])), {"address": "5"}, VOLUME_ONLY),
    }  # fmt: skip


def failing() -> dict[str, tuple[Bus, dict[str, Any], str, str]]:
    """The bus, the device, the reason, a word of the log."""
    clash = (Slave(), Slave("87654321", telegrams=[CHAIN[2]]))
    return {
        "two_at_5": (Bus(*clash), {"address": "5"}, "bad_frame", ""),
        "absent": (Bus(Slave()), {"address": "6"}, "no_bytes", ""),
        "absent_secondary": (Bus(Slave()), {"address": "99999999"}, "no_bytes", ""),
        "no_key": (Bus(Slave(telegrams=[CIPHERED], signature=WORD)), {"address": "5"}, "key", "no key"),
        "wrong_key": (Bus(Slave(telegrams=[CIPHERED], signature=WORD)), {"address": "5", "key": "11" * 16}, "key",
                      "key does not fit"),
        "not_encrypted": (Bus(Slave()), {"address": "5", "key": KEY.hex()}, "key", "not encrypted"),
        "busy": (Bus(Slave(ci=0x70, header_less=True, telegrams=[b"\x08"])), {"address": "5"}, "refused", "busy"),
        "unknown_ci": (Bus(Slave(ci=0xB7, header_less=True)), {"address": "5"}, "type", "B7"),
    }  # fmt: skip


def row(alias: str, parameters: dict[str, Any]) -> dict[str, Any]:
    protocol = "mbus tcp" if "ip" in parameters else "mbus serial"
    return {"name": alias, "device_alias": alias, "protocol": protocol, "timeout_ms": 200, "poll_delay_ms": 0,
            "scan_rate_ms": 60000, "retry_counter": 1, **parameters}  # fmt: skip


def rows(alias: str, tags: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"signal_name": name, "device_alias": alias, "signal_alias": name, "tag_job_todo": tag,
         "number_type": "STRING" if isinstance(given[0], str) else "DOUBLE"}
        for name, (tag, *given) in tags.items()
    ]  # fmt: skip


@pytest.fixture(scope="module")
def all_read(tmp_path_factory: pytest.TempPathFactory) -> Any:
    servers, devices, signals = [], [], []
    tables: dict[str, dict[str, Any]] = {alias: tags for alias, (_, _, tags) in cases().items()}
    tables["kinds"] = KINDS | {name: (tag, 0.5) for name, (tag, _) in BAD_KINDS.items()}
    for alias, (bus, parameters, *_) in {**cases(), **failing()}.items():
        servers.append(Served(lambda bus=bus: bus))
        devices.append(row(alias, {"ip": "127.0.0.1", "port": servers[-1].port, **parameters}))
        signals += rows(alias, tables.get(alias, VOLUME_ONLY))
    answer = read(tmp_path_factory.mktemp("mbus"), devices, signals)
    for server in servers:
        server.close()
    return answer


@pytest.mark.parametrize("alias", cases())
def test_right_values_over_tcp(all_read: Any, alias: str) -> None:
    readings, log, _ = all_read
    for name, (_, value, unit) in cases()[alias][2].items():
        reading = readings[alias, name]
        assert (reading["value"], reading["unit"]) == (value, unit), (reading, log)


@pytest.mark.parametrize("name", BAD_KINDS)
def test_bad_records_cost_only_themselves(all_read: Any, name: str) -> None:
    reading = all_read[0]["kinds", name]
    assert (reading["value"], reading["quality"], reading["reason"]) == (None, "invalid", BAD_KINDS[name][1])


@pytest.mark.parametrize("alias", failing())
def test_failures_have_a_reason_and_words(all_read: Any, alias: str) -> None:
    readings, log, _ = all_read
    *_, reason, word = failing()[alias]
    assert (readings[alias, "volume"]["value"], readings[alias, "volume"]["reason"]) == (None, reason), log
    about = [line for line in log.splitlines() if f" {alias}:" in line or f" {alias}/" in line]
    assert about if not word else any(word in line for line in about), log


@pytest.fixture
def pty() -> Iterator[OnPty]:
    slaves = (Slave(telegrams=CHAIN), Slave("22222222", 6, ignores_fcb=True), Slave("33333333", None))
    served = OnPty(Bus(*slaves, pieces=slow, echo=True))
    yield served
    served.close()


def test_a_bus_on_a_pty(pty: OnPty, tmp_path: Path) -> None:
    devices = [
        row(f"m{address}", {"address": address, "device": pty.node, "baudrate": 2400, "parity": "even"})
        for address in ("5", "6", "33333333", "9")
    ]
    signals = rows("m5", CHAINED) + rows("m6", VOLUME_ONLY) + rows("m33333333", VOLUME_ONLY) + rows("m9", VOLUME_ONLY)
    readings, log, _ = read(tmp_path, devices, signals)
    assert readings["m5", "third"]["value"] == 12345, log
    assert readings["m6", "volume"]["value"] == readings["m33333333", "volume"]["value"] == 2850.427
    assert readings["m9", "volume"]["reason"] == "no_bytes"


# In virtual time

TAGS = {"volume": ("0", "2850.427"), "temperature": ("2", "23.4"), "energy": ("energy", "12345")}
RIGHT: dict[str, str | None] = {name: value for name, (_, value) in TAGS.items()}


def scan(bus: Bus, address: str, kept: Memory | None = None, fault: Any = None) -> Outcome:
    plan = driver.plan(unit_device(address), [unit_signal(name, tag) for name, (tag, _) in TAGS.items()])
    return converse(driver.conversation(plan, kept or Memory()), in_virtual_time(bus), fault=fault)


def test_chains_begin_at_their_first_telegram_every_time() -> None:
    bus, kept = Bus(Slave(telegrams=CHAIN)), Memory()
    for _ in range(4):
        outcome = scan(bus, "5", kept)
        assert {name: str(value) for name, value in outcome.values().items()} == RIGHT


# The checksum is a sum: what changes several octets at once passes it now and then, and nothing can tell.
SEEN_BY_A_SUM = "01467"


def on_the_bus(rounds: int, seed: int) -> int:
    """Damage on the wire that the checksum or the lengths must find."""
    good = 0
    for number in range(rounds):
        source = random.Random(f"{seed} {number}")
        bus, kept = Bus(Slave(telegrams=CHAIN)), Memory()
        address = source.choice(["5", "12345678", secondary("12345678")])
        outcome = scan(bus, address, kept, fault=mutation(source, SEEN_BY_A_SUM))
        check_scan(outcome, RIGHT)
        outcome = scan(bus, address, kept)
        assert {name: str(value) for name, value in outcome.values().items()} == RIGHT, "the next scan is not good"
        good += outcome.error is None
    return good


class Liar(Slave):
    """Changes what stands under its checksum."""

    source = random.Random(0)

    def request(self, fcb: int) -> bytes:
        answer = super().request(fcb)
        if not answer or self.source.random() < 0.3:
            return answer
        body = bytearray(answer[4:-2])
        at = self.source.randrange(3, len(body))
        kind = self.source.randrange(3)
        if kind == 0:
            body[at] = self.source.randrange(256)
        elif kind == 1:
            del body[at:]
        else:
            body[at:at] = self.source.randbytes(self.source.randrange(1, 12))
        return bytes([0x68, len(body), len(body), 0x68]) + bytes(body) + bytes([sum(body) & 0xFF, 0x16])


def behind_the_checksum(rounds: int, seed: int) -> int:
    ended = 0
    for number in range(rounds):
        slave = Liar(telegrams=[ALL_KINDS] if number % 2 else CHAIN)
        slave.source = random.Random(f"{seed} {number}")
        outcome = scan(Bus(slave), slave.source.choice(["5", "12345678"]))
        assert outcome.error is None or isinstance(outcome.error, MeterdError)
        assert outcome.seconds < 600
        json.dumps([str(reading.value) for reading in outcome.readings])
        ended += outcome.error is None
    return ended


def test_mutations_on_the_bus() -> None:
    assert on_the_bus(ROUNDS, 1) > ROUNDS // 2


def test_mutations_behind_the_checksum() -> None:
    assert behind_the_checksum(ROUNDS, 2) > ROUNDS // 4
