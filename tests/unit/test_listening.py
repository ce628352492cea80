"""Meters that push: read by the daemon on a pty and over TCP, stale when they stop, good again on the next."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from meterd import log
from meterd.config.advice import advice
from meterd.config.files import load
from meterd.conversation import LineSettings, Pause, Report, Send
from meterd.daemon import listening as module
from meterd.daemon.daemon import Daemon
from meterd.daemon.listening import Listening
from meterd.daemon.state import StateDirectory
from meterd.errors import Garbled, Incomplete, MeterdError, Silence, WrongMeter
from meterd.model import Memory
from meterd.ports._loop import Loop
from meterd.protocols.iec62056_21 import discovery, driver
from meterd.simulate import iec62056_21 as simulated
from meterd.simulate.meter_host import MeterHost
from meterd.sinks.hub import Hub
from tests.pair import converse

from .iec62056_21_case import device, signal
from .runtime_rig import Readings, Rig


class PushRig(Rig):
    """The rig with the real protocol, configured as a user does."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.loop = Loop()
        self.host = MeterHost(self.loop)
        self.readings = Readings()
        self.hub = Hub([self.readings], lambda: 1_700_000_000_000)
        self.daemon = Daemon(self.loop, self.hub, StateDirectory(None))
        self.daemon.status_interval_s = 3600.0

    def use(self, *devices: dict[str, Any], tags: tuple[str, ...] = ("1.8.0",)) -> int:
        table = {"protocol": "IEC 62056-21", "serialnumber": "0", "type": "D", "scan_rate_ms": 300, "timeout_ms": 500}
        rows = [{"name": one["device_alias"], **table, **one} for one in devices]
        kind = {"number_type": "DOUBLE", "signal_name": "any"}
        signals = [
            {"device_alias": row["device_alias"], "signal_alias": tag.replace(".", "_"), "tag_job_todo": tag, **kind}
            for row in rows
            for tag in tags
        ]
        for each in signals:
            each["job_todo"] = each["tag_job_todo"]
        path = self.folder / "meterd.json"
        path.write_text(json.dumps({"devices": rows, "signals": signals}))
        configuration = load([str(path)])
        assert configuration.errors == []
        return self.daemon.configure(configuration)

    def until(self, device: str, quality: str, count: int = 1, seconds: float = 8.0) -> list[Any]:
        have = len(self.readings.of(device, quality))
        self.run(seconds, lambda: len(self.readings.of(device, quality)) >= have + count)
        return self.readings.of(device, quality)

    def row(self, device: str) -> dict[str, Any]:
        return next(row for row in self.daemon.status()["devices"] if row["device"] == device)  # type: ignore[attr-defined,no-any-return]


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[PushRig]:
    made = PushRig(tmp_path)
    yield made
    made.close()


@pytest.fixture
def said() -> Iterator[list[str]]:
    found: list[str] = []
    log.configure(log.INFO, lambda level, text: found.append(text))
    yield found
    log.configure()


# A meter apart from our codecs: an old one with a heat register, and its number under C.1.0.


def pushed(energy: str, number: str = "70341") -> bytes:
    rows = [f"C.1.0({number})", f"1-0:1.8.0*255({energy}*kWh)", f"1.8.0({energy}*kWh)", "F.F(0)"]
    return ("/ABC3vx-2\r\n\r\n" + "".join(row + "\r\n" for row in rows) + "!\r\n").encode()


class Pusher:
    """A TCP server that says what it is told to, to whoever is connected, and keeps what it hears."""

    def __init__(self) -> None:
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.listening.setblocking(False)
        self.port = self.listening.getsockname()[1]
        self.clients: list[socket.socket] = []
        self.heard = b""

    def look(self) -> None:
        try:
            client, _ = self.listening.accept()
        except BlockingIOError:
            pass
        else:
            client.setblocking(False)
            self.clients.append(client)
        for client in self.clients:
            try:
                self.heard += client.recv(4096)
            except BlockingIOError:
                pass

    def say(self, data: bytes) -> None:
        self.clients[-1].sendall(data)

    def close(self) -> None:
        for one in (self.listening, *self.clients):
            one.close()


@pytest.fixture
def pusher(rig: PushRig) -> Iterator[Pusher]:
    made = Pusher()
    yield made
    assert made.heard == b"", "something was sent on a port that only listens"
    made.close()


def connected(rig: PushRig, pusher: Pusher, count: int = 1) -> None:
    def is_there() -> bool:
        pusher.look()
        return len(pusher.clients) >= count

    rig.run(8.0, is_there)


def test_pushes_over_tcp_go_stale_when_they_stop_and_are_good_again_on_the_next(
    rig: PushRig, pusher: Pusher, said: list[str]
) -> None:
    assert rig.use({"device_alias": "heat", "ip": "127.0.0.1", "port": pusher.port}) == 1
    connected(rig, pusher)
    pusher.say(pushed("0042.70"))
    [good] = rig.until("heat", "good")
    assert (str(good.value), good.unit) == ("42.70", "kWh")
    rig.run(0.05)
    assert (rig.row("heat")["connected"], rig.row("heat")["reads_ok"]) == (True, 1)
    stale = rig.until("heat", "stale", 2)
    assert [(str(one.value), one.reason) for one in stale] == [("42.70", "no_bytes")] * 2
    assert rig.row("heat")["connected"] is False
    assert any("nothing was sent for 0.6 s" in text for text in said)
    connected(rig, pusher, 2)  # a connection on which nothing comes may be half open: there is a new one
    pusher.say(pushed("0042.71"))
    assert str(rig.until("heat", "good")[-1].value) == "42.71"
    assert rig.row("heat")["reason"] == "good"
    pusher.look()


def test_the_clock_of_each_meter_that_pushes_is_known(rig: PushRig, pusher: Pusher, said: list[str]) -> None:
    rig.hub.now_ms = lambda: 1_782_907_200_000  # 2026-07-01T12:00:00Z
    where = {"ip": "127.0.0.1", "port": pusher.port, "scan_rate_ms": 60000}
    devices = [{"device_alias": one, "serialnumber": number, **where} for one, number in (("u", "711"), ("v", "712"))]
    assert rig.use(*devices) == 2
    connected(rig, pusher)
    for number, second in (("711", "07"), ("712", "59")):
        rows = f"C.1.0({number})\r\n1.8.0(3*kWh)\r\n0.9.4(22607011200{second})\r\n"
        pusher.say(f"/ABC3vx-2\r\n\r\n{rows}!\r\n".encode())
    rig.until("u", "good")
    rig.run(8.0, lambda: all(job.status.clock_drift_s is not None for job in rig.daemon.jobs.values()))
    assert {alias: job.status.clock_drift_s for alias, job in rig.daemon.jobs.items()} == {"u": 7, "v": 59}


def test_pushes_on_a_pty_from_the_simulated_meter(rig: PushRig, tmp_path: Path) -> None:
    link = str(tmp_path / "tty")
    meter = simulated.meter(mode="D", push_ms="250", pushes="3")
    port = rig.host.on_pty(link, meter, LineSettings(2400, 7, "even", 1))
    serial = {"device": link, "baudrate": 2400, "databits": 7, "parity": "even", "stopbits": 1}
    rig.use({"device_alias": "house", **serial}, tags=("1.8.0", "0.0.0", "9.9.9"))
    rig.until("house", "good", 4)
    assert rig.readings.of("house", "invalid")[0].reason == "not_found"
    assert rig.until("house", "stale")[-1].reason == "no_bytes"
    assert rig.row("house")["bytes_sent"] == 0
    port.send(pushed("0077.70"))
    assert str(rig.until("house", "good")[-1].value) == "77.70"
    rig.run(8.0, lambda: rig.row("house")["connected"] is True)


def test_a_damaged_or_half_list_is_no_reading_and_says_why(rig: PushRig, pusher: Pusher, said: list[str]) -> None:
    rig.use({"device_alias": "heat", "ip": "127.0.0.1", "port": pusher.port})
    connected(rig, pusher)
    whole = pushed("0001.5")
    pusher.say(whole[40:])  # the end of one to begin with
    rig.run(0.1)
    pusher.say(whole[:45] + pushed("0002.5"))  # one that is cut off by the next
    assert [str(one.value) for one in rig.until("heat", "good")] == ["2.5"]
    rig.run(0.3)
    pusher.say(pushed("0003.5"))
    assert [str(one.value) for one in rig.until("heat", "good")] == ["2.5", "3.5"]
    rig.run(0.05)
    assert rig.row("heat")["bad_frames"] == 1
    pusher.say(b"\x80" * 30)
    assert rig.until("heat", "stale")[-1].reason == "bad_frame"
    assert any("begins in the middle of another" in text for text in said)
    pusher.look()


def test_two_meters_on_one_port_are_told_apart_by_their_numbers(rig: PushRig, pusher: Pusher, said: list[str]) -> None:
    place = {"ip": "127.0.0.1", "port": pusher.port, "scan_rate_ms": 1000}
    rig.use(
        {"device_alias": "left", "serialnumber": "00881", **place},
        {"device_alias": "right", "serialnumber": "882", **place},
    )
    assert isinstance(next(iter(rig.daemon.lines.values())), Listening)
    connected(rig, pusher)
    pusher.say(pushed("1.0", "881") + pushed("2.0", "0882"))
    rig.until("right", "good")
    assert [str(one.value) for one in rig.readings.of("left")] == ["1.0"]
    assert [str(one.value) for one in rig.readings.of("right")] == ["2.0"]
    pusher.say(pushed("3.0", "883"))
    rig.run(0.3)
    pusher.say(pushed("4.0", "881"))
    assert str(rig.until("left", "good")[-1].value) == "4.0"
    assert len(rig.readings.of("right")) == 1
    assert any('calls itself "883", wanted: 00881, 882' in text for text in said)
    pusher.look()


def test_a_reload_and_the_end_reach_a_line_that_listens(rig: PushRig, pusher: Pusher) -> None:
    place = {"ip": "127.0.0.1", "port": pusher.port}
    rig.use({"device_alias": "heat", **place})
    connected(rig, pusher)
    rig.use({"device_alias": "heat", **place}, {"device_alias": "other", "serialnumber": "5", **place})
    connected(rig, pusher, 2)
    pusher.say(pushed("7.0", "5"))
    rig.until("other", "good")
    rig.use({"device_alias": "heat", "type": "C", **place})
    rig.run(3.0, lambda: not any(isinstance(line, Listening) for line in rig.daemon.lines.values()))
    rig.use({"device_alias": "heat", **place})
    connected(rig, pusher, 3)
    pusher.heard = b""  # what type C has asked for
    rig.daemon.stop()
    rig.run(3.0, lambda: not rig.daemon._closing)
    assert rig.daemon.lines == {}


def test_a_port_that_is_gone_is_opened_again(rig: PushRig, pusher: Pusher, monkeypatch: pytest.MonkeyPatch) -> None:
    rig.use({"device_alias": "heat", "ip": "127.0.0.1", "port": pusher.port, "scan_rate_ms": 100})
    connected(rig, pusher)
    pusher.say(pushed("1.0"))
    rig.until("heat", "good")
    pusher.clients[-1].close()
    pusher.clients.clear()
    assert rig.until("heat", "stale")[-1].reason == "disconnected"
    connected(rig, pusher)
    pusher.say(pushed("2.0"))
    assert str(rig.until("heat", "good")[-1].value) == "2.0"


def test_who_polls_on_a_port_that_listens_is_left_out_in_words(rig: PushRig, pusher: Pusher, said: list[str]) -> None:
    place = {"ip": "127.0.0.1", "port": pusher.port}
    rig.use({"device_alias": "asked", "type": "C", **place}, {"device_alias": "heat", **place})
    connected(rig, pusher)
    pusher.say(pushed("1.0"))
    rig.until("heat", "good")
    assert any("device asked: is not read: heat sends unasked on 127.0.0.1" in text for text in said)
    pusher.look()


def test_one_scan_of_everything_ends_with_one_list_of_each(rig: PushRig, pusher: Pusher) -> None:
    rig.daemon.once = True
    place = {"ip": "127.0.0.1", "port": pusher.port, "scan_rate_ms": 200}
    rig.use(
        {"device_alias": "left", "serialnumber": "1", **place}, {"device_alias": "right", "serialnumber": "2", **place}
    )
    connected(rig, pusher)
    pusher.say(pushed("1.0", "1"))
    rig.run(5.0, lambda: not rig.daemon.lines)
    assert len(rig.readings.of("left", "good")) == 1
    assert [one.reason for one in rig.readings.of("right")] == ["no_bytes"]
    pusher.look()


def test_a_defect_of_the_talk_is_told_and_does_not_spin(
    rig: PushRig, pusher: Pusher, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[int] = []

    def broken(served: Any) -> Any:
        begun.append(1)
        raise KeyError("oops")
        yield

    monkeypatch.setattr(driver, "listen", broken)
    rig.use({"device_alias": "heat", "ip": "127.0.0.1", "port": pusher.port})
    rig.run(1.0)
    assert 1 <= len(begun) <= 1.0 / module.LEAST_TALK_S + 1
    assert any("oops" in text for text in said)


# ---- the driver alone


def listened(*sent: bytes, tags: tuple[str, ...] = ("1.8.0",), **parameter: Any) -> Any:
    """What `listen` makes of these bytes, with the end of the world behind them."""

    def meter() -> Any:
        for data in sent:
            yield Send(data)
            yield Pause(3)

    plan = driver.plan(device(type="D", **parameter), [signal(tag) for tag in tags])
    return converse(_to_its_first_report(driver.listen([(plan, Memory())])), meter(), limit_s=60)


def _to_its_first_report(talk: Any) -> Any:
    step = next(talk)
    while True:
        try:
            answer = yield step
        except MeterdError as error:
            step = talk.throw(error)
            continue
        if isinstance(step, Report):
            talk.close()
            return
        step = talk.send(answer)


@pytest.mark.parametrize(
    ("data", "error", "words"),
    [
        (pushed("1.0")[:60], Incomplete, "a list broke off"),
        (b"/ABC3x\r\n\r\n\x021.8.0(5*kWh)\r\n!\r\n\x03\x7f", Garbled, "wrong block check"),
        (b"/ABC3x\r\n\r\n1.8.0(\xb5*kWh)\r\n!\r\n", Garbled, "wrong parity"),
        (b"/ABC3x\r\n\r\n2.8.0(1)\r\n1.8/0(5)\r\n!\r\n", Garbled, "in the middle of another"),
        (pushed("1.0", "999"), WrongMeter, 'calls itself "999", not 4711'),
    ],
)
def test_what_is_no_whole_list_of_this_meter_ends_in_its_reason(data: bytes, error: type, words: str) -> None:
    outcome = listened(data, serialnumber="4711")
    assert isinstance(outcome.error, error)
    assert words in str(outcome.error)
    assert outcome.readings == []
    assert outcome.sent() == []


WHOLE = b"/QRS3box\r\n\r\n1.8.0(731.5*kWh)\r\n!\r\n"


@pytest.mark.parametrize(
    ("before", "error"),
    [
        (b"/ABC3x\r\n\r\n1.8.0(1\r\n", Garbled),
        (b"/ABC3x\r\n\r\n2.8.0(1)\r\n", Garbled),
        (b"/ABC3x\r\n\r\n2.8.0(1)\r\n1.8.0(1", Garbled),
        (b"/ABC3x\r\n\r\n2.8.0(1/9)\r\n1.8", Garbled),
        (b"/ABC3x\r\n\r\n2.8.0(1)\r\n1.8/ABC3x\r\n\r\n1.8.0(7)\r\n2.", Garbled),
        (b"/ABC3x\r\n\r\n\x021.8.0(5*kWh)\r\n!\r\n\x03\x7f", Garbled),
        (pushed("1.0", "999"), WrongMeter),
    ],
)
@pytest.mark.parametrize("step", [1, 13, 500])
def test_what_follows_a_list_that_is_refused_or_begins_within_it_is_taken_and_the_refusal_told(
    before: bytes, error: type, step: int
) -> None:
    def meter() -> Any:
        yield Send(before + WHOLE[:1])
        for at in range(1, len(WHOLE), step):
            yield Send(WHOLE[at : at + step])
        yield Pause(3)
        yield Send(b"/ABC3x\r\n\r\n1.8.0(8\r\n/")  # ends a talk that has not ended yet
        yield Pause(60)

    plan = driver.plan(device(type="D", serialnumber="4711"), [signal("1.8.0")])
    outcome = converse(driver.listen([(plan, Memory())]), meter(), limit_s=120)
    assert isinstance(outcome.error, error)
    assert [str(one.value) for one in outcome.readings] == ["731.5"]


def test_a_block_check_that_is_sent_must_be_right_and_is() -> None:
    outcome = listened(b"/ABC3x\r\n\r\n\x021.8.0(5*kWh)\r\n!\r\n\x03" + bytes([_check(b"1.8.0(5*kWh)\r\n!\r\n\x03")]))
    assert [str(one.value) for one in outcome.readings] == ["5"]


def _check(data: bytes) -> int:
    found = 0
    for byte in data:
        found ^= byte
    return found


def _telegram(reading: str, damage: int = 0) -> bytes:
    """With a CRC16, reckoned bit by bit as the P1 companion standard words it."""
    data = f"/XYZ5abc\r\n\r\n1-0:1.8.0({reading}*kWh)\r\n!".encode()
    register = 0
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = (register >> 1) ^ 0xA001 if register & 1 else register >> 1
    return data + f"{register ^ damage:04X}\r\n".encode()


def test_a_crc16_must_be_right_and_come_again_once_it_came() -> None:
    good = listened(_telegram("000012.345"), tags=("1-0:1.8.0",))
    assert [str(one.value) for one in good.readings] == ["12.345"]
    assert isinstance(listened(_telegram("1", 4), tags=("1-0:1.8.0",)).error, Garbled)
    plan, memory = driver.plan(device(type="D"), [signal("1-0:1.8.0")]), Memory()
    cut = _telegram("2").replace(_telegram("2")[-6:], b"\r\n")
    for sent, words in ((_telegram("1"), ""), (cut, "has no CRC16")):
        outcome = converse(_to_its_first_report(driver.listen([(plan, memory)])), iter_send(sent), limit_s=60)
        assert words in str(outcome.error or "")
    assert outcome.readings == []


def iter_send(data: bytes) -> Any:
    yield Send(data)
    yield Pause(3)


def test_a_meter_alone_may_keep_its_number_to_itself() -> None:
    outcome = listened(b"/ABC3x\r\n\r\n9.1(a/b)(/)\r\n1.8.0(5*kWh)\r\n!\r\n", serialnumber="4711")
    assert [str(one.value) for one in outcome.readings] == ["5"]


def test_scan_and_doctor_wait_for_a_list_and_ask_nothing() -> None:
    place = device(type="D", scan_rate_ms=5000, serialnumber="0")
    found = converse(
        discovery.discover(place, Memory(), {}, lambda text: None), simulated.meter(mode="D")(), limit_s=60
    )
    assert "1.8.0" in [row["tag_job_todo"] for row in found.value["signals"]]
    assert found.sent() == []
    plan = driver.plan(place, [signal("1.8.0")])
    assert converse(driver.conversation(plan, Memory()), simulated.meter(mode="D")(), limit_s=60).values()
    silent = converse(driver.conversation(plan, Memory()), simulated.meter()(), limit_s=60)
    assert isinstance(silent.error, Silence)
    assert silent.sent() == []


def test_a_register_cannot_be_asked_for() -> None:
    plan = driver.plan(device(type="D"), [signal("1.8.0", job="R5:1.8.0"), signal("1.8.0", alias="listed")])
    assert [(one.alias, "sends its list unasked" in why) for one, why in plan.refused] == [("1.8.0", True)]


@pytest.mark.parametrize(
    ("line", "doubted"),
    [
        ({"baudrate": 2400, "databits": 7, "parity": "even"}, False),
        ({"baudrate": 9600}, True),
        ({"parity": "odd"}, True),
    ],
)
def test_an_unusual_speed_for_mode_d_is_a_warning(line: dict[str, Any], doubted: bool) -> None:
    configured = device(type="D", **{"baudrate": 2400, "databits": 7, **line})
    configured.protocol = "iec62056_21"
    told = advice([configured], {"meter": [signal("1.8.0")]})
    assert told == (["meter: mode D sends at baudrate 2400 (7 data bits, even parity), as a rule"] if doubted else [])


@pytest.mark.parametrize("scan_rate_ms", [0, -7])
def test_where_no_interval_is_configured_a_list_is_waited_for_as_long_as_most_take(scan_rate_ms: int) -> None:
    plan = driver.plan(device(type="D", scan_rate_ms=scan_rate_ms), [signal("1.8.0")])

    def meter() -> Any:
        yield Pause(12)
        yield Send(WHOLE)

    outcome = converse(driver.conversation(plan, Memory()), meter(), limit_s=60)
    assert [str(one.value) for one in outcome.readings] == ["731.5"]
