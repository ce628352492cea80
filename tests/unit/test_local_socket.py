"""The local socket, with the real loop and real clients."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import msgpack
import pytest

from meterd import log
from meterd._number import Number
from meterd.errors import ConfigError
from meterd.model import Reading, Signal
from meterd.ports._loop import Loop
from meterd.sinks import local_socket as module
from meterd.sinks.format import msgpack_fields
from meterd.sinks.local_maps import Maps
from meterd.sinks.local_socket import LocalSocket

ENERGY = Signal("M1", "E", {})


class Server:
    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self.loop = Loop()
        self.sink = LocalSocket(self.path, self.loop)
        self.said: list[str] = []
        log.configure(log.DEBUG, lambda level, text: self.said.append(text), clock=lambda: 0.0)

    def client(self) -> socket.socket:
        made = socket.socket(socket.AF_UNIX)
        made.settimeout(5)
        made.connect(self.path)
        self.loop.turn()
        return made

    def publish(self, *readings: Reading) -> None:
        for reading in readings:
            self.sink.accept(reading)
        self.sink.flush()


def drain(client: socket.socket) -> int:
    total = 0
    try:
        while chunk := client.recv(65536):
            total += len(chunk)
    except BlockingIOError:
        pass
    return total


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path / "s")
    yield made
    made.sink.close()
    made.loop.close()
    log.configure()


def test_every_client_gets_the_readings_as_msgpack_maps(server: Server) -> None:
    server.publish(Reading(ENERGY, 0))
    with server.client() as one, server.client() as two:
        server.publish(
            Reading(ENERGY, Number(1472384, -1), "kWh", 7), Reading(ENERGY, None, quality="invalid", reason="key")
        )
        for client in (one, two):
            unpacker = msgpack.Unpacker()
            unpacker.feed(client.recv(65536))
            first, second = list(unpacker)
            assert first == {
                "device": "M1", "signal": "E", "value": 147238.4, "unit": "kWh", "time_ms": 7, "meter_time": None,
                "quality": "good", "reason": None,
            }  # fmt: skip
            assert (second["value"], second["reason"]) == (None, "key")


def test_msgpack_is_imported_for_the_first_client_only() -> None:
    site = sysconfig.get_path("platlib")
    program = (
        f"import sys; sys.path[:0] = [{str(Path(__file__).parents[2])!r}, {site!r}]\n"
        "from meterd.sinks import local_socket\n"
        "print('msgpack' in sys.modules, 'socket' in sys.modules, 'enum' in sys.modules)"
    )
    command = [sys.executable, "-I", "-S", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "False False False\n"


def test_the_socket_is_for_owner_and_group_and_goes_with_the_daemon(tmp_path: Path) -> None:
    server = Server(tmp_path / "s")
    assert stat.S_IMODE((tmp_path / "s").stat().st_mode) == 0o660
    server.sink.close()
    server.sink.close()
    assert not (tmp_path / "s").exists()
    server.loop.close()


def test_a_stale_socket_file_is_replaced_and_a_live_one_is_not(tmp_path: Path) -> None:
    path = tmp_path / "s"
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(path))
    left.close()
    server = Server(path)
    with server.client():
        pass
    with pytest.raises(ConfigError, match="another process listens there"):
        LocalSocket(str(path), server.loop)
    server.sink.close()
    server.loop.close()


def test_what_is_no_socket_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "precious"
    path.write_text("data")
    loop = Loop()
    with pytest.raises(ConfigError, match="no socket has this name"):
        LocalSocket(str(path), loop)
    with pytest.raises(ConfigError, match="cannot be opened: No such file or directory"):
        LocalSocket(str(tmp_path / "none" / "s"), loop)
    loop.close()
    assert path.read_text() == "data"


def test_a_successors_socket_is_left_alone(tmp_path: Path) -> None:
    server = Server(tmp_path / "s")
    os.rename(tmp_path / "s", tmp_path / "old")
    successor = LocalSocket(server.path, server.loop)
    server.sink.close()
    assert (tmp_path / "s").exists()
    successor.close()
    server.loop.close()


def test_a_slow_client_is_dropped_and_the_others_served(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_WAITING", 5000)
    with server.client() as slow, server.client() as quick:
        received = 0
        while len(server.sink.clients) == 2:
            server.publish(Reading(ENERGY, "x" * 1000))
            received += len(quick.recv(65536))
        server.publish(Reading(ENERGY, "last"))
        assert b"last" in quick.recv(65536)
        assert server.said == [f"{server.path}: a client reads too slowly and is dropped"]
        assert received > 5000
        slow.close()


def test_a_client_that_pauses_gets_all_of_it_later(server: Server) -> None:
    with server.client() as client:
        while not server.sink.clients[0].waiting:
            server.publish(Reading(ENERGY, "x" * 1000))
        client.setblocking(False)
        total = 0
        while server.sink.clients[0].waiting:
            total += drain(client)
            server.loop.turn()
        total += drain(client)
        assert total % len(msgpack.packb(msgpack_fields(Reading(ENERGY, "x" * 1000)))) == 0
        assert server.sink.clients


def test_clients_come_and_go_and_what_they_say_is_ignored(server: Server) -> None:
    client = server.client()
    client.sendall(b"anything")
    server.loop.turn()
    assert len(server.sink.clients) == 1
    client.shutdown(socket.SHUT_WR)
    server.loop.turn()
    server.publish(Reading(ENERGY, 5))
    assert msgpack.unpackb(client.recv(4096))["value"] == 5
    client.close()
    server.loop.turn()
    assert server.sink.clients == []
    with server.client() as other:
        other.close()
        server.publish(Reading(ENERGY, 6))
        assert server.sink.clients == []


def test_a_crowd_is_bounded(server: Server) -> None:
    crowd = [server.client() for _ in range(module.MOST_CLIENTS + 2)]
    assert len(server.sink.clients) == module.MOST_CLIENTS
    assert crowd[-1].recv(1) == b""
    assert len(server.said) == 1
    for client in crowd:
        client.close()


def test_without_msgpack_it_is_json_lines_and_says_so_once(server, monkeypatch):
    monkeypatch.setitem(sys.modules, "msgpack", None)
    client = server.client()
    with client:
        server.publish(Reading(ENERGY, Number(14723840, -2), "kWh", 1), Reading(ENERGY, "ż\ud800", None, 2))
        first, second = client.recv(65536).decode().splitlines()
    assert json.loads(first)["value"] == 147238.4
    assert "147238.40" in first
    assert json.loads(second)["time_ms"] == 2
    assert sum("JSON lines" in text for text in server.said) == 1


def keeping(tmp_path: Path, keep: int, clients: int = 16) -> Server:
    made = Server(tmp_path / "s")
    made.sink.close()
    made.sink = LocalSocket(made.path, made.loop, clients, keep)
    return made


def maps(client: socket.socket, until: str) -> list[dict[str, object]]:
    """All that comes, up to the map that has `until`."""
    unpacker = msgpack.Unpacker()
    found: list[dict[str, object]] = []
    while not (found and until in found[-1]):
        unpacker.feed(client.recv(65536))
        found += list(unpacker)
    return found


def asked(server: Server, line: bytes, *live: Reading) -> list[dict[str, object]]:
    """What a new client is told that asks with this line, while `live` readings come."""
    with server.client() as client:
        server.publish(*live)
        client.sendall(line)
        server.loop.turn()
        return maps(client, "replayed")


def test_a_client_that_was_away_gets_what_it_missed(tmp_path: Path) -> None:
    server = keeping(tmp_path, 5)
    server.publish(*(Reading(ENERGY, value) for value in range(1, 8)))  # numbers 1 to 7, of which 3 to 7 are kept
    begun = server.sink._begun_ms

    found = asked(server, b"%d 4\n" % begun, Reading(ENERGY, 8))
    assert found[0] == {"begun_ms": begun, "next": 8}
    assert [(each["sequence"], each["value"]) for each in found[1:-1]] == [(8, 8), (5, 5), (6, 6), (7, 7)]
    assert found[-1] == {"replayed": 3}

    found = asked(server, b"%d 1\n" % begun)
    assert found[1] == {"lost": [2, 3]} and [each.get("sequence") for each in found[2:-1]] == [4, 5, 6, 7, 8]

    found = asked(server, b"%d 7\n" % (begun - 1))  # the numbers of another daemon: all that is kept is new
    assert found[1] == {"lost": [1, 3]} and found[-1] == {"replayed": 5}

    assert asked(server, b"%d 8\n" % begun)[1:] == [{"replayed": 0}]
    assert asked(server, b"%d 99\n" % begun)[1:] == [{"replayed": 0}]
    server.sink.close()
    server.loop.close()


@pytest.mark.parametrize("line", [b"\n", b"x 1\n", b"-1 2\n", b"1 2 3\n", b"\xff\xff\n", b"9" * 100000])
def test_a_wish_that_is_none_is_passed_over(tmp_path: Path, line: bytes) -> None:
    server = keeping(tmp_path, 5)
    with server.client() as client:
        client.sendall(line)
        for _ in range(40):
            server.loop.turn(False)
        server.publish(Reading(ENERGY, 1))
        assert [each.get("sequence") for each in maps(client, "device")] == [None, 1]
    server.sink.close()
    server.loop.close()


def test_a_replay_may_be_larger_than_what_may_wait(tmp_path: Path) -> None:
    server = keeping(tmp_path, 20000)
    server.publish(*(Reading(ENERGY, value) for value in range(20000)))
    with server.client() as client:
        client.setblocking(False)
        client.sendall(b"%d 0\n" % server.sink._begun_ms)
        server.loop.turn()
        assert len(server.sink.clients) == 1
        total = 0
        for _ in range(2000):
            total += drain(client)
            server.loop.turn(False)
        assert total > 20000 * 80 > module.MAX_WAITING
    server.sink.close()
    server.loop.close()


def test_as_many_clients_as_are_configured(tmp_path: Path) -> None:
    server = keeping(tmp_path, 0, clients=40)
    crowd = [server.client() for _ in range(41)]
    assert len(server.sink.clients) == 40
    assert crowd[-1].recv(1) == b""
    assert any("more than 40 clients (publish.socket.clients); one is turned away" in line for line in server.said)
    for client in crowd:
        client.close()
    server.sink.close()
    server.loop.close()


OTHER = Signal("M\u00fc", "V", {})
ODD = [
    Reading(ENERGY, 1, "kWh", -1),  # a clock that is not set, and a little before 1970 at that
    Reading(ENERGY, Number(1472384, -1), "kWh", 7),
    Reading(ENERGY, Number(-1472384, -3), "kWh", 7),
    Reading(ENERGY, Number(25, -1), "MWh", 7),  # in another unit
    Reading(OTHER, Number(230, 0), "V", 8),
    Reading(OTHER, Number(999999999999999, -22), None, 8),
    Reading(OTHER, Number(1000000000000001, -3), None, 8),
    Reading(OTHER, Number(5, -30), None, 0),
    Reading(ENERGY, Number(7, 3), "kWh", 1_795_000_000_000),
    Reading(ENERGY, 1 << 63, "kWh", 1_795_000_000_000),
    Reading(ENERGY, 1 << 70, "kWh", 1_795_000_000_000),
    Reading(ENERGY, True, None, 1_795_000_000_001),
    Reading(ENERGY, 2.5, None, 1),
    Reading(ENERGY, float("nan"), None, 1),
    Reading(ENERGY, "text", None, 1, "2026-11-28T21:00:00", "stale", "timeout"),
    Reading(ENERGY, None, None, 2, None, "invalid", "key"),
]
ODD.append(Reading(ENERGY, Number(1, -1), "kWh", 3))
ODD[-1].raw = Reading(ENERGY, Number(1234, -2), "Wh", 3)


def test_maps_that_are_laid_together_are_those_that_are_packed_whole() -> None:
    packer = msgpack.Packer()
    maps = Maps(packer.pack)
    for _ in range(2):  # not known, and known
        unpacker = msgpack.Unpacker()
        unpacker.feed(maps.of(ODD))
        told = list(unpacker)
        assert told == [msgpack_fields(one) for one in ODD]
        assert not [each for each in told if type(each["value"]) is bool]
        for number, one in enumerate(ODD):
            one_told = msgpack.unpackb(maps.numbered(number, one))
            assert one_told == {"sequence": number, **msgpack_fields(one)}
            assert next(iter(one_told)) == "sequence"


def test_signals_without_end_leave_no_more_than_so_many_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("meterd.sinks.local_maps.MOST_KNOWN", 3)
    maps = Maps(msgpack.Packer().pack)
    readings = [Reading(Signal("M", f"s{number}", {}), number, None, 1) for number in range(20)]
    unpacker = msgpack.Unpacker()
    unpacker.feed(maps.of(readings))
    assert [one["signal"] for one in unpacker] == [f"s{number}" for number in range(20)]
    assert len(maps._known) <= 3
