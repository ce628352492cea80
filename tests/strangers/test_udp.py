"""Meters over UDP: datagrams lost, doubled, halved and from anybody; a meter written apart from the codecs answers."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from select import POLLIN
from typing import Any

import pytest

from meterd.config.advice import advice
from meterd.conversation import Receive, Send
from meterd.daemon.one_scan import Single
from meterd.errors import ConfigError, MeterdError, PortGone
from meterd.model import Device, Memory, Reading
from meterd.ports import udp as module
from meterd.ports._loop import Loop
from meterd.ports._port import Port
from meterd.ports.player import Player
from meterd.ports.udp import DatagramListener, is_whole, udp_socket
from meterd.protocols.dlms import driver
from meterd.simulate.dlms import meter as simulated
from meterd.simulate.meter_host import MeterHost

from ..unit.dlms_pair import device, signal
from .dlms_meter import Meter

Fate = Callable[[int, bytes], list[bytes]]


@pytest.fixture
def loop() -> Iterator[Loop]:
    made = Loop()
    yield made
    made.close()


class UdpMeter:
    """In the same loop; `fate(number, answer)` says which datagrams become of the n-th answer."""

    def __init__(self, loop: Loop, fate: Fate) -> None:
        self.meter = Meter(wrapped=True)
        self.fate = fate
        self.answers = 0
        self.bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.bound.bind(("127.0.0.1", 0))
        self.loop = loop
        loop.register(self.bound.fileno(), POLLIN, self._hear)

    def _hear(self, revents: int) -> None:
        data, peer = self.bound.recvfrom(65535)
        for _, answer in self.meter.hear(data):
            for datagram in self.fate(self.answers, answer):
                self.bound.sendto(datagram, peer)
            self.answers += 1

    def close(self) -> None:
        self.loop.unregister(self.bound.fileno())
        self.bound.close()


def over_udp(port: int, **given: Any) -> Device:
    return device(
        ip="127.0.0.1", port=port, mode="DLMS-WRAPPER", transport="udp", **{"timeout_ms": 400, "lists": "no", **given}
    )


def scan(loop: Loop, meter: Device, jobs: tuple[str, ...]) -> tuple[dict[str, str], MeterdError | None]:
    """Values by job, of readings that are good; and what ended the scan."""
    readings: list[Reading] = []
    signals = [signal(job, alias=job) for job in jobs]
    single = Single(loop, meter, "", readings.append)
    error = None
    try:
        single.run(driver.conversation(driver.plan(meter, signals), Memory()))
    except MeterdError as caught:
        error = caught
    finally:
        single.close()
    return {one.signal.alias: str(one.value) for one in readings if one.quality == "good"}, error


JOBS = {"1.0.1.8.0.255:2": "123456000", "1.0.13.7.0.255:2": "0.987", "0.0.96.1.0.255:2": "SN12345678"}
FATES: dict[str, Fate] = {
    "plain": lambda number, answer: [answer],
    "doubled": lambda number, answer: [answer, answer],
    "one_is_lost": lambda number, answer: [] if number == 3 else [answer],
    "strangers_between": lambda number, answer: [b"hello", b"", answer[:-1] + b"", answer],
    "half_comes_first": lambda number, answer: [answer[: len(answer) // 2], answer],
    "two_in_one": lambda number, answer: [answer + b"\x00\x01\x00\x01\x00\x63\x00\x02\xc4\x01"],
}


@pytest.mark.parametrize("fate", FATES)
def test_registers_are_read_over_udp_whatever_becomes_of_datagrams(loop: Loop, fate: str) -> None:
    meter = UdpMeter(loop, FATES[fate])
    values, error = scan(loop, over_udp(meter.bound.getsockname()[1]), tuple(JOBS))
    meter.close()
    assert error is None
    assert values == JOBS


@pytest.mark.parametrize("cut", range(1, 9))
def test_a_datagram_that_is_cut_is_no_value_and_its_rest_no_other_ones(loop: Loop, cut: int) -> None:
    """Each answer lacks its end: joined to the next one it would be whole again."""
    meter = UdpMeter(loop, lambda number, answer: [answer[:-cut]] if number else [answer])
    values, error = scan(loop, over_udp(meter.bound.getsockname()[1], timeout_ms=60, retry_counter=1), tuple(JOBS))
    meter.close()
    assert error is not None
    assert values == {}


def test_a_port_at_which_nobody_listens_is_told(loop: Loop) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    _, error = scan(loop, over_udp(port), tuple(JOBS))
    assert isinstance(error, PortGone)
    assert "refused" in str(error)


def test_udp_is_for_the_wrapper_alone_and_no_other_port_than_tcps() -> None:
    place = {"ip": "127.0.0.1", "port": 4059}
    for wrong in ({"mode": "DLMS-HDLC", **place}, {"mode": "DLMS-WRAPPER", "device": "/dev/ttyS0"}):
        with pytest.raises(ConfigError, match="udp takes an ip, and mode DLMS-WRAPPER"):
            driver.plan(device(transport="udp", **wrong), [])
    devices = []
    for number, transport in enumerate(("udp", "tcp")):
        one = device(mode="DLMS-WRAPPER", transport=transport, **place)
        one.alias, one.line = f"d{number}", f"{'udp://' if transport == 'udp' else ''}127.0.0.1:4059"
        devices.append(one)
    assert not [text for text in advice(devices, {"d0": [], "d1": []}) if "serial_server" in text]


def test_the_simulated_meter_serves_several_peers_at_once(loop: Loop) -> None:
    host = MeterHost(loop)
    port = host.on_udp(0, simulated(mode="wrapper", registers="2"))
    for _ in range(3):
        values, error = scan(loop, over_udp(port, physical_address=0, logical_address=1), ("1.0.1.8.2.255:2",))
        assert (error, list(values)) == (None, ["1.0.1.8.2.255:2"])
    host.close()


# ---- the listener


def wrapped(apdu: bytes) -> bytes:
    return b"\x00\x01\x00\x01\x00\x10" + len(apdu).to_bytes(2, "big") + apdu


def test_what_is_whole() -> None:
    one, other = wrapped(b"abc"), wrapped(b"")
    assert [is_whole(data) for data in (one, other, one + other, one + other + one)] == [True] * 4
    for cut in range(len(one + other)):
        assert is_whole((one + other)[:cut]) == (cut == len(one))
    assert not is_whole(one + b"\x00")
    assert not is_whole(b"\x00\x02" + one[2:])


class Heard:
    """A listener whose peers are noted; `sender()` makes one."""

    def __init__(self, loop: Loop) -> None:
        self.loop = loop
        self.data: dict[str, list[bytes]] = {}
        self.ports: list[Port] = []
        self.gone: list[str] = []
        self.listener = DatagramListener(loop, udp_socket("127.0.0.1", 0), self._serve)
        self.senders: list[socket.socket] = []

    def _serve(self, port: Port) -> None:
        port.on_data = self.data.setdefault(port.name, []).append
        port.on_gone = lambda error: self.gone.append(str(error))
        self.ports.append(port)

    def sender(self) -> socket.socket:
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.connect(("127.0.0.1", self.listener.port))
        self.senders.append(made)
        return made

    def close(self) -> None:
        self.listener.close()
        self.listener.close()
        for made in self.senders:
            made.close()


@pytest.fixture
def heard(loop: Loop) -> Iterator[Heard]:
    made = Heard(loop)
    yield made
    made.close()


def test_each_peer_is_a_port_of_its_own_and_is_answered(heard: Heard) -> None:
    left, right = heard.sender(), heard.sender()
    for number in range(3):
        left.send(wrapped(b"left %d" % number))
        right.send(wrapped(b"right %d" % number))
        heard.loop.turn()
    assert sorted(heard.data.values()) == [
        [wrapped(b"left %d" % number) for number in range(3)],
        [wrapped(b"right %d" % number) for number in range(3)],
    ]
    heard.ports[1].send(b"for right")
    assert right.recv(100) == b"for right"
    heard.ports[0].close()
    with pytest.raises(PortGone):
        heard.ports[0].send(b"x")
    left.send(wrapped(b"again"))
    heard.loop.turn()
    assert len(heard.ports) == 3, "one that was closed begins anew"


def test_who_floods_leaves_room_for_others_and_rubbish_makes_no_peer(heard: Heard) -> None:
    loud, quiet = heard.sender(), heard.sender()
    for _ in range(module.MOST_OF_A_PEER + 20):
        loud.send(wrapped(b"loud"))
    loud.send(b"rubbish")
    quiet.send(wrapped(b"quiet"))
    heard.loop.turn()
    assert sorted(map(len, heard.data.values())) == [1, module.MOST_OF_A_PEER]
    assert heard.listener.refused == 21
    stranger = heard.sender()
    stranger.send(b"\x00\x01 rubbish")
    heard.loop.turn()
    assert len(heard.ports) == 2


def test_the_peer_heard_longest_ago_gives_way(heard: Heard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_PEERS", 2)
    first, second, third = heard.sender(), heard.sender(), heard.sender()
    for who in (first, second, first, third):
        who.send(wrapped(b"x"))
        heard.loop.turn()
    assert [port.is_open() for port in heard.ports] == [True, False, True]
    assert len(heard.gone) == 1 and "have sent since" in heard.gone[0]


def test_a_conversation_may_end_the_listener_in_the_midst_of_a_turn(heard: Heard) -> None:
    class Whole:
        pending, missing, discarded, reason = 0, 1, 0, ""

        def feed(self, data: bytes) -> bytes | None:
            return data or None

        def reset(self) -> None:
            """Nothing is held."""

    def talk() -> Any:
        yield Send((yield Receive(Whole(), None, 100)))
        heard.listener.close()

    def serve(port: Port) -> None:
        player = Player(heard.loop, port, lambda reading: None, lambda error: None, strips_echo=False)
        player.start(talk())

    heard.listener._serve = serve
    sender = heard.sender()
    sender.send(wrapped(b"one"))
    sender.send(wrapped(b"two"))
    while heard.listener.fileno() >= 0:
        heard.loop.turn()
    assert sender.recv(100) == wrapped(b"one") + wrapped(b"two")
