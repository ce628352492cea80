"""A device described on the command line: read by one conversation where that is enough, by the daemon's ways where it
is not, and the same comes out of both.
"""

from __future__ import annotations

import json
import signal
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks._meters import dlms_meters
from meterd.cli.described import plain_plan
from meterd.cli.main import main
from meterd.cli.options import Arguments
from meterd.config.command_line import make_configuration, make_device
from meterd.conversation import Pause, Report
from meterd.daemon.one_scan import Single
from meterd.errors import Aborted, Silence
from meterd.model import Plan, Reading
from meterd.ports._loop import Loop
from meterd.ports._timers import Timer
from meterd.protocols import registry
from meterd.protocols.dlms import driver as dlms_driver

PLACE = ["ip=127.0.0.1", "type=LN", "client_address=32"]
ADDRESSES = ["1.0.1.8.1.255", "0.0.96.1.0.255", "1.0.99.98.97.255", "0.0.1.0.0.255"]  # the last but one is not there


@pytest.fixture(autouse=True)
def _handlers():
    """A command leaves its signal handlers and its loop's wake-up behind: its process ends with it."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)}
    yield
    signal.set_wakeup_fd(-1)
    for number, handler in before.items():
        signal.signal(number, handler)


def read(capfd: pytest.CaptureFixture[str], *words: str) -> tuple[int, list[dict[str, Any]], str]:
    capfd.readouterr()
    code = main(["read", *words])
    out, err = capfd.readouterr()
    readings = [json.loads(line) for line in out.splitlines()]
    for reading in readings:
        assert reading.pop("time_ms") > 0
    return code, readings, err


def plan_of(*words: str, program: str = "dlms", address: str = "1.0.1.8.0.255", **options: list[str]) -> object:
    given = dict(word.split("=", 1) for word in words)
    return plain_plan(make_configuration(program, given, [address]), Arguments(options, []))


@pytest.mark.parametrize("looking_on", ["-d4", "-v"])
def test_both_ways_read_the_same(looking_on, tmp_path, capfd):
    with dlms_meters(registers="3") as meter:
        state = ["--state", str(tmp_path)]
        words = ["dlms", *PLACE, f"port={meter.port}", "mode=DLMS-HDLC", "--", *ADDRESSES]
        by_itself = read(capfd, *state, *words)
        as_a_daemon = read(capfd, *state, looking_on, *words)
    assert by_itself[:2] == as_a_daemon[:2]
    assert by_itself[2] == ""
    assert [reading["reason"] for reading in by_itself[1]].count(None) >= 2
    assert by_itself[0] == 16


def test_a_text_is_read_once_more(tmp_path, capfd):
    with dlms_meters(registers="1") as meter:
        words = ["dlms", *PLACE, f"port={meter.port}", "mode=DLMS-HDLC", "--", "0.0.96.1.0.255"]
        code, [reading], _ = read(capfd, "--state", str(tmp_path), *words)
    assert code == 0
    assert isinstance(reading["value"], str)


class Driver:
    """Stands in for a protocol's: one good reading, then what the test wants."""

    def __init__(self, end: Exception | None) -> None:
        self.end = end
        self.parted = 0

    def plan(self, device, signals):
        return Plan(device, signals, None)

    def conversation(self, plan, memory):
        yield Report(Reading(plan.signals[0], 7))
        if self.end is not None:
            raise self.end

    def goodbye(self, plan, memory):
        self.parted += 1

        def talk():
            self.parted += 1
            yield Pause(0)

        return talk()


@pytest.mark.parametrize(("end", "code", "reason", "words"), [
    (None, 0, None, ""),
    (Silence("nobody"), 10, "no_bytes", "says why"),
    (ValueError("odd"), 11, "bad_frame", "meter: scan failed on a defect of meterd: ValueError: odd"),
])  # fmt: skip
def test_what_ends_it_is_the_reason_of_those_that_got_nothing(end, code, reason, words, tmp_path, capfd, monkeypatch):
    driver = Driver(end)
    monkeypatch.setattr(registry, "driver", lambda package: driver)
    with dlms_meters() as meter:
        described = ["dlms", *PLACE, f"port={meter.port}", "--", "1.0.1.8.0.255", "1.0.2.8.0.255"]
        found, readings, err = read(capfd, "--state", str(tmp_path), *described)
    assert found == code
    assert (readings[0]["value"], readings[0]["reason"]) == (7, None)
    assert [(one["value"], one["reason"]) for one in readings[1:]] == ([(None, reason)] if reason else [])
    assert words in err
    assert driver.parted == 2  # asked for its goodbye, and that was said


def test_a_goodbye_that_fails_on_a_defect_costs_no_reading(tmp_path, capfd, monkeypatch):
    class Odd(Driver):
        def goodbye(self, plan, memory):
            yield Pause(0)
            raise TypeError("odd")

    monkeypatch.setattr(registry, "driver", lambda package: Odd(None))
    with dlms_meters() as meter:
        words = ["dlms", *PLACE, f"port={meter.port}", "--", "1.0.1.8.0.255"]
        code, readings, err = read(capfd, "--state", str(tmp_path), *words)
    assert code == 0
    assert [one["value"] for one in readings] == [7]
    assert "meter: no goodbye on a defect of meterd: TypeError: odd" in err


def test_a_device_that_is_switched_off_is_said_to_be(tmp_path, capfd):
    words = ["dlms", *PLACE, "port=1", "enable=0", "--", "1.0.1.8.0.255"]
    code, readings, err = read(capfd, "--state", str(tmp_path), *words)
    assert (code, readings) == (3, [])
    assert "the only device, meter, is disabled" in err


def test_whoever_interrupts_while_a_port_is_being_opened_waits_for_nothing(monkeypatch):
    loop = Loop()
    device = make_device("dlms", {"ip": "127.0.0.1", "port": "1", "type": "LN", "client_address": "1"}, {})
    single = Single(loop, device, "", lambda reading: None)
    monkeypatch.setattr(type(single.port.carrier), "open", lambda carrier, timeout_s, opened: None)  # it takes its time
    loop.arm(timer := Timer(single.interrupt), loop.time + 0.01)
    with pytest.raises(Aborted, match="port was being opened"):
        single.run(iter(()))
    assert timer.deadline is None
    loop.close()


@pytest.mark.parametrize("option", ["debug", "frame", "port", "raw", "record", "verbose"])
def test_whoever_looks_on_has_the_daemons_ways(option):
    assert plan_of("ip=127.0.0.1", "port=1", "type=LN", "client_address=1") is not None
    assert plan_of("ip=127.0.0.1", "port=1", "type=LN", "client_address=1", **{option: [""]}) is None


def test_so_have_keys_and_meters_that_send_unasked_and_what_cannot_be_planned(monkeypatch):
    place = ["ip=127.0.0.1", "port=1"]
    keys = [f"encryption_key={'00' * 16}", f"authentication_key={'01' * 16}", "security=both"]
    assert plan_of(*place, "type=LN", "client_address=1", *keys) is None
    assert plan_of(*place, program="p1", address="1.8.0") is None
    assert plan_of(*place, "type=LN", "client_address=1", address="nonsense") is None
    monkeypatch.setattr(registry, "driver", lambda package: SimpleNamespace(plan=lambda device, signals: 1 / 0))
    assert plan_of(*place, "type=LN", "client_address=1") is None


def test_planning_twice_is_planning_once(tmp_path):
    """What cannot be read by itself is planned again by the daemon: the first time must have had no effect."""
    configuration = make_configuration("dlms", {"ip": "127.0.0.1", "port": "1", "type": "LN", "client_address": "1"},
                                       ["1.0.1.8.0.255"])  # fmt: skip
    [device] = configuration.devices
    first, second = (dlms_driver.plan(device, configuration.signals[device.alias]) for _ in range(2))
    assert first.refused == second.refused == ()
    assert [str(one.item) for one in first.requests.targets] == [str(one.item) for one in second.requests.targets]
