"""The Python face: one call, callbacks, loops and asyncio, against simulated meters on real sockets."""

from __future__ import annotations

import asyncio
import json
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import meterd
from meterd import api, log
from meterd._number import Number
from meterd.api import daemon as daemon_module
from meterd.api.readings import from_socket, public
from meterd.model import Reading as Internal
from meterd.model import Signal
from meterd.ports._loop import Loop
from meterd.simulate import iec62056_21
from meterd.simulate.meter_host import MeterHost
from meterd.sinks.local_socket import LocalSocket

METER = {"reaction_ms": "1"}


class Site:
    """Simulated meters in a thread of their own."""

    def __init__(self) -> None:
        self.loop = Loop()
        self.host = MeterHost(self.loop)
        self.thread: threading.Thread | None = None

    def meter(self, **options: str) -> int:
        assert self.thread is None
        return self.host.on_tcp(0, iec62056_21.meter(**METER, **options))

    def begin(self) -> None:
        self.thread = threading.Thread(target=self.loop.run)
        self.thread.start()

    def end(self) -> None:
        if self.thread is not None:
            self.loop.call_soon_from_thread(self.loop.stop)
            self.thread.join(10)
        self.host.close()
        self.loop.close()


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    yield made
    made.end()
    log.configure()


def device(port: int, **parameter: Any) -> dict[str, Any]:
    return {"protocol": "IEC 62056-21", "ip": "127.0.0.1", "port": port, "t2": 200, **parameter}


def configuration(*ports: int, period_ms: int = 200, **parameter: Any) -> dict[str, Any]:
    names = [f"m{number}" for number in range(len(ports))]
    common = {"scan_rate_ms": period_ms, "serialnumber": "0", "timeout_ms": 2000, **parameter}
    kind = {"signal_name": "Energy", "signal_alias": "energy", "number_type": "DOUBLE"}
    return {
        "devices": [
            device(port, name=name, device_alias=name, **common) for name, port in zip(names, ports, strict=True)
        ],
        "signals": [{**kind, "device_alias": name, "job_todo": "1.8.0", "tag_job_todo": "1.8.0"} for name in names],
    }


# ---- one meter


def test_values_compare_and_convert_and_times_are_aware(site: Site) -> None:
    port = site.meter()
    site.begin()
    before = datetime.now(UTC) - timedelta(seconds=1)
    power, gone = meterd.read(device(port), ["1.6.1", "77.7.0"])
    assert (power.signal, power.unit, power.is_good) == ("1.6.1", "kW", True)
    assert power.value == Decimal("3.42")
    assert isinstance(power.value, Decimal)
    assert (int(power.value), float(power.value), str(power.value)) == (3, 3.42, "3.42")
    assert 3 < power.value < 3.5
    assert before < power.time < datetime.now(UTC) + timedelta(seconds=1)
    assert (gone.value, gone.quality, gone.reason) == (None, "invalid", "not_found")


def test_a_signal_may_be_a_row_of_its_table(site: Site) -> None:
    port = site.meter(serial="00777")
    site.begin()
    row = {"signal_alias": "number", "job_todo": "0.0.0", "tag_job_todo": "0.0.0", "number_type": "STRING"}
    [number] = meterd.read(device(port, device_alias="cellar"), [row])
    assert (number.device, number.signal, number.value) == ("cellar", "number", "00777")


def test_what_fails_is_an_exception_that_says_why(site: Site) -> None:
    deaf = site.meter(serial="5")
    site.begin()
    with pytest.raises(meterd.PortGone, match="refused"):
        meterd.read(device(1), ["1.8.0"])
    with pytest.raises(meterd.Silence):
        meterd.read(device(deaf, serialnumber="6", timeout_ms=100, retry_counter=0), ["1.8.0"])
    with pytest.raises(meterd.ConfigError) as caught:
        meterd.read({"protocol": "IEC 62056-21", "ip": "10.0.0.1", "port": 99999, "typ": "C"}, ["1.8.0"])
    assert "port" in str(caught.value)
    assert "did you mean type?" in str(caught.value)
    with pytest.raises(meterd.ConfigError, match="R5:1\\.8\\.0: job_todo: a register is read in programming mode"):
        meterd.read(device(deaf, type="A"), ["R5:1.8.0"])
    with pytest.raises(meterd.ConfigError, match="protocol"):
        meterd.read({"protocol": "smoke signals"}, ["1.8.0"])
    with pytest.raises(meterd.ConfigError, match="no JSON"):
        meterd.read(device(1, password={1, 2}), ["1.8.0"])
    assert issubclass(meterd.PortGone, meterd.MeterdError)


def test_a_scan_is_configuration_ready_to_use(site: Site) -> None:
    port = site.meter()
    site.begin()
    heard: list[str] = []
    found = meterd.scan(device(port), progress=heard.append)
    assert heard
    assert meterd.Daemon(found).status()["devices"] == []  # checked, and not begun yet
    addresses = [row["tag_job_todo"] for row in found["signals"]]
    assert meterd.read(device(port), [addresses[addresses.index("1.8.0")]])[0].is_good


# ---- the daemon


def test_a_callback_gets_readings_until_it_stops_the_daemon(site: Site) -> None:
    port = site.meter()
    site.begin()
    daemon = meterd.Daemon(configuration(port))
    seen: list[meterd.Reading] = []

    def take(reading: meterd.Reading) -> None:
        seen.append(reading)
        assert daemon.status()["devices"][0]["device"] == "m0"
        if len(seen) == 2:
            daemon.stop()

    daemon.run(take)
    assert seen[0].value < seen[1].value  # type: ignore[operator]
    daemon.stop()
    with pytest.raises(RuntimeError, match="runs once"):
        daemon.run(take)


def test_what_a_callback_raises_ends_the_daemon_and_is_raised(site: Site) -> None:
    port = site.meter()
    site.begin()
    daemon = meterd.Daemon(configuration(port))

    def take(reading: meterd.Reading) -> None:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        daemon.run(take)
    assert daemon._closed


def test_another_thread_may_stop_it(site: Site) -> None:
    port = site.meter()
    site.begin()
    daemon = meterd.Daemon(configuration(port))
    stopper = threading.Timer(0.5, daemon.stop)
    stopper.start()
    assert [reading.device for reading in daemon][:1] == ["m0"]
    stopper.join()


def test_a_loop_that_is_left_and_a_reload_and_a_file(site: Site, tmp_path: Path) -> None:
    first, second = site.meter(), site.meter()
    site.begin()
    path = tmp_path / "site.json"
    path.write_text(json.dumps(configuration(first)))
    with meterd.Daemon(path) as daemon:
        for reading in daemon:
            if reading.device == "m1":
                break
            daemon.reload(configuration(first, second))
        with pytest.raises(meterd.ConfigError):
            daemon.reload({"devices": [{"device_alias": "x"}]})
    assert daemon._closed
    with pytest.raises(meterd.ConfigError, match="cannot be read"):
        meterd.Daemon([tmp_path / "none.json"])


def test_a_meter_that_falls_silent_is_stale_and_not_an_exception(site: Site) -> None:
    port = site.meter(mode="D", push_ms="100", pushes="2")
    site.begin()
    with meterd.Daemon(configuration(port, type="D", period_ms=300)) as daemon:
        for reading in daemon:
            if reading.quality == "stale":
                break
    assert (type(reading.value), reading.reason) == (Decimal, "no_bytes")


def test_publish_lets_readings_leave_by_the_configured_sinks_too(site: Site, tmp_path: Path) -> None:
    port = site.meter()
    site.begin()
    content = configuration(port)
    content["publish"] = {"file": {"path": str(tmp_path / "lines")}}
    with meterd.Daemon(content, publish=True) as daemon:
        [value] = [next(iter(daemon)).value]
    assert f'"value":{value}' in (tmp_path / "lines").read_text()


def test_a_program_slower_than_its_meters_is_told_what_it_lost(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(daemon_module, "MAX_WAITING", 3)
    api.logs.use_logging()
    collected = daemon_module._Collected()
    for value in range(5):
        collected.accept(Internal(Signal("m", "s", {}), value, time_ms=1))
    collected.flush()
    assert [reading.value for reading in collected.take()] == [2, 3, 4]
    assert "2 readings were lost" in caplog.text
    log.configure()


# ---- asyncio


def test_two_hundred_meters_in_asyncio_without_a_thread_for_them(site: Site) -> None:
    """Each speaks at once; meanwhile asyncio goes on with what else it has."""
    ports = [site.meter() for _ in range(200)]
    site.begin()
    threads = threading.active_count()
    beats = 0

    async def heart() -> None:
        nonlocal beats
        while True:
            beats += 1
            await asyncio.sleep(0.01)

    async def main() -> set[str]:
        beating = asyncio.create_task(heart())
        heard: set[str] = set()
        async with meterd.Daemon(configuration(*ports, period_ms=60_000, timeout_ms=20_000)) as daemon:
            async for reading in daemon:
                assert reading.is_good, reading
                assert threading.active_count() == threads
                heard.add(reading.device)
                if len(heard) == len(ports):
                    break
        assert daemon._closed
        beating.cancel()
        return heard

    assert len(asyncio.run(main())) == 200
    assert beats > 10


def test_an_async_loop_that_is_cancelled_lets_go_of_everything(site: Site) -> None:
    port = site.meter()
    site.begin()

    async def main() -> None:
        daemon = meterd.Daemon(configuration(port))

        async def forever() -> None:
            async with daemon:
                async for _ in daemon:
                    pass

        task = asyncio.create_task(forever())
        await asyncio.sleep(0.5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert daemon._closed

    asyncio.run(main())


def test_stop_ends_an_async_loop(site: Site) -> None:
    port = site.meter()
    site.begin()

    async def main() -> int:
        count = 0
        daemon = meterd.Daemon(configuration(port))
        async for _ in daemon:
            count += 1
            daemon.stop()
        return count

    assert asyncio.run(main()) >= 1


def test_an_idle_daemon_wakes_asyncio_for_its_timers_only(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    port = site.meter()
    site.begin()
    turns = 0
    before = daemon_module._Bridge._turn

    def counted(bridge: daemon_module._Bridge) -> None:
        nonlocal turns
        turns += 1
        before(bridge)

    monkeypatch.setattr(daemon_module._Bridge, "_turn", counted)

    async def main() -> None:
        async with meterd.Daemon(configuration(port, period_ms=60_000)) as daemon:
            async for _ in daemon:
                break
            settled = turns
            await asyncio.sleep(0.3)
            assert turns - settled <= 12

    asyncio.run(main())


# ---- the local socket


@pytest.fixture
def socket(site: Site, tmp_path: Path) -> Iterator[LocalSocket]:
    made = LocalSocket(str(tmp_path / "s"), site.loop)
    site.begin()
    yield made
    if made._listener._socket.fileno() >= 0:
        site.loop.call_soon_from_thread(made.close)


def say(site: Site, socket: LocalSocket, *values: Any) -> None:
    def publish() -> None:
        for value in values:
            socket.accept(Internal(Signal("m", "s", {}), value, "kWh", 1_700_000_000_123, "2026-11-28T10:00:00+01:00"))
        socket.flush()

    site.loop.call_soon_from_thread(publish)


def wait_for_client(socket: LocalSocket) -> None:
    while not socket.clients:
        threading.Event().wait(0.01)


def test_readings_of_a_daemon_that_runs_already(site: Site, socket: LocalSocket) -> None:
    with meterd.connect(socket.path) as readings:
        wait_for_client(socket)
        say(site, socket, Number(1234567890123450, -4), Number(5, -1), 7, "text")
        found = []
        for reading in readings:
            found.append(reading)
            if len(found) == 4:
                break
    assert [one.value for one in found] == ["123456789012.3450", Decimal("0.5"), 7, "text"] or [
        one.value for one in found
    ] == [Decimal("123456789012.345"), Decimal("0.5"), 7, "text"]
    assert found[0].time == datetime(2023, 11, 14, 22, 13, 20, 123000, UTC)
    assert found[0].meter_time is not None
    assert found[0].meter_time.isoformat() == found[0].meter_time_text == "2026-11-28T10:00:00+01:00"


def test_a_gateway_without_msgpack_sends_json_lines(
    site: Site, socket: LocalSocket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "msgpack", None)
    with meterd.connect(socket.path) as readings:
        wait_for_client(socket)
        say(site, socket, Number(1234567890123450, -4), 7, "text")
        found = [reading.value for _, reading in zip(range(3), readings, strict=False)]
    assert (found, str(found[0])) == ([Decimal("123456789012.3450"), 7, "text"], "123456789012.3450")


@pytest.mark.parametrize("without_msgpack", [False, True])
def test_what_was_missed_comes_first_and_once(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, without_msgpack: bool
) -> None:
    if without_msgpack:
        monkeypatch.setitem(sys.modules, "msgpack", None)
    socket = LocalSocket(str(tmp_path / "kept"), site.loop, keep=3)
    site.begin()
    with meterd.connect(socket.path) as readings:
        wait_for_client(socket)
        say(site, socket, 1, 2)
        assert [reading.value for _, reading in zip(range(2), readings, strict=False)] == [1, 2]
        position = readings.position
    assert position is not None and position[1] == 2
    while socket.clients:  # the first one is not the second
        threading.Event().wait(0.01)
    say(site, socket, 3, 4, 5, 6, 7)
    with meterd.connect(socket.path, after=position) as readings:
        wait_for_client(socket)
        say(site, socket, 8)
        found = [reading for _, reading in zip(range(4), readings, strict=False)]
    assert ([one.value for one in found], [one.sequence for one in found]) == ([5, 6, 7, 8], [5, 6, 7, 8])
    assert readings.lost == [(3, 4)] and readings.position == (position[0], 8)
    site.loop.call_soon_from_thread(socket.close)


def test_a_daemon_that_keeps_nothing_says_so(site: Site, socket: LocalSocket) -> None:
    with meterd.connect(socket.path, after=(1, 1)) as readings:
        wait_for_client(socket)
        say(site, socket, 1)
        with pytest.raises(meterd.DecodeError, match=r"keeps no readings: set publish\.socket\.keep_readings"):
            next(iter(readings))


def test_the_same_in_asyncio_and_its_end_with_the_daemon(site: Site, socket: LocalSocket) -> None:
    async def main() -> list[meterd.Value]:
        readings = meterd.connect(socket.path)
        values = []
        while not socket.clients:
            await asyncio.sleep(0.01)
        say(site, socket, 1, 2)
        site.loop.call_soon_from_thread(socket.close)
        async for reading in readings:
            values.append(reading.value)
        readings.close()
        return values

    assert asyncio.run(main()) == [1, 2]


def test_nobody_at_the_socket_is_an_exception_in_words(tmp_path: Path) -> None:
    with pytest.raises(meterd.PortGone, match="no daemon serves readings here: No such file"):
        meterd.connect(tmp_path / "s")


# ---- what is public


def test_the_public_names_are_those_of_the_face_and_come_late() -> None:
    assert list(meterd.PUBLIC) == api.__all__
    assert set(meterd.PUBLIC) <= set(dir(meterd))
    with pytest.raises(AttributeError, match="no attribute 'reed'"):
        _ = meterd.reed  # type: ignore[attr-defined]
    program = (
        "import sys, meterd\nfrom meterd import log, errors\n"
        "print([name for name in ('meterd.api', 'typing', 'asyncio', 'datetime', 'logging') if name in sys.modules])\n"
        "meterd.Reading; print('meterd.api' in sys.modules)"
    )
    root = str(Path(meterd.__file__).parents[1])
    command = [sys.executable, "-I", "-S", "-c", f"import sys; sys.path[:0] = {[root, *sys.path]!r}\n{program}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\nTrue\n"


def test_the_log_is_the_standard_one(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR, "meterd"):
        api.logs.use_logging()
        log.warning("not asked for")
        log.error("asked for")
    assert [(one.name, one.levelname, one.message) for one in caplog.records] == [("meterd", "ERROR", "asked for")]
    log.configure()


def test_clocks_that_tell_less_than_a_time_are_text_only() -> None:
    odd = public(Internal(Signal("m", "s", {}), 1, time_ms=5, meter_time="--11-28T10:00"))
    assert (odd.meter_time, odd.meter_time_text) == (None, "--11-28T10:00")
    assert from_socket({"device": "m", "signal": "s", "value": 0.1, "unit": None, "time_ms": 0, "meter_time": None,
                        "quality": "good", "reason": None}).value == Decimal("0.1")  # fmt: skip
