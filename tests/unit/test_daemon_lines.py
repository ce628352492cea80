"""Lines and the daemon: sharing, faults that last, reloads at the worst moment, the end."""

from __future__ import annotations

import os
import socket
from types import SimpleNamespace

import pytest

from meterd import log
from meterd.conversation import NOTICE, LineSettings, MeterTime, Receive, Reopen, Tell
from meterd.errors import Aborted, PortGone, Refused
from meterd.ports import resolver
from meterd.ports.tcp_port import TcpCarrier
from meterd.simulate.faults import Fault
from meterd.sinks._hub import Outlet
from meterd.sinks.events import EventLog

from .runtime_rig import Words, counting_meter, serial_device, tcp_device

RAW = LineSettings(9600)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def set_protocol(rig, running: bool) -> int:
    counts: list[int] = []
    rig.daemon.set_protocol("toy", running, counts.append)
    rig.run(5.0, lambda: counts)
    return counts[0]


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_devices_of_one_address_share_a_connection(rig):
    port = rig.host.on_tcp(0, counting_meter())
    assert rig.configure(tcp_device("a", port), tcp_device("b", port)) == 2
    rig.run(5.0, lambda: len(rig.readings.of("a", "good")) >= 3 and len(rig.readings.of("b", "good")) >= 3)
    assert len(rig.host.meters) == 1
    assert len(rig.daemon.lines) == 1


def test_a_port_that_cannot_be_opened_for_long_is_no_flood(rig, said, monkeypatch):
    tries: list[float] = []
    rig.configure(tcp_device("a", free_port(), scan_rate_ms=60000, reconnect_time=0))
    status = rig.daemon.jobs["a"].status
    failed = type(status).failed
    monkeypatch.setattr(type(status), "failed", lambda *what: (tries.append(rig.loop.time), failed(*what)))
    rig.run(1.5)
    assert 5 <= len(tries) <= 16, "tried again and again, and not in a busy loop"
    assert len(rig.readings.of("a")) == 1
    assert rig.readings.of("a")[0].reason == "disconnected"
    assert len(said) == 1


def test_a_thousand_reconnects_leak_no_descriptor(rig, said):
    port = rig.host.on_tcp(0, counting_meter(), Fault("close"))
    rig.configure(tcp_device("a", port, scan_rate_ms=1, reconnect_time=0))
    line = next(iter(rig.daemon.lines.values()))
    line.jobs[0].retry_s = 0.0
    rig.run(5.0, lambda: len(rig.toy.scans) >= 10)
    before = descriptors()
    rig.run(60.0, lambda: len(rig.toy.scans) >= 1010)
    assert descriptors() <= before + 4
    assert len(said) <= 3
    assert rig.loop.timers < 5000


def test_a_connection_dropped_between_scans_costs_no_reading(rig, said):
    port = rig.host.on_tcp(0, counting_meter())
    rig.configure(tcp_device("a", port))
    line = next(iter(rig.daemon.lines.values()))
    rig.run(5.0, lambda: len(rig.readings.of("a", "good")) >= 2 and not line.player.is_playing())
    for meter in rig.host.meters:
        meter.port.close()
    rig.run(5.0, lambda: len(rig.readings.of("a", "good")) >= 5)
    assert rig.readings.of("a") == rig.readings.of("a", "good")
    assert said == []


@pytest.mark.parametrize("again", [True, False])
def test_what_got_further_goes_on_over_a_new_connection(rig, said, monkeypatch, again):
    """One scan over two connections is one scan: nothing is read twice, and nothing is called failed that was read."""
    port = rig.host.on_tcp(0, counting_meter())
    spoken = rig.toy.conversation
    scans: list[int] = []

    def cut_short(plan, memory):
        scans.append(len(rig.readings.of("a")))
        yield from spoken(plan, memory)
        line = next(iter(rig.daemon.lines.values()))
        if not again:
            raise PortGone("the other side closed the connection")
        for meter in rig.host.meters:
            meter.port.close()
        with pytest.raises(PortGone):
            yield Receive(Words(), 1000, 100)
        assert not line.port.is_open()
        yield Reopen(1.0)
        assert line.port.is_open()
        yield from spoken(plan, memory)

    driver = SimpleNamespace(plan=rig.toy.plan, conversation=cut_short)
    monkeypatch.setattr("meterd.protocols.registry.driver", lambda package: driver)
    rig.configure(tcp_device("a", port, scan_rate_ms=300, reconnect_time=1))
    rig.run(20.0, lambda: len(scans) >= 4)
    assert scans[:4] == ([0, 2, 4, 6] if again else [0, 1, 2, 3])
    assert rig.readings.of("a") == rig.readings.of("a", "good"), "nothing is called failed that was read"
    assert len(said) == (0 if again else 1)


def test_one_that_cannot_be_opened_again_is_told_so(rig, said, monkeypatch):
    port = rig.host.on_tcp(0, counting_meter())
    spoken = rig.toy.conversation
    heard: list[str] = []

    def cut_short(plan, memory):
        yield from spoken(plan, memory)
        for listener in rig.host._listeners:
            listener.close()
        try:
            yield Reopen(1.0)
        except PortGone as error:
            heard.append(str(error))
            raise

    driver = SimpleNamespace(plan=rig.toy.plan, conversation=cut_short)
    monkeypatch.setattr("meterd.protocols.registry.driver", lambda package: driver)
    rig.configure(tcp_device("a", port, scan_rate_ms=60000))
    rig.run(20.0, lambda: said)
    assert len(heard) == 1
    assert heard[0] in said[0]


def test_a_device_taken_out_while_its_connection_is_opened_anew_ends_at_once(rig, said, monkeypatch):
    port = rig.host.on_tcp(0, counting_meter())
    ends: list[BaseException] = []

    def never(plan, memory):
        monkeypatch.setattr(TcpCarrier, "_connect", lambda self, addresses: None)
        try:
            yield Reopen(60.0)
        except BaseException as error:
            ends.append(error)
            raise

    driver = SimpleNamespace(plan=rig.toy.plan, conversation=never)
    monkeypatch.setattr("meterd.protocols.registry.driver", lambda package: driver)
    rig.configure(tcp_device("a", port))
    line = next(iter(rig.daemon.lines.values()))
    rig.run(20.0, lambda: line.port.carrier.opening and line.player.is_playing())
    rig.configure()
    rig.run(20.0, lambda: ends)
    assert isinstance(ends[0], Aborted)
    assert not line.port.carrier.opening
    assert not line.port.is_open()


def test_what_a_driver_tells_is_a_line_in_the_log_and_an_event_without_secrets(rig, said, monkeypatch):
    port = rig.host.on_tcp(0, counting_meter())
    spoken = rig.toy.conversation
    told: list[int] = []

    def telling(plan, memory):
        told.append(1)
        yield Tell(NOTICE, "another meter answers, open sesame, in place of the former one")
        yield from spoken(plan, memory)

    driver = SimpleNamespace(plan=rig.toy.plan, conversation=telling)
    monkeypatch.setattr("meterd.protocols.registry.driver", lambda package: driver)
    log.hide([b"open sesame"])
    events = EventLog()
    rig.hub.outlet = Outlet([rig.readings, events], rig.hub.now_ms, lambda sink, error: None)
    rig.configure(tcp_device("a", port))
    rig.run(20.0, lambda: len(told) >= 3)
    assert said == ["a: another meter answers, ***, in place of the former one"], "one line, folded"
    (event,) = events.newest()
    assert '"signal":"_event"' in event and "***" in event and "sesame" not in event
    assert {one.value for one in rig.readings.all if one.signal.alias == "_event"} == {
        "another meter answers, ***, in place of the former one"
    }


def test_a_meter_whose_clock_is_told_has_a_drift_until_it_fails(rig, said, monkeypatch):
    port = rig.host.on_tcp(0, counting_meter())
    spoken = rig.toy.conversation
    fails: list[bool] = []

    def telling(plan, memory):
        yield MeterTime(["2026-07-01T12:02:03Z"])
        yield from spoken(plan, memory)
        if fails:
            raise Refused("it said no")

    driver = SimpleNamespace(plan=rig.toy.plan, conversation=telling)
    monkeypatch.setattr("meterd.protocols.registry.driver", lambda package: driver)
    rig.daemon.status_interval_s = 0.05
    now_ms = [1_782_907_200_000]  # 2026-07-01T12:00:00Z
    rig.hub.now_ms = lambda: now_ms[0]

    def last():
        found = [one for one in rig.readings.all if one.signal.alias == "_clock_drift_s"]
        return (found[-1].value, found[-1].reason) if found else None

    rig.configure(tcp_device("a", port))
    rig.run(20.0, lambda: last() == (123, None))
    now_ms[0] += 123_400
    rig.run(20.0, lambda: last() == (0, None))
    now_ms[0] = 5000  # nobody has set it
    rig.run(20.0, lambda: last() == (None, "clock"))
    now_ms[0] = 1_782_907_200_000
    rig.run(20.0, lambda: last() == (123, None))
    fails.append(True)
    rig.run(20.0, lambda: last() == (None, "clock"))


@pytest.mark.parametrize(("scan_rate_ms", "least", "most"), [(0, 4, 11), (-5, 4, 11), (20, 12, 60)])
def test_without_a_time_frame_a_device_is_read_as_soon_as_its_line_is_free(rig, scan_rate_ms, least, most):
    port = rig.host.on_tcp(0, counting_meter())
    rig.configure(tcp_device("a", port, scan_rate_ms=scan_rate_ms))
    rig.run(1.0)
    assert least <= len(rig.toy.scans) <= most


def test_who_refuses_is_asked_again_at_its_time_only(rig, said):
    port = rig.host.on_tcp(0, counting_meter(answer=b"no"))
    rig.configure(tcp_device("a", port, scan_rate_ms=60000, reconnect_time=1))
    rig.run(0.5)
    assert rig.toy.scans == ["a"]


def test_a_device_taken_out_while_it_is_read_says_goodbye(rig, said):
    port = rig.host.on_tcp(0, counting_meter(silent=("a",)))
    b = tcp_device("b", port)
    rig.configure(tcp_device("a", port, timeout_ms=20000), b)
    rig.run(5.0, lambda: rig.toy.scans and rig.toy.scans[-1] == "a")
    rig.run(0.1)
    rig.configure(b)
    rig.run(5.0, lambda: rig.readings.of("b", "good"))
    assert "a" in rig.toy.goodbyes
    assert rig.readings.of("a") == []
    assert "a" not in rig.daemon.jobs


def test_reload_while_the_connection_is_dead_does_not_begin_anew(rig, said):
    port = rig.host.on_tcp(0, counting_meter())
    rig.configure(tcp_device("a", port))
    rig.run(5.0, lambda: rig.readings.of("a", "good"))
    for meter in rig.host.meters:
        meter.port.close()
    stopped: list[bool] = []
    rig.run(5.0, lambda: rig.toy.scans[2:] != [])
    line = next(iter(rig.daemon.lines.values()))
    line.stop(lambda line: stopped.append(True))
    rig.run(5.0, lambda: bool(stopped))
    assert not line.port.is_open()


def test_ports_are_swapped_while_both_are_in_use(rig, said, tmp_path):
    nodes = {"PORT1": str(tmp_path / "a"), "PORT2": str(tmp_path / "b")}
    rig.host.on_pty(nodes["PORT1"], counting_meter(), RAW)
    rig.host.on_pty(nodes["PORT2"], counting_meter(), RAW)
    devices = serial_device("one", "PORT1"), serial_device("two", "PORT2")
    rig.configure(*devices, ports=nodes)
    rig.run(10.0, lambda: rig.readings.of("one", "good") and rig.readings.of("two", "good"))
    swapped = {"PORT1": nodes["PORT2"], "PORT2": nodes["PORT1"]}
    for _ in range(3):
        rig.configure(*devices, ports=swapped)
        rig.configure(*devices, ports=nodes)
        rig.configure(*devices, ports=swapped)
        rig.readings.all.clear()
        rig.run(10.0, lambda: rig.readings.of("one", "good") and rig.readings.of("two", "good"))
        assert {key: line.path for key, line in rig.daemon.lines.items()} == swapped
    assert not [text for text in said if "lock" in text]


def test_a_device_moves_to_another_line_in_the_midst_of_a_scan(rig, said):
    first, second = rig.host.on_tcp(0, counting_meter(silent=("a",))), rig.host.on_tcp(0, counting_meter())
    rig.configure(tcp_device("a", first, timeout_ms=20000))
    rig.run(5.0, lambda: rig.toy.scans == ["a"])
    memory = rig.daemon.jobs["a"].memory
    rig.run(0.1)
    rig.configure(tcp_device("a", second))
    rig.run(5.0, lambda: rig.readings.of("a", "good"))
    assert rig.daemon.jobs["a"].memory is not memory
    assert rig.daemon.jobs["a"].memory.persistent is memory.persistent
    assert list(rig.daemon.lines) == [f"127.0.0.1:{second}"]


def test_stop_and_start_of_a_protocol(rig, said):
    port = rig.host.on_tcp(0, counting_meter())
    rig.configure(tcp_device("a", port))
    rig.run(5.0, lambda: rig.readings.of("a", "good"))
    assert set_protocol(rig, False) == 0
    assert rig.daemon.lines == {}
    assert set_protocol(rig, True) == 1
    rig.readings.all.clear()
    rig.run(5.0, lambda: rig.readings.of("a", "good"))
    assert said == ["toy is stopped", "toy is started"]


def test_a_protocol_that_starts_stopped_waits_for_its_start_and_says_so_once(rig, said):
    port = rig.host.on_tcp(0, counting_meter())
    rig.daemon.stopped_protocols.add("toy")
    assert rig.configure() == 0
    assert not rig.daemon.is_waiting()
    assert said == []
    for _ in range(2):
        assert rig.configure(tcp_device("a", port)) == 0
        assert rig.daemon.is_waiting()
    assert said == ["toy is stopped: devices that wait for `meterd start toy`: 1"]
    assert set_protocol(rig, True) == 1
    assert set_protocol(rig, True) == 1
    rig.run(5.0, lambda: rig.readings.of("a", "good"))
    assert said[1:] == ["toy is started"]


def test_nothing_begins_any_more_once_the_daemon_stops(rig, said):
    port = rig.host.on_tcp(0, counting_meter(silent=("a",)))
    rig.configure(tcp_device("a", port, timeout_ms=20000))
    rig.run(5.0, lambda: bool(rig.toy.scans))
    rig.run(0.1)
    rig.loop.running = True
    rig.daemon.stop()
    assert rig.loop.running, "a goodbye is under way"
    assert rig.configure(tcp_device("b", port)) == 0
    rig.daemon.reload(["/nowhere"])
    rig.daemon.stop()
    rig.run(5.0, lambda: not rig.loop.running)
    assert rig.toy.goodbyes == ["a"]
    assert rig.daemon.lines == {}


def test_the_end_comes_in_time_though_a_goodbye_does_not(rig, said, monkeypatch):
    monkeypatch.setattr("meterd.ports.player.GOODBYE_S", 0.2)
    port = rig.host.on_tcp(0, counting_meter(silent=("a",)))
    rig.configure(tcp_device("a", port, timeout_ms=20000))
    rig.run(5.0, lambda: bool(rig.toy.scans))
    rig.run(0.1)
    rig.loop.running = True
    rig.daemon.stop()
    rig.run(2.0, lambda: not rig.loop.running)
    assert not [text for text in said if "critical" in text]


def test_a_driver_that_fails_keeps_nobody_else_from_being_read(rig, said):
    port = rig.host.on_tcp(0, counting_meter())
    plan = rig.toy.plan

    def broken(device, signals):
        if device.alias == "bad":
            raise KeyError("oops")
        return plan(device, signals)

    rig.daemon.configure(rig.configuration())
    import meterd.protocols.registry as registry

    registry.driver("toy").plan = broken
    assert rig.configure(tcp_device("bad", port), tcp_device("a", port)) == 1
    rig.run(5.0, lambda: rig.readings.of("a", "good"))
    assert [text for text in said if text.startswith("bad: ") and "oops" in text]


def test_a_name_is_looked_up_without_holding_up_the_loop(rig, said):
    port = rig.host.on_tcp(0, counting_meter())
    device = tcp_device("a", port, ip="localhost")
    device.line = f"localhost:{port}"
    rig.configure(device)
    rig.run(5.0, lambda: rig.readings.of("a", "good"))


def test_a_name_that_does_not_exist_is_asked_for_once_at_a_time(rig, said, monkeypatch):
    asked: list[str] = []

    def never(function, arguments):
        asked.append("thread")

    monkeypatch.setattr(resolver, "resolver", resolver.Resolver())
    monkeypatch.setattr(resolver, "start_new_thread", never)
    device = tcp_device("a", 1, ip="meter.invalid", timeout_ms=100, reconnect_time=1)
    device.line = "meter.invalid:1"
    rig.configure(device)
    rig.run(1.0)
    assert asked == ["thread"]
    assert rig.readings.of("a")[0].reason == "disconnected"


def test_the_status_of_a_trace_follows_reloads(rig, said):
    seen: list[tuple[str, list[str]]] = []
    rig.daemon.followers.append(lambda line: seen.append((line.key, [job.alias() for job in line.jobs])))
    port, other = rig.host.on_tcp(0, counting_meter()), rig.host.on_tcp(0, counting_meter())
    rig.configure(tcp_device("a", port))
    rig.configure(tcp_device("a", port), tcp_device("b", other))
    first, second = f"127.0.0.1:{port}", f"127.0.0.1:{other}"
    assert seen == [(first, ["a"]), (second, ["b"])], "the first is as it was"
