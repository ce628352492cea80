"""The client against the simulated meter: every way there is, every proof, every protection."""

from __future__ import annotations

import functools
from typing import Any

import pytest

from meterd._number import Number
from meterd.conversation import Burst, LineSettings
from meterd.errors import Aborted, MeterdError, PortGone, Refused, SecurityError
from meterd.protocols.dlms import driver
from meterd.protocols.dlms.parameters import AUTHENTICATIONS, SECURITIES
from meterd.protocols.dlms.security.cryptodome import elliptic_curves
from meterd.simulate import dlms as simulated
from meterd.simulate.dlms_server import ServerAssociation
from tests.pair import converse

from .dlms_pair import KEYS, KEYS_256, device, memory, scan, signal

MODES = {"DLMS-HDLC": "hdlc", "DLMS-WRAPPER": "wrapper", "IEC": "iec"}
JOBS = ("1.0.1.8.0.255", "1.0.2.8.0.255", "1.0.1.4.0.255:3", "0.0.1.0.0.255", "0.0.96.1.0.255", "1.0.14.7.0.255")
EXPECTED = {
    "1_0_1_8_0_255": (1472384, "Wh"),
    "1_0_2_8_0_255": (Number(18446744073709551615, -3), "Wh"),
    "1_0_1_4_0_255-3": (3910, "W"),
    "0_0_1_0_0_255": ("2026-01-04T02:45:00", None),
    "0_0_96_1_0_255": ("12345678", None),
    "1_0_14_7_0_255": (50.0, "Hz"),
}


@functools.cache
def key_pair(curve: str, number: int) -> tuple[str, str]:
    """Private and public key in PEM, the same in every run."""
    key = elliptic_curves().construct(curve=curve, d=number)
    return key.export_key(format="PEM"), key.public_key().export_key(format="PEM")


def both_sides(auth: str, security: str, suite: int) -> tuple[dict[str, Any], dict[str, str]]:
    """The same demands for the device and for the meter."""
    mine: dict[str, Any] = {"auth": auth, "security": security, "security_suite": suite, "client_address": 32}
    theirs = {"auth": auth, "security": security, "suite": str(suite)}
    if auth != "None":
        mine["password"] = theirs["password"] = "12345678"
    keys = KEYS_256 if suite == 2 else KEYS
    mine |= keys
    theirs |= {name: keys[name] for name in ("encryption_key", "authentication_key")}
    if auth == "HighEcdsa":
        curve = "P-384" if suite == 2 else "P-256"
        client, server = key_pair(curve, 123_456_789), key_pair(curve, 987_654_321)
        mine |= {"private_key": client[0], "peer_public_key": server[1]}
        theirs |= {"private_key": server[0], "client_public_key": client[1]}
    return mine, theirs


def combinations() -> list[tuple[str, str, int]]:
    """Authentication, security and suite, as far as the standard lets them go together."""
    found = []
    for auth in AUTHENTICATIONS:
        for security in SECURITIES:
            for suite in (0, 1, 2):
                keyless = security == "none" and auth not in ("HighGmac", "HighEcdsa")
                if (auth == "HighEcdsa" and suite == 0) or (keyless and suite):
                    continue
                found.append((auth, security, suite))
    return found


def check(outcome: Any) -> None:
    assert outcome.error is None, outcome.error
    found = {reading.signal.alias: (reading.value, reading.unit) for reading in outcome.readings}
    assert found == EXPECTED
    assert all(reading.quality == "good" for reading in outcome.readings)


@pytest.mark.parametrize("referencing", ["LN", "SN"])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("auth", "security", "suite"), combinations())
def test_every_combination_reads(mode: str, referencing: str, auth: str, security: str, suite: int) -> None:
    mine, theirs = both_sides(auth, security, suite)
    of = device(mode=mode, type=referencing, **mine)
    check(scan(of, [signal(job) for job in JOBS], {"mode": MODES[mode], "type": referencing, **theirs}))


@pytest.mark.parametrize("referencing", ["LN", "SN"])
@pytest.mark.parametrize(
    "extra", [{"dedicated_key": "00112233445566778899AABBCCDDEEFF"}, {"general_ciphering": 1},
              {"general_ciphering": 1, "dedicated_key": "00112233445566778899AABBCCDDEEFF"}],
)  # fmt: skip
def test_dedicated_key_and_general_protection(referencing: str, extra: dict[str, Any]) -> None:
    mine, theirs = both_sides("HighGmac", "both", 0)
    outcome = scan(device(type=referencing, **mine, **extra), [signal(job) for job in JOBS], theirs)
    check(outcome)
    tags = {b"\xd0", b"\x45", b"\xdb", b"\xdc", b"\xd3"} if extra else set()
    assert any(frame[15:16] in tags or frame[11:12] in tags for frame in outcome.sent())


@pytest.mark.parametrize("referencing", ["LN", "SN"])
@pytest.mark.parametrize("auth", [name for name in AUTHENTICATIONS if name not in ("None", "HighGmac", "HighEcdsa")])
def test_a_wrong_password_is_an_auth_failure(referencing: str, auth: str) -> None:
    mine, theirs = both_sides(auth, "none", 0)
    outcome = scan(device(type=referencing, **mine), [signal(JOBS[0])], {**theirs, "password": "87654321"})
    assert outcome.error is not None
    assert outcome.error.reason == "auth"
    assert not outcome.readings
    assert "12345678" not in str(outcome.error)


@pytest.mark.parametrize("name", ["encryption_key", "authentication_key"])
def test_a_wrong_key_is_a_key_failure(name: str) -> None:
    mine, theirs = both_sides("None", "both", 0)
    outcome = scan(device(**mine), [signal(JOBS[0])], {**theirs, name: "FF" * 16})
    assert outcome.error is not None
    assert outcome.error.reason == "key"


def test_a_meter_that_knows_no_ciphering_says_so() -> None:
    mine, _ = both_sides("None", "both", 0)
    outcome = scan(device(**mine), [signal(JOBS[0])], {})
    assert isinstance(outcome.error, Refused)
    assert "application context name not supported" in str(outcome.error)
    assert not outcome.readings


def test_a_meter_that_answers_in_clear_is_refused() -> None:
    """Whoever stands in the line may answer as a meter without keys would: nothing of that counts."""
    clear, _ = both_sides("None", "none", 0)
    recorded = scan(device(**clear), [signal(JOBS[0])], {}).sent("meter")

    def impostor(sender: str, index: int, data: bytes) -> list[tuple[float, bytes]]:
        return [(0.0, recorded[index] if sender == "meter" and index < len(recorded) else data)]

    mine, theirs = both_sides("None", "both", 0)
    outcome = scan(device(**mine), [signal(JOBS[0])], theirs, fault=impostor)
    assert isinstance(outcome.error, SecurityError)
    assert "plaintext" in str(outcome.error)
    assert not outcome.readings


def test_a_meter_without_the_secret_does_not_prove_itself() -> None:
    mine, theirs = both_sides("HighMd5", "none", 0)
    factory = simulated.meter(**theirs)
    genuine = scan(device(**mine), [signal(JOBS[0])], factory)
    replayed = [data for _, side, data in genuine.wire if side == "meter"]

    def impostor(sender: str, index: int, data: bytes) -> list[tuple[float, bytes]]:
        return [(0.0, replayed[index] if sender == "meter" and index < len(replayed) else data)]

    kept = memory()
    kept.random_bytes(16)  # another challenge than the recorded one
    outcome = scan(device(**mine), [signal(JOBS[0])], theirs, kept, fault=impostor)
    assert outcome.error is not None
    assert outcome.error.reason == "auth"
    assert not outcome.readings


class TestInvocationCounter:
    def test_goes_on_where_another_association_under_the_keys_has_got_to(self) -> None:
        mine, theirs = both_sides("None", "both", 0)
        factory = simulated.meter(**theirs)
        kept = memory()
        check(scan(device(**mine), [signal(job) for job in JOBS], factory, kept))
        other = memory()
        other.counter = kept.counter
        check(scan(device(**mine), [signal(job) for job in JOBS], factory, other))

    @pytest.mark.parametrize("referencing", ["LN", "SN"])
    def test_is_read_from_its_object_when_it_was_lost(self, referencing: str) -> None:
        mine, theirs = both_sides("None", "both", 0)
        factory = simulated.meter(**theirs)
        of = device(type=referencing, **mine)
        check(scan(of, [signal(job) for job in JOBS], factory, memory()))
        assert scan(of, [signal(JOBS[0])], factory, memory()).error is not None
        of = device(type=referencing, invocation_counter_obis="0.0.43.1.0.255", **mine)
        check(scan(of, [signal(job) for job in JOBS], factory, memory()))


@pytest.mark.parametrize("referencing", ["LN", "SN"])
@pytest.mark.parametrize("pdu", [64, 100, 128, 255, 1000, 65535])
@pytest.mark.parametrize("gbt", ["0", "1"])
def test_every_pdu_size(referencing: str, pdu: int, gbt: str) -> None:
    meter = {"pdu": str(pdu), "gbt": gbt}
    check(scan(device(type=referencing, max_pdu_size=pdu), [signal(job) for job in JOBS], meter))


@pytest.mark.parametrize("referencing", ["LN", "SN"])
@pytest.mark.parametrize("info", [64, 128, 600, 2030])
@pytest.mark.parametrize("window", range(1, 8))
def test_every_window_and_information_field(referencing: str, info: int, window: int) -> None:
    of = device(type=referencing, max_info_field=info, window_size=window)
    meter = {"info": str(info), "window": str(window)}
    check(scan(of, [signal(job) for job in JOBS], meter))


@pytest.mark.parametrize("referencing", ["LN", "SN"])
@pytest.mark.parametrize("mode", ["DLMS-HDLC", "DLMS-WRAPPER"])
@pytest.mark.parametrize(
    "meter", [{"lists": "no"}, {"lists": "refused"}, {"object_list": "0"}, {"bare_ua": "1"}, {"strict_snrm": "1"},
              {"busy": "3"}, {"lists": "no", "object_list": "0"}, {"blocks": "0"}, {"registers": "200"}],
)  # fmt: skip
def test_meters_that_lack_something(referencing: str, mode: str, meter: dict[str, str]) -> None:
    factory = simulated.meter(mode=MODES[mode], **meter)
    kept = memory()
    if referencing == "SN" and "object_list" in meter:
        outcome = scan(device(type=referencing, mode=mode), [signal(job) for job in JOBS], factory, kept)
        assert {reading.reason for reading in outcome.readings} == {"not_found"}
        return
    first = scan(device(type=referencing, mode=mode), [signal(job) for job in JOBS], factory, kept, chunk=100)
    check(first)
    second = scan(device(type=referencing, mode=mode), [signal(job) for job in JOBS], factory, kept, chunk=100)
    check(second)
    # In the second scan it was known where the meter keeps its number, and base names were held against the meter.
    third = scan(device(type=referencing, mode=mode), [signal(job) for job in JOBS], factory, kept, chunk=100)
    assert len(third.wire) <= len(first.wire), "what was learnt is remembered"


def test_a_meter_silent_to_lists_is_read_singly_in_the_end() -> None:
    factory = simulated.meter(lists="silent")
    kept = memory()
    for _ in range(3):
        outcome = scan(device(timeout_ms=300), [signal(job) for job in JOBS], factory, kept)
    check(outcome)


def test_a_short_name_is_read_without_an_object_list() -> None:
    factory = simulated.meter(object_list="0")
    # The fifth object, an energy register, and its value attribute.
    place = 0x0100 + 0x40 * 4 + 8
    for given in ({}, {"class_id": 3}):
        outcome = scan(device(type="SN"), [signal("1.0.1.8.0.255", short_name=place, **given)], factory)
        assert [(r.value, r.unit) for r in outcome.readings] == [(1472384, "Wh")], outcome.error


@pytest.mark.parametrize("referencing", ["LN", "SN"])
def test_only_values_are_scaled(referencing: str) -> None:
    jobs = ("1.0.1.4.0.255", "1.0.1.4.0.255:3", "1.0.1.4.0.255:4", "1.0.1.4.0.255:8", "1.0.1.4.0.255:6")
    outcome = scan(device(type=referencing), [signal(job) for job in jobs], {})
    assert [(reading.value, reading.unit) for reading in outcome.readings] == [
        (3770, "W"), (3910, "W"), ("[1, 27]", None), (900, None), ("2026-01-01T00:30:00", None),
    ]  # fmt: skip


def test_objects_that_are_not_there_fail_alone() -> None:
    outcome = scan(device(), [signal("1.0.99.9.9.255"), signal("1.0.1.8.0.255:77"), signal("1.0.1.8.0.255")], {})
    assert {r.signal.alias: r.reason for r in outcome.readings} == {
        "1_0_99_9_9_255": "not_found", "1_0_1_8_0_255-77": "not_found", "1_0_1_8_0_255": None,
    }  # fmt: skip


class TestKeptOpen:
    def test_the_next_scan_needs_no_new_association(self) -> None:
        kept = memory()
        meter = Lasting(simulated.meter()())
        of = device(keep_open=1)
        check(scan(of, [signal(job) for job in JOBS], meter, kept))
        second = scan(of, [signal(job) for job in JOBS], meter, kept)
        check(second)
        assert len(second.sent()) == 1, "one list"

    @pytest.mark.parametrize("mode", ["DLMS-HDLC", "DLMS-WRAPPER"])
    def test_a_meter_that_has_forgotten_it_is_associated_anew(self, mode: str) -> None:
        kept = memory()
        factory = simulated.meter(mode=MODES[mode])
        of = device(keep_open=1, mode=mode)
        check(scan(of, [signal(job) for job in JOBS], factory, kept))
        outcome = scan(of, [signal(job) for job in JOBS], factory, kept)  # another connection: it knows nothing
        check(outcome)
        assert len(outcome.sent()) <= 6

    def test_a_meter_that_has_forgotten_it_without_a_word(self) -> None:
        kept = memory()
        factory = simulated.meter()
        of = device(keep_open=1, timeout_ms=1000)
        check(scan(of, [signal(job) for job in JOBS], factory, kept))

        def deaf_at_first(sender: str, index: int, data: bytes) -> list[tuple[float, bytes]]:
            return [] if sender == "client" and index < 2 else [(0.0, data)]

        outcome = scan(of, [signal(job) for job in JOBS], factory, kept, fault=deaf_at_first)
        check(outcome)
        assert outcome.seconds < 4.0, "it is asked once, not three times"


class TestAgain:
    """The same plan over an association that was left open: one burst, from which the long way is taken if need be."""

    JOBS = ("1.0.1.8.0.255", "1.0.2.8.0.255", "1.0.14.7.0.255")

    @staticmethod
    def noted(conversation: Any, steps: list[Any]) -> Any:
        answer, error = None, None
        while True:
            try:
                step = conversation.throw(error) if error is not None else conversation.send(answer)
            except StopIteration:
                return
            steps.append(step)
            answer, error = None, None
            try:
                answer = yield step
            except MeterdError as caught:
                error = caught

    def planned(self, mode: str = "DLMS-HDLC") -> Any:
        return driver.plan(device(keep_open=1, mode=mode), [signal(job) for job in self.JOBS])

    def good(self, outcome: Any) -> bool:
        assert outcome.error is None, outcome.error
        return {reading.signal.alias: reading.quality for reading in outcome.readings} == {
            job.replace(".", "_"): "good" for job in self.JOBS
        }

    @pytest.mark.parametrize("mode", ["DLMS-HDLC", "DLMS-WRAPPER"])
    def test_a_scan_like_the_last_one_is_a_single_step(self, mode: str) -> None:
        kept, plan, meter = memory(), self.planned(mode), Lasting(simulated.meter(mode=MODES[mode])())
        for number in range(5):
            steps: list[Any] = []
            outcome = converse(self.noted(driver.conversation(plan, kept), steps), meter())
            assert self.good(outcome)
            assert kept.own.session is not None
            said = [step for step in steps if not isinstance(step, LineSettings)]
            assert number == 0 or [isinstance(step, Burst) for step in said] == [True]

    @pytest.mark.parametrize("mode", ["DLMS-HDLC", "DLMS-WRAPPER"])
    def test_a_meter_that_has_forgotten_it_is_read_over_a_new_association(self, mode: str) -> None:
        kept, plan, factory = memory(), self.planned(mode), simulated.meter(mode=MODES[mode])
        assert self.good(converse(driver.conversation(plan, kept), factory()))
        left = kept.own.session
        assert self.good(converse(driver.conversation(plan, kept), factory()))
        assert kept.own.session not in (None, left)

    def test_one_that_is_aborted_says_goodbye_and_leaves_nothing_open(self) -> None:
        kept, plan, meter = memory(), self.planned(), Lasting(simulated.meter()())
        assert self.good(converse(driver.conversation(plan, kept), meter()))
        outcome = converse(driver.conversation(plan, kept), meter(), abort_after=1)
        assert isinstance(outcome.error, Aborted)
        assert len(outcome.sent()) > 1, "it said goodbye"
        assert kept.own.session is None

    def test_what_the_meter_refuses_alone_fails_alone(self) -> None:
        kept, plan = memory(), driver.plan(
            device(keep_open=1), [signal("1.0.1.8.0.255"), signal("1.0.1.8.0.255:77"), signal("1.0.14.7.0.255")]
        )  # fmt: skip
        meter = Lasting(simulated.meter()())
        for _ in range(3):
            outcome = converse(driver.conversation(plan, kept), meter())
            assert sorted(reading.quality for reading in outcome.readings) == ["good", "good", "invalid"]
            assert {reading.signal.alias for reading in outcome.readings if reading.reason} == {"1_0_1_8_0_255-77"}


class Lasting:
    """A meter that outlives the scans: each call is one connection to the same conversation."""

    def __init__(self, meter: Any) -> None:
        self.meter = meter
        self.step = meter.send(None)

    def __call__(self) -> Any:
        while True:
            try:
                answer = yield self.step
            except PortGone:
                return
            except MeterdError as error:
                self.step = self.meter.throw(error)
                continue
            self.step = self.meter.send(answer)


def test_a_meter_that_hangs_up_is_asked_again_once() -> None:
    outcome = scan(device(), [signal(job) for job in JOBS], {"hang_up": "5"})
    assert outcome.error is None or outcome.error.reason == "disconnected"
    values = {reading.signal.alias: reading.value for reading in outcome.readings}
    assert all(values[alias] == EXPECTED[alias][0] for alias in values)


def test_mode_e_without_confirmation_and_with_a_read_out() -> None:
    check(scan(device(mode="IEC"), [signal(job) for job in JOBS], {"mode": "iec", "confirms": "0"}))
    outcome = scan(device(mode="IEC"), [signal(JOBS[0])], {"mode": "iec", "readout": "1"})
    assert "read-out" in str(outcome.error)
    assert [str(settings) for settings in outcome.settings[:1]] == ["300 7E1"]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("after", range(1, 6))
def test_an_aborted_scan_says_goodbye(mode: str, after: int) -> None:
    plan = driver.plan(device(mode=mode), [signal(JOBS[0])])
    meter = simulated.meter(mode=MODES[mode])()
    outcome = converse(driver.conversation(plan, memory()), meter, abort_after=after)
    assert isinstance(outcome.error, Aborted)
    last = outcome.sent()[-1]
    goodbyes = {"DLMS-WRAPPER": last[8:9] == b"\x62" or last[8:9] == b"\x60"}
    assert goodbyes.get(mode, last[5:6] == b"\x53" or last[:2] in (b"/?", b"\x062"))


@pytest.mark.parametrize("failures", [1, 3, 10])
def test_an_object_list_that_does_not_come_is_asked_for_again_ever_less_often(
    failures: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under short names nothing can be read without it."""
    asked: list[int] = []
    attribute = ServerAssociation._association_attribute

    def failing(self: ServerAssociation, number: int, listed: Any) -> tuple[int, bytes]:
        if number == 2:
            asked.append(number)
        return (2, b"") if len(asked) <= failures else attribute(self, number, listed)

    monkeypatch.setattr(ServerAssociation, "_association_attribute", failing)
    of, meter, kept = device(type="SN"), simulated.meter(type="SN"), memory()
    scans = 0
    while not scan(of, [signal("1.0.1.8.0.255")], meter, kept).readings[0].value:
        scans += 1
        assert scans < 2**failures
    assert len(asked) == failures + 1
    assert scans == sum(min(2**count - 1, 63) for count in range(failures)) + failures
