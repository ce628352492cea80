"""The control socket: half requests, slow and vanished clients, a crowd, and traces that outlive a reload."""

from __future__ import annotations

import json
import os
import socket

import pytest

from meterd.daemon import control as module
from meterd.daemon.control import MAX_CLIENTS, Control

from .runtime_rig import Rig, counting_meter, tcp_device


@pytest.fixture
def rig(monkeypatch, tmp_path):
    made = Rig(monkeypatch)
    made.reloads = []
    made.path = str(tmp_path / "run" / "control.sock")
    made.control = Control(made.daemon, made.hub, made.path, lambda then: (made.reloads.append(1), then()))
    yield made
    made.control.close()
    made.close()


@pytest.fixture
def knock(rig):
    clients = []

    def connect(text: bytes = b"", half: bool = False):
        client = socket.socket(socket.AF_UNIX)
        client.connect(rig.path)
        client.sendall(text)
        if half:
            client.shutdown(socket.SHUT_WR)
        client.setblocking(False)
        clients.append(client)
        return client

    yield connect
    for client in clients:
        client.close()


def take(rig, client, seconds=5.0) -> bytes:
    """What the client gets until the daemon ends the connection."""
    taken = []

    def over() -> bool:
        try:
            taken.append(client.recv(65536))
        except BlockingIOError:
            return False
        except ConnectionResetError:  # it was let go with bytes of it unread
            taken.append(b"")
        return not taken[-1]

    rig.run(seconds, over)
    return b"".join(taken)


def test_one_line_in_one_line_out(rig, knock):
    told = json.loads(take(rig, knock(b"status\n")))
    assert told.pop("daemon").keys() == {"longest_turn_ms", "clock_jumps"}
    sink = {"sink": "Readings", "state": "good", "waiting": 0, "lost": 0}
    assert told == {
        "ok": True,
        "running": [],
        "stopped": [],
        "not_read": [],
        "devices": [],
        "lines": [],
        "callers": [],
        "sinks": [sink],
    }
    assert json.loads(take(rig, knock(b"reload\n", half=True)))["ok"]
    assert rig.reloads == [1]
    assert not json.loads(take(rig, knock(b"dance\n")))["ok"]
    assert not json.loads(take(rig, knock(b"\n")))["ok"]
    assert not json.loads(take(rig, knock(b"start nothing\n")))["ok"]


@pytest.mark.parametrize(("name", "package"), module.registry.PROGRAMS.items())
def test_what_status_names_is_what_start_takes(rig, knock, name, package):
    assert json.loads(take(rig, knock(f"stop {name}\n".encode())))["ok"]
    assert rig.daemon.stopped_protocols == {package}
    [stopped] = json.loads(take(rig, knock(b"status\n")))["stopped"]
    assert json.loads(take(rig, knock(f"start {stopped}\n".encode())))["ok"]
    assert rig.daemon.stopped_protocols == set()


def test_a_request_in_pieces(rig, knock):
    client = knock(b"sta")
    rig.run(0.05)
    client.sendall(b"tus\n")
    assert json.loads(take(rig, client))["ok"]


def test_a_long_answer_reaches_a_slow_client_that_has_said_all_it_will(rig, knock):
    port = rig.host.on_tcp(0, counting_meter())
    rig.configure(*(tcp_device(f"{'m' * 1000}{number}", port) for number in range(400)))
    client = knock(b"status\n", half=True)
    rig.run(0.3)
    assert len(json.loads(take(rig, client))["devices"]) == 400


@pytest.mark.parametrize("request_bytes", [b"x" * 1000, b"\xff" * 300])
def test_endless_requests_are_cut_off(rig, knock, request_bytes):
    assert take(rig, knock(request_bytes)) == b""


def test_clients_that_ask_nothing_make_room_for_others(rig, knock, monkeypatch):
    monkeypatch.setattr(module, "CLIENT_S", 0.3)
    for _ in range(MAX_CLIENTS):
        knock(b"sta")
    rig.run(0.1)
    assert take(rig, knock(b"")) == b""
    rig.run(0.5)
    assert json.loads(take(rig, knock(b"status\n")))["ok"]


def test_clients_that_vanish_leave_nothing_behind(rig, knock):
    before = len(os.listdir("/proc/self/fd"))
    for text in (b"", b"sta", b"status\n", b"trace\n") * 10:
        knock(text).close()
        rig.run(0.02)
    rig.run(0.1)
    assert len(os.listdir("/proc/self/fd")) == before
    assert rig.control._clients == {}


def test_who_has_said_all_it_will_gets_the_answer_to_what_takes_long(rig, knock):
    port = rig.host.on_tcp(0, counting_meter())
    rig.configure(tcp_device("meter", port, scan_rate_ms=60_000))
    rig.run(5.0, lambda: rig.readings.of("meter", "good"))
    lines = take(rig, knock(f"read meter 127.0.0.1:{port}\n".encode(), half=True)).splitlines()
    assert [json.loads(line).get("ok") for line in lines] == [None, True]
    assert json.loads(take(rig, knock(b"reload\n", half=True)))["ok"]
    assert rig.reloads == [1]


def test_a_defect_is_an_answer_too(rig, knock, said, monkeypatch):
    def broken(then):
        raise KeyError("oops")

    rig.control.reload = broken
    assert "defect" in json.loads(take(rig, knock(b"reload\n")))["error"]
    assert len([text for text in said if "oops" in text]) == 1


def test_a_trace_goes_on_over_a_reload_and_shows_no_secret(rig, knock):
    port, other = rig.host.on_tcp(0, counting_meter()), rig.host.on_tcp(0, counting_meter())
    first = tcp_device("a", port, password=b"a E")
    rig.configure(first)
    client = knock(b"trace\n", half=True)
    rig.run(0.5)
    rig.configure(first, tcp_device("b", other))
    rig.run(0.5)
    rig.configure(tcp_device("b", other))
    rig.run(0.3)
    text = client.recv(1 << 20).decode()
    assert text.startswith("# meterd wire log 1\n")
    assert f"@ 127.0.0.1:{port}\n" in text
    assert f"@ 127.0.0.1:{other}\n" in text
    assert b"b E\n".hex(" ") in text
    assert b"a E".hex(" ") not in text
    assert "** ** ** 0a" in text
    client.close()
    rig.run(0.3)
    assert rig.control._clients == {}
    assert all(line.player.observers == [] for line in rig.daemon.lines.values())


def test_a_trace_of_one_line_only(rig, knock):
    port, other = rig.host.on_tcp(0, counting_meter()), rig.host.on_tcp(0, counting_meter())
    client = knock(b"trace 127.0.0.1:%d\n" % other)
    rig.run(0.1)
    rig.configure(tcp_device("a", port), tcp_device("b", other))
    rig.run(0.5)
    text = client.recv(1 << 20).decode()
    assert f"@ 127.0.0.1:{other}\n" in text
    assert f"@ 127.0.0.1:{port}\n" not in text


def test_a_trace_of_a_device_by_its_name_from_when_it_comes(rig, knock):
    port, other = rig.host.on_tcp(0, counting_meter()), rig.host.on_tcp(0, counting_meter())
    rig.configure(tcp_device("a", port), tcp_device("b", other))
    client = knock(b"trace c\n")
    rig.run(0.3)
    rig.configure(tcp_device("a", port), tcp_device("b", other), tcp_device("c", other))
    rig.run(0.5)
    rig.configure(tcp_device("a", port), tcp_device("b", other), tcp_device("c", other))
    rig.run(0.3)
    text = client.recv(1 << 20).decode()
    note, line = f"# nothing is called c so far; lines: 127.0.0.1:{port}, 127.0.0.1:{other}\n", f"@ 127.0.0.1:{other}\n"
    assert text.count(note) == 1
    assert text.count(line) == 1
    assert f"@ 127.0.0.1:{port}\n" not in text


def test_a_trace_that_nobody_reads_is_let_go(rig, knock, monkeypatch):
    monkeypatch.setattr(module, "MAX_WAITING", 1000)
    knock(b"trace\n")
    rig.run(0.1)
    client = next(iter(rig.control._clients.values()))
    for _ in range(2000):
        client.write("x" * 1000)
    assert rig.control._clients == {}
    client.write("nothing happens")
    client.flush()


def test_a_socket_on_which_somebody_listens_is_left_alone(rig, said):
    second = Control(rig.daemon, rig.hub, rig.path, lambda: None)
    assert len(said) == 1, "somebody listens there"
    second.close()


def lines(answer: bytes) -> list[dict]:
    return [json.loads(line) for line in answer.splitlines()]


def test_a_device_is_scanned_for_whoever_asks(rig, knock):
    port = rig.host.on_tcp(0, counting_meter())
    rig.configure(tcp_device("meter", port, scan_rate_ms=60_000))
    rig.run(0.3)
    where = f"127.0.0.1:{port}"
    *readings, end = lines(take(rig, knock(f"read meter {where}\n".encode())))
    assert {reading["device"] for reading in readings} == {"meter"} and end == {"ok": True, "error": "", "read": True}
    assert all(reading["quality"] == "good" for reading in readings)
    [refusal] = lines(take(rig, knock(f"read other {where}\n".encode())))
    assert not refusal["ok"] and "'other'" in refusal["error"] and "read" not in refusal
    [refusal] = lines(take(rig, knock(b"read meter 127.0.0.1:1\n")))
    assert not refusal["ok"] and where in refusal["error"]


def test_who_asks_for_a_dead_device_is_told_why_it_is_not_read(rig, knock):
    rig.configure(tcp_device("dead", 1, scan_rate_ms=60_000))
    rig.run(0.2)
    *readings, end = lines(take(rig, knock(b"read dead 127.0.0.1:1\n"), 8.0))
    assert [reading["reason"] for reading in readings] == ["disconnected"] * len(readings) and readings
    assert not end["ok"] and end["read"] and "127.0.0.1" in end["error"]


def test_who_asks_and_vanishes_leaves_the_scan_alone(rig, knock):
    port = rig.host.on_tcp(0, counting_meter())
    rig.configure(tcp_device("meter", port, scan_rate_ms=100))
    for _ in range(5):
        knock(f"read meter 127.0.0.1:{port}\n".encode()).close()
        rig.run(0.1)
    assert rig.daemon.jobs["meter"].askers == () and not rig.control._clients
