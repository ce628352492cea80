"""Hand-made DLMS meters in virtual time: refusals, hang-ups, awkward checksums, a published trace, and mutations."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from typing import Any

import pytest

from meterd.errors import LineError, MeterdError, Refused
from meterd.model import Memory
from meterd.protocols.dlms import driver
from tests.pair import Outcome, converse
from tests.unit.dlms_pair import device, memory, signal

from .dlms_meter import OBJECTS, Meter, obis, register
from .serve import in_virtual_time

IMPORT = "1.0.1.8.0.255:2"


def scan(meter: Meter, jobs: list[str], kept: Memory | None = None, fault: Any = None, **parameters: Any) -> Outcome:
    plan = driver.plan(device(**parameters), [signal(job, alias=job) for job in jobs])
    talk = driver.conversation(plan, memory() if kept is None else kept)
    return converse(talk, in_virtual_time(meter), fault=fault)


def text_values(outcome: Outcome) -> dict[str, Any]:
    return {alias: value if value is None else str(value) for alias, value in outcome.values().items()}


DIAGNOSTICS = {
    (1, 1): "", (1, 2): "application context", (1, 3): "calling AP title", (1, 7): "called AP title",
    (1, 11): "mechanism name not recogni", (1, 12): "mechanism name required", (1, 13): "authentication failure",
    (1, 14): "authentication required", (2, 1): "", (2, 2): "version",
}  # fmt: skip


@pytest.mark.parametrize(("source", "diagnostic"), DIAGNOSTICS)
@pytest.mark.parametrize("result", [1, 2])
def test_each_rejection_is_told_in_words(result: int, source: int, diagnostic: int) -> None:
    outcome = scan(Meter(diagnostic=(result, source, diagnostic)), [IMPORT])
    assert isinstance(outcome.error, Refused)
    assert DIAGNOSTICS[source, diagnostic].lower() in str(outcome.error).lower().replace("-", " ")
    assert ("for now" in str(outcome.error) or "transient" in str(outcome.error)) == (result == 2)
    expected = "auth" if source == 1 and diagnostic in (11, 12, 13, 14) else "refused"
    assert outcome.error.reason == expected


@pytest.mark.parametrize("snrm", ["dm", "frmr"])
def test_a_refused_link_is_a_refusal(snrm: str) -> None:
    outcome = scan(Meter(snrm=snrm), [IMPORT])
    assert isinstance(outcome.error, Refused) and outcome.error.reason == "refused"
    assert outcome.seconds < 10


def test_frames_whose_checksum_holds_a_flag() -> None:
    meter = Meter(fcs_7e=True, lists=False)
    for _ in range(20):
        outcome = scan(meter, [IMPORT])
        assert text_values(outcome) == {IMPORT: str(meter.told[-1] * 1000)}
    assert len(meter.told) >= 20


def test_frmr_in_the_middle_costs_one_new_connection() -> None:
    meter = Meter(frmr_at=4)
    outcome = scan(meter, [IMPORT, "0.0.96.1.0.255:2"])
    assert text_values(outcome) == {IMPORT: "123456000", "0.0.96.1.0.255:2": "SN12345678"}


@pytest.mark.parametrize("forgets", range(2, 8))
def test_an_association_that_the_meter_forgets(forgets: int) -> None:
    """Between scans it is made anew without a failed reading."""
    meter, kept = Meter(), memory()
    jobs = [IMPORT, "0.0.96.1.0.255:2"]
    assert text_values(scan(meter, jobs, kept, keep_open=1)) == {IMPORT: "123456000", jobs[1]: "SN12345678"}
    meter.quirks.forgets = meter.apdus + 1
    outcome = scan(meter, jobs, kept, keep_open=1)
    assert text_values(outcome) == {IMPORT: "123456000", jobs[1]: "SN12345678"}
    meter.linked = meter.associated = False
    outcome = scan(meter, jobs, kept, keep_open=1)
    assert text_values(outcome) == {IMPORT: "123456000", jobs[1]: "SN12345678"}


class Replay:
    """Says what a published trace says, as long as the client asks what the trace asked."""

    TRACE = (
        ("7ea0070321930f017e", "7ea01e210373c37a818012050180060180070400000001080400000001533b7e"),
        (None, "7ea0372103306c7ce6e7006129a109060760857405080101a203020100a305a103020100"
               "be10040e0800065f1f040000181d040000071abe7e"),
    )  # fmt: skip

    def __init__(self) -> None:
        self.meter = Meter()
        self.at = 0

    def hear(self, octets: bytes) -> Any:
        answers = self.meter.hear(octets)
        if self.at < len(self.TRACE):
            asked, answer = self.TRACE[self.at]
            assert asked is None or octets.hex() == asked
            assert answers
            self.at += 1
            return [(0.0, bytes.fromhex(answer))]
        return answers


def test_the_published_trace() -> None:
    meter = Replay()
    outcome = scan(meter, [IMPORT], max_info_field=128, check_identity=False)  # type: ignore[arg-type]
    assert text_values(outcome) == {IMPORT: "123456000"}
    sent = [octets.hex() for octets in outcome.sent()]
    assert "7ea0190321326fd8e6e600c001c1000f0000280000ff020091537e" in sent
    assert "7ea00703215111e47e" in sent


EXTREMES: dict[str, tuple[bytes, int, int, str | None]] = {
    "1.0.9.1.0.255": (b"\x14" + b"\x80" + bytes(7), 0, 30, "-9223372036854775808"),
    "1.0.9.2.0.255": (b"\x15" + b"\xff" * 8, 3, 30, "18446744073709551615000"),
    "1.0.9.3.0.255": (b"\x0f\x80", -3, 30, "-0.128"),
    "1.0.9.4.0.255": (b"\x10\xff\xff", 0, 30, "-1"),
    "1.0.9.5.0.255": (b"\x11\xff", 0, 255, "255"),
    "1.0.9.6.0.255": (b"\x17\x7f\xc0\x00\x00", 0, 30, None),
    "1.0.9.7.0.255": (b"\x17\x7f\x80\x00\x00", 0, 30, None),
    "1.0.9.8.0.255": (b"\x18" + bytes.fromhex("3FF8000000000000"), 0, 30, "1.5"),
    "1.0.9.9.0.255": (b"\x00", 0, 30, None),
    "1.0.9.10.0.255": (b"\x06\x00\x00\x00", 0, 30, None),
    "1.0.9.11.0.255": (b"\x06\x00\x00\x00\x01\x00", 0, 30, "1"),
    "1.0.9.16.0.255": (b"\x06\x00\x00\x00\x01\x02", 0, 30, None),
    "1.0.9.12.0.255": (b"\x16\x07", 0, 255, "7"),
    "1.0.9.13.0.255": (b"\x06\x00\x00\x00\x07", -128, 30, None),
    "1.0.9.14.0.255": (b"\x06\x00\x00\x00\x07", -20, 30, "0.00000000000000000007"),
    "1.0.9.15.0.255": (b"\x03\x01", 0, 255, None),
}


@pytest.mark.parametrize("lists", [True, False])
def test_extreme_values(lists: bool) -> None:
    objects = dict(OBJECTS)
    for name, (value, scaler, unit, _) in EXTREMES.items():
        objects |= register(name, value, scaler, unit)
    outcome = scan(Meter(objects=objects, lists=lists), [f"{name}:2" for name in EXTREMES] + [IMPORT])
    found = text_values(outcome)
    assert found.pop(IMPORT) == "123456000"
    del found["1.0.9.15.0.255:2"]
    assert found == {f"{name}:2": row[3] for name, row in EXTREMES.items() if name != "1.0.9.15.0.255"}


# Mutations

JOBS = [IMPORT, "1.0.2.8.0.255:2", "0.0.96.1.1.255:2", "0.0.1.0.0.255:2", "0.0.96.50.3.255:2"]
RIGHT = {
    JOBS[0]: "123456000", JOBS[1]: "18446744073709551.615", JOBS[2]: "x" * 144,
    JOBS[3]: "2026-11-22T10:30:00+02:00", JOBS[4]: None,
}  # fmt: skip


def mutation(source: random.Random, kinds: str = "01234567") -> Callable[[str, int, bytes], list[tuple[float, bytes]]]:
    """Changes about a third of the meter's answers on the line, where the checksum must find it."""

    def fault(sender: str, index: int, octets: bytes) -> list[tuple[float, bytes]]:
        if sender == "client" or source.random() > 0.3:
            return [(0.0, octets)]
        changed = bytearray(octets)
        kind = int(source.choice(kinds))
        at = source.randrange(len(changed))
        if kind == 0:
            changed[at] ^= 1 << source.randrange(8)
        elif kind == 1:
            del changed[at:]
        elif kind == 2:
            del changed[at : at + source.randrange(1, 5)]
        elif kind == 3:
            changed[at:at] = source.randbytes(source.randrange(1, 6))
        elif kind == 4:
            changed *= 2
        elif kind == 5:
            changed[at : at + 3] = source.randbytes(3)
        elif kind == 6:
            return [(0.0, bytes(changed[:at])), (source.random() * 3, bytes(changed[at:]))]
        else:
            changed = bytearray(source.randbytes(source.randrange(1, 40)))
        return [(0.0, bytes(changed))] if changed else []

    return fault


def check_scan(outcome: Outcome, right: dict[str, str | None]) -> None:
    assert outcome.error is None or isinstance(outcome.error, MeterdError)
    for reading in outcome.readings:
        expected = right[reading.signal.alias]
        assert reading.value is None or str(reading.value) == expected, (reading.signal.alias, reading.value)
    assert outcome.seconds < 600


def on_the_line(rounds: int, seed: int) -> int:
    good = 0
    for number in range(rounds):
        source = random.Random(f"{seed} {number}")
        quirks: dict[str, Any] = source.choice([{}, {"info": 62}, {"block": 40}, {"lists": False}, {"ua": b""}])
        outcome = scan(Meter(**quirks), JOBS, fault=mutation(source), timeout_ms=500)
        check_scan(outcome, RIGHT)
        good += outcome.error is None
    return good


class Liar(Meter):
    """Changes octets of its APDUs before the checksum is made: nothing protects them."""

    def __init__(self, source: random.Random, **quirks: Any) -> None:
        super().__init__(**quirks)
        self.source = source

    def apdu(self, apdu: bytes) -> bytes:
        answer = bytearray(super().apdu(apdu))
        if not answer or self.source.random() > 0.3:
            return bytes(answer)
        at = self.source.randrange(len(answer))
        kind = self.source.randrange(5)
        if kind == 0:
            answer[at] = self.source.randrange(256)
        elif kind == 1:
            del answer[max(at, 1) :]
        elif kind == 2:
            answer[at:at] = self.source.randbytes(self.source.randrange(1, 9))
        elif kind == 3:
            answer[at : at + 4] = self.source.choice([b"\xff" * 4, bytes(4), b"\x01\x82\xff\xff", b"\x02\x84\xff\xff"])
        else:
            del answer[at : at + 2]
        return bytes(answer)


def behind_the_checksum(rounds: int, seed: int) -> int:
    """Only errors of the project's own may come of it, in bounded time."""
    ended = 0
    for number in range(rounds):
        source = random.Random(f"{seed} {number}")
        quirks: dict[str, Any] = source.choice([{}, {"block": 40}, {"lists": False}, {"wrapped": True}])
        parameters = {"mode": "DLMS-WRAPPER", "ip": "127.0.0.1", "port": 1} if quirks.get("wrapped") else {}
        outcome = scan(Liar(source, **quirks), JOBS, timeout_ms=500, **parameters)
        assert outcome.error is None or isinstance(outcome.error, MeterdError)
        assert outcome.seconds < 600
        ended += outcome.error is None
    return ended


ROUNDS = int(os.environ.get("METERD_STRANGE_ROUNDS", "150"))


def test_mutations_on_the_line() -> None:
    assert on_the_line(ROUNDS, 1) > ROUNDS // 4


def test_mutations_behind_the_checksum() -> None:
    assert behind_the_checksum(ROUNDS, 2) > ROUNDS // 4


def test_a_line_that_only_babbles() -> None:
    source = random.Random(3)
    outcome = scan(Meter(), JOBS, fault=lambda sender, _, octets: [
        (0.0, octets if sender == "client" else source.randbytes(60))])  # fmt: skip
    assert isinstance(outcome.error, LineError)
    assert obis("1.0.1.8.0.255") == b"\x01\x00\x01\x08\x00\xff"
