"""What a driver left open between scans is ended when its device is let go: by whom, when, and for how long at most."""

from __future__ import annotations

import pytest

import meterd.protocols.registry as registry
from meterd import log
from meterd.conversation import LineSettings, Receive, Send
from meterd.daemon import daemon, farewell
from meterd.ports import player

from .runtime_rig import Rig, Words, counting_meter, serial_device, tcp_device

RAW = LineSettings(9600)
OPEN = "open"


class Parting:
    """The toy's scans leave something open; its goodbye takes a word each way, each word awaited for long."""

    def __init__(self, rig: Rig) -> None:
        self.said: list[str] = []
        self.answered: list[str] = []
        driver = registry.driver("toy")
        scan = driver.conversation

        def conversation(plan, memory):
            yield from scan(plan, memory)
            memory.own = OPEN

        def goodbye(plan, memory):
            found, memory.own = memory.own, None
            return self.part(plan.device.alias) if found is OPEN else None

        driver.conversation, driver.goodbye = conversation, goodbye

    def part(self, alias: str):
        self.said.append(alias)
        yield Send(f"{alias} farewell\n".encode())
        yield Receive(Words(), 20_000, 20_000)
        self.answered.append(alias)


@pytest.fixture
def parting(rig):
    return Parting(rig)


def stop(rig: Rig, seconds: float = 5.0) -> None:
    rig.loop.running = True
    rig.daemon.stop()
    rig.run(seconds, lambda: not rig.loop.running)


def read_once(rig: Rig, *aliases: str) -> None:
    rig.run(5.0, lambda: all(rig.daemon.jobs[alias].memory.own is OPEN for alias in aliases)
            and not any(line.player.is_playing() for line in rig.daemon.lines.values()))  # fmt: skip


def test_goodbyes_and_interrupted_scans_fit_into_the_daemons_end():
    assert player.GOODBYE_S + farewell.FAREWELLS_S <= daemon.STOP_S


def test_each_device_of_a_line_gets_its_goodbye_at_the_end(rig, parting):
    port = rig.host.on_tcp(0, counting_meter())
    rig.configure(tcp_device("a", port), tcp_device("b", port), tcp_device("c", port))
    read_once(rig, "a", "b", "c")
    stop(rig)
    assert sorted(parting.answered) == ["a", "b", "c"]


def test_what_is_not_open_needs_no_goodbye(rig, parting):
    port = rig.host.on_tcp(0, counting_meter(silent=("a",)))
    rig.configure(tcp_device("a", port, scan_rate_ms=60000))
    rig.run(5.0, lambda: rig.readings.of("a"))
    stop(rig)
    assert parting.said == []


def test_a_silent_meter_costs_the_others_nothing_and_the_end_its_bound(rig, parting, monkeypatch):
    monkeypatch.setattr(farewell, "FAREWELLS_S", 0.6)
    silent: list[str] = []
    port = rig.host.on_tcp(0, counting_meter(silent=silent))
    rig.configure(tcp_device("a", port), tcp_device("b", port))
    read_once(rig, "a", "b")
    silent.append("a")
    stop(rig, 3.0)
    assert parting.said == ["a", "b"]
    assert parting.answered == ["b"]


@pytest.mark.parametrize("change", [{"timeout_ms": 301}, None])
def test_a_device_changed_or_taken_out_is_parted_from_before_the_line_goes_on(rig, parting, change):
    port = rig.host.on_tcp(0, counting_meter())
    kept = tcp_device("kept", port)
    rig.configure(tcp_device("a", port), kept)
    read_once(rig, "a", "kept")
    after = [kept] if change is None else [tcp_device("a", port, **change), kept]
    rig.toy.scans.clear()
    rig.configure(*after)
    rig.run(5.0, lambda: parting.answered and len(rig.toy.scans) >= len(after))
    assert parting.answered == ["a"]
    assert len(rig.host.meters) == 1, "the connection was kept"


def test_what_a_scan_that_never_began_would_have_gone_on_with_is_ended(rig, parting):
    port = rig.host.on_tcp(0, counting_meter())
    rig.configure(tcp_device("a", port))
    read_once(rig, "a")
    line = next(iter(rig.daemon.lines.values()))
    rig.run(5.0, lambda: line.player.is_playing())
    rig.daemon.jobs["a"].memory.own = OPEN  # as it is until the first step is taken
    rig.configure(tcp_device("a", port, timeout_ms=301))
    rig.run(5.0, lambda: "a" in parting.said)
    assert "a" in parting.said


def test_a_connection_that_is_gone_needs_no_goodbye(rig, parting):
    port = rig.host.on_tcp(0, counting_meter())
    rig.configure(tcp_device("a", port, scan_rate_ms=60000))
    read_once(rig, "a")
    for meter in rig.host.meters:
        meter.port.close()
    rig.run(0.1)
    stop(rig)
    assert parting.answered == []
    assert rig.daemon.lines == {}


def test_a_serial_line_is_opened_again_to_say_goodbye(rig, parting, tmp_path):
    node = str(tmp_path / "a")
    rig.host.on_pty(node, counting_meter(), RAW)
    rig.configure(serial_device("a", "PORT1", scan_rate_ms=60000, serial_close_delay=1), ports={"PORT1": node})
    read_once(rig, "a")
    line = rig.daemon.lines["PORT1"]
    rig.run(5.0, lambda: not line.port.is_open())
    stop(rig)
    assert parting.answered == ["a"]
    assert not line.port.is_open()


def test_a_goodbye_on_a_line_that_goes_on_lets_the_port_go_afterwards(rig, parting, tmp_path):
    node = str(tmp_path / "a")
    rig.host.on_pty(node, counting_meter(), RAW)
    slow = {"scan_rate_ms": 60000, "serial_close_delay": 1}
    kept = serial_device("b", "PORT1", **slow)
    rig.configure(serial_device("a", "PORT1", **slow), kept, ports={"PORT1": node})
    read_once(rig, "a", "b")
    rig.configure(kept, ports={"PORT1": node})
    line = rig.daemon.lines["PORT1"]
    rig.run(5.0, lambda: parting.answered == ["a"] and not line.port.is_open())
    assert rig.daemon.jobs["b"].memory.own is OPEN, "only who leaves is parted from"


def test_one_scan_of_everything_ends_with_goodbyes(rig, parting):
    port = rig.host.on_tcp(0, counting_meter())
    rig.daemon.once = True
    rig.loop.running = True
    rig.configure(tcp_device("a", port), tcp_device("b", port))
    rig.run(5.0, lambda: not rig.loop.running)
    assert sorted(parting.answered) == ["a", "b"]


def test_a_goodbye_that_is_broken_stops_nobody_elses(rig, parting):
    said: list[str] = []
    log.configure(log.NOTICE, lambda level, text: said.append(text))
    driver = registry.driver("toy")
    goodbye = driver.goodbye

    def broken(plan, memory):
        if plan.device.alias == "a":
            raise KeyError("oops")
        return goodbye(plan, memory)

    driver.goodbye = broken
    port = rig.host.on_tcp(0, counting_meter())
    rig.configure(tcp_device("a", port), tcp_device("b", port))
    read_once(rig, "a", "b")
    stop(rig)
    log.configure()
    assert parting.answered == ["b"]
    assert [text for text in said if text.startswith("a: cannot say goodbye") and "oops" in text]


def test_what_stands_for_all_that_owe_nothing_is_never_theirs(rig, parting):
    ports = [rig.host.on_tcp(0, counting_meter()) for _ in range(2)]
    rig.configure(tcp_device("a", ports[0], scan_rate_ms=1), tcp_device("b", ports[1], scan_rate_ms=1))
    read_once(rig, "a", "b")
    rig.configure(tcp_device("b", ports[1], scan_rate_ms=1))
    stop(rig)
    assert sorted(parting.answered) == ["a", "b"]
    assert farewell.NONE_OWED.are_over() and farewell.NONE_OWED.jobs() == []
