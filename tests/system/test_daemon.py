"""The daemon as users run it: real processes, ptys and TCP, signals, reload, faults."""

import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time

import msgpack
import pytest

from meterd.conversation import LineSettings
from meterd.simulate.iec62056_21 import LINE, meter

from ..needs import needs
from .rig import iec_device, iec_signal

# A meter listens at the new speed for a repetition before it is ready for the next sign-on: two seconds.
SERIAL = {"device": "PORT1", "baudrate": 300, "databits": 7, "parity": "EVEN", "scan_rate_ms": 3200}
FAST = LineSettings(9600, 7, "even", 1)


def quick(**options):
    """A meter that is ready for the next sign-on as soon as its list is out."""
    return meter(**{"reaction_ms": "60", "idle_ms": "120", **options})


def test_serial_mode_c_and_tcp_side_by_side(site, daemon, tmp_path):
    site.pty(tmp_path / "tty", quick(), LINE)
    port = site.tcp(quick())
    running = daemon(
        {
            "ports": {"PORT1": str(tmp_path / "tty")},
            "devices": [iec_device("a", **SERIAL), iec_device("b", ip="127.0.0.1", port=port)],
            "signals": [iec_signal("a", "E", "1.8.0"), iec_signal("b", "E", "1.8.0")],
        }
    )
    running.wait_for(lambda run: len(run.of("a", "E", "good")) >= 2 and len(run.of("b", "E", "good")) >= 2)
    assert running.of("a", "E")[0]["value"] > 147000
    assert running.of("a", "E")[0]["unit"] == "kWh"
    assert [reading["value"] for reading in running.of("a", "_connected")][:1] == [1]
    assert running.stop() == 0
    assert not [line for line in running.log if "critical" in line]


def test_a_node_that_vanishes_and_returns_is_opened_again(site, daemon, tmp_path):
    link = tmp_path / "tty"
    port = site.pty(link, quick(), LINE)
    running = daemon(
        {
            "ports": {"PORT1": str(link)},
            "devices": [iec_device("a", **SERIAL)],
            "signals": [iec_signal("a", "E", "1.8.0")],
        }
    )
    running.wait_for(lambda run: run.of("a", "E", "good"))
    site.call(port.close)
    running.wait_for(lambda run: run.of("a", "E", "stale"), what="stale readings after the plug was pulled")
    assert running.of("a", "E", "stale")[0]["reason"] in ("disconnected", "no_bytes", "timeout")
    assert running.of("a", "E", "stale")[0]["value"] == running.of("a", "E", "good")[-1]["value"]
    good = len(running.of("a", "E", "good"))
    site.pty(link, quick(), LINE)
    running.wait_for(lambda run: len(run.of("a", "E", "good")) > good, what="good readings after the node came back")
    assert running.of("a", "_connected")[-1]["value"] == 1
    assert len([line for line in running.log if "a: " in line]) <= 6, running.log


def test_tcp_reconnects_and_half_open_connections_are_found_out(site, daemon):
    class Mute:
        """A connection that stands and says nothing more."""

        kind, on = "drop", False

        def apply(self, data):
            return [] if self.on else [(0.0, data)]

    mute = Mute()
    port = site.tcp(quick(), mute)
    running = daemon(
        {"devices": [iec_device("a", ip="127.0.0.1", port=port)], "signals": [iec_signal("a", "E", "1.8.0")]}
    )
    running.wait_for(lambda run: run.of("a", "E", "good"))
    mute.on = True
    running.wait_for(lambda run: run.of("a", "E", "stale"))
    mute.on = False
    good = len(running.of("a", "E", "good"))
    running.wait_for(lambda run: len(run.of("a", "E", "good")) > good)
    site.call(lambda: [one.port.close() for one in site.host.meters])
    good = len(running.of("a", "E", "good"))
    stale = len(running.of("a", "E", "stale"))
    running.wait_for(lambda run: len(run.of("a", "E", "good")) > good + 1)
    assert len(running.of("a", "E", "stale")) == stale, "a connection dropped while idle costs no reading"


@pytest.mark.parametrize(
    "fault",
    ["drop:3", "flip:3", "truncate:3", "duplicate", "delay:3:1500", "noise:2", "echo", "bcc:3", "babble:4", "close:4"],
)
def test_after_any_fault_the_next_scan_is_good(site, daemon, tmp_path, fault):
    link = tmp_path / "tty"
    site.pty(link, quick(), LINE, fault)
    running = daemon(
        {
            "ports": {"PORT1": str(link)},
            "devices": [iec_device("a", **SERIAL)],
            "signals": [iec_signal("a", "V", "2.8.0")],
        }
    )
    running.wait_for(lambda run: len(run.of("a", "V", "good")) >= 3, 60.0)
    assert {reading["value"] for reading in running.of("a", "V")} <= {0, None}
    assert running.stop() == 0
    assert not [line for line in running.log if "critical" in line], running.log


def test_one_live_and_nine_dead_meters_on_one_port(site, daemon, tmp_path):
    link = tmp_path / "tty"
    site.pty(link, meter(serial="1", reaction_ms="20", baudrate="9600", ident="/MTd5METERD"), FAST)
    serial = {**SERIAL, "baudrate": 9600, "type": "C", "timeout_ms": 250, "retry_counter": 0}
    serial["scan_rate_ms"] = 1500
    devices = [iec_device(f"m{number}", **serial, serialnumber=number) for number in range(1, 11)]
    signals = [iec_signal(device["device_alias"], "E", "1.8.0") for device in devices]
    running = daemon({"ports": {"PORT1": str(link)}, "devices": devices, "signals": signals})
    running.wait_for(lambda run: run.of("m1", "E", "good"))
    begun, before = time.monotonic(), len(running.of("m1", "E", "good"))
    time.sleep(15)
    seconds = time.monotonic() - begun
    assert len(running.of("m1", "E", "good")) - before >= int(0.95 * seconds / 1.5)
    assert all(len(running.of(f"m{number}", "E")) >= 2 for number in range(2, 11)), "the dead are tried again"


def test_reload_changes_only_what_differs(site, daemon):
    port, other = site.tcp(quick()), site.tcp(quick(serial="77"))
    device = iec_device("a", ip="127.0.0.1", port=port)
    configuration = {"devices": [device], "signals": [iec_signal("a", "E", "1.8.0")]}
    running = daemon(configuration)
    running.wait_for(lambda run: len(run.of("a", "E", "good")) >= 3)
    running.configure(
        {
            "devices": [device, iec_device("b", ip="127.0.0.1", port=other, serialnumber=77)],
            "signals": [*configuration["signals"], iec_signal("b", "E", "1.8.0")],
        }
    )
    running.kill(signal.SIGHUP)
    running.wait_for(lambda run: run.of("b", "E", "good"))
    assert len(running.of("a", "_connected")) == 1, "what did not change keeps its place"
    status = json.loads(running.ask("status", "--json").stdout)
    rows = {row["device"]: row for row in status["devices"]}
    assert rows["a"]["reads_ok"] > rows["b"]["reads_ok"], "what did not change kept its counters"
    running.configure({"devices": [{**device, "type": "Q"}], "signals": configuration["signals"]})
    running.kill(signal.SIGHUP)
    running.wait_for(
        lambda run: [line for line in run.log if "parameter type" in line and '"Q"' in line],
        what="the error in the log",
    )
    running.configure(configuration)
    running.kill(signal.SIGHUP)
    before = len(running.of("a", "E", "good"))
    running.wait_for(lambda run: len(run.of("a", "E", "good")) > before)
    assert running.stop() == 0


def test_sigterm_ends_politely_and_soon(site, daemon, tmp_path):
    port = site.tcp(meter(line_ms="200"))
    running = daemon(
        {
            "devices": [iec_device("a", ip="127.0.0.1", port=port, timeout_ms=5000)],
            "signals": [iec_signal("a", "E", "1.8.0")],
        }
    )
    running.wait_for(lambda run: [line for line in run.log if "devices: 1" in line])
    time.sleep(0.5)
    begun = time.monotonic()
    assert running.stop() == 0
    assert time.monotonic() - begun < 8


def test_control_socket_stops_and_starts_a_protocol(site, daemon):
    port = site.tcp(quick())
    running = daemon(
        {"devices": [iec_device("a", ip="127.0.0.1", port=port)], "signals": [iec_signal("a", "E", "1.8.0", log=1)]}
    )
    running.wait_for(lambda run: len(run.of("a", "E", "good")) >= 2)
    assert running.ask("stop", "iec62056-21").returncode == 0
    assert "stopped: iec62056-21" in running.ask("status").stdout
    count = len(running.of("a", "E"))
    time.sleep(1.2)
    assert len(running.of("a", "E")) <= count + 1
    assert running.ask("start", "iec62056-21").returncode == 0
    running.wait_for(lambda run: len(run.of("a", "E", "good")) > count + 1)
    events = running.ask("events", "2").stdout.splitlines()
    assert [json.loads(event)["device"] for event in events] == ["a", "a"]
    assert json.loads(events[0])["time_ms"] > json.loads(events[1])["time_ms"], "newest first"
    refused = running.ask("stop", "dlsm")
    assert refused.returncode == 1
    assert "no protocol" in refused.stderr


def test_nothing_to_run_exits_with_3_and_another_protocol_runs_on(site, daemon):
    port = site.tcp(quick())
    good = iec_device("a", ip="127.0.0.1", port=port)
    running = daemon({"devices": [{**good, "t2": 9}], "signals": [iec_signal("a", "E", "1.8.0")]})
    assert running.process.wait(10) == 3
    assert any("t2" in line and "9" in line and "200" in line for line in running.wait_for(lambda run: run.log))
    broken = {"name": "x", "device_alias": "x", "protocol": "mbus tcp", "ip": "127.0.0.1", "port": 1, "address": "5"}
    running = daemon({"devices": [good, broken], "signals": [iec_signal("a", "E", "1.8.0")]})
    running.wait_for(lambda run: run.of("a", "E", "good"))


def test_readings_on_the_local_socket_and_in_files(site, daemon, tmp_path):
    port = site.tcp(quick())
    path, lines = str(tmp_path / "readings.sock"), tmp_path / "lines"
    running = daemon(
        {
            "devices": [iec_device("a", ip="127.0.0.1", port=port)],
            "signals": [iec_signal("a", "E", "2.8.0")],
            "publish": {"stdout": "json", "socket": {"path": path}, "file": {"path": str(lines), "format": "lines"}},
        }
    )
    running.wait_for(lambda run: os.path.exists(path))
    client = socket.socket(socket.AF_UNIX)
    client.connect(path)
    client.settimeout(10)
    unpacker, found = msgpack.Unpacker(), []
    while not found:
        unpacker.feed(client.recv(4096))
        found += [reading for reading in unpacker if reading["signal"] == "E"]
    client.close()
    assert found[0]["quality"] == "good"
    assert found[0]["device"] == "a"
    running.stop()
    line = next(text for text in lines.read_text().splitlines() if text.startswith("tag/a/E/rin "))
    value, stamp, flags = line.split(" ", 1)[1].split(",")
    assert (float(value), flags) == (0.0, "")
    assert int(stamp) > 1_700_000_000_000


def test_read_exits_with_a_code_that_tells_why(site, daemon):
    port = site.tcp(quick())
    good = {
        "devices": [iec_device("a", ip="127.0.0.1", port=port)],
        "signals": [iec_signal("a", "E", "1.8.0"), iec_signal("a", "N", "9.9.9")],
    }
    assert daemon(good, "--", "a", "E", command="read").process.wait(20) == 0
    missing = daemon(good, command="read")
    assert missing.process.wait(20) == 16
    silent = site.tcp(quick(), "drop")
    devices = [iec_device("a", ip="127.0.0.1", port=silent, timeout_ms=200)]
    assert daemon({**good, "devices": devices}, command="read").process.wait(20) == 10
    devices = [iec_device("a", ip="127.0.0.1", port=1)]
    assert daemon({**good, "devices": devices}, command="read").process.wait(20) == 19


def test_the_debug_program_takes_the_manuals_line(site, daemon, tmp_path):
    port = site.tcp(quick())
    path = tmp_path / "iec.json"
    path.write_text(
        json.dumps(
            {"devices": [iec_device("a", ip="127.0.0.1", port=port)], "signals": [iec_signal("a", "E", "1.8.0")]}
        )
    )
    code = "import sys; from meterd.cli.protocol_program import iec62056_21; sys.exit(iec62056_21())"
    command = [
        sys.executable,
        "-c",
        code,
        "-c",
        str(path),
        "-d7",
        "-r",
        "-f",
        "--iec62056-21",
        "-R",
        str(tmp_path / "ready"),
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert '"quality":"good"' in process.stdout.readline()
    process.terminate()
    _, log = process.communicate(timeout=10)
    assert process.returncode == 0
    assert "> 2f 3f 21 0d 0a" in log
    assert (tmp_path / "ready").read_text().strip() == str(process.pid)


def test_a_recorded_wire_log_plays_the_meter_again(site, daemon, tmp_path):
    link, log = tmp_path / "tty", tmp_path / "wire.log"
    site.pty(link, quick(password="S3cret99", idle_ms="400"), LINE)
    configuration = {
        "ports": {"PORT1": str(link)},
        "devices": [iec_device("a", **SERIAL, password="S3cret99")],
        "signals": [iec_signal("a", "E", "1.8.0"), iec_signal("a", "R", "R5:1.8.0")],
    }
    running = daemon(configuration, "--record", str(log))
    first = running.wait_for(lambda run: run.of("a", "R", "good"), 30.0)[0]
    energy = running.of("a", "E", "good")[0]
    running.stop()
    text = log.read_text()
    assert "300 7E1" in text
    assert "9600 7E1" in text
    assert b"S3cret99".hex(" ") not in text
    assert "** **" in text
    replayed = subprocess.Popen(
        [sys.executable, "-m", "meterd", "replay", str(log), "--pty", str(tmp_path / "tty2")],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert "simulated meter" in replayed.stderr.readline()
    configuration["ports"]["PORT1"] = str(tmp_path / "tty2")
    again = daemon(configuration)
    assert again.wait_for(lambda run: run.of("a", "R", "good"), 30.0)[0]["value"] == first["value"]
    assert again.of("a", "E", "good")[0]["value"] == energy["value"]
    replayed.kill()
    replayed.communicate()


def test_1200_tcp_meters_on_one_loop_beyond_fd_setsize(site, daemon):
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    # One line per address: 127.0.0.1 to 127.0.1.44 all lead to this machine.
    hosts = [f"127.0.{number // 250}.{number % 250 + 1}" for number in range(300)]
    ports = [site.call(lambda: site.host.on_tcp(0, quick(), None, None, "0.0.0.0")) for _ in range(4)]
    devices = [
        iec_device(f"m{index}-{port}", ip=host, port=port, scan_rate_ms=60000, timeout_ms=20000)
        for port in ports
        for index, host in enumerate(hosts)
    ]
    signals = [iec_signal(device["device_alias"], "E", "2.8.0") for device in devices]
    running = daemon({"devices": devices, "signals": signals})
    running.wait_for(
        lambda run: len({one["device"] for one in list(run.readings) if one["signal"] == "E"}) == 1200, 60.0
    )
    assert all(reading["quality"] == "good" for reading in list(running.readings) if reading["signal"] == "E")
    assert len(os.listdir(f"/proc/{running.process.pid}/fd")) > 1200


def test_an_idle_daemon_makes_no_system_call(site, daemon, tmp_path):
    strace = needs("strace")
    port = site.tcp(quick())
    running = daemon(
        {
            "devices": [iec_device("a", ip="127.0.0.1", port=port, scan_rate_ms=600000)],
            "signals": [iec_signal("a", "E", "1.8.0")],
        }
    )
    running.wait_for(lambda run: run.of("a", "_connected"))
    time.sleep(1.0)
    log = tmp_path / "strace"
    tracer = subprocess.Popen([strace, "-f", "-p", str(running.process.pid), "-o", str(log)], stderr=subprocess.PIPE)
    time.sleep(6)
    tracer.terminate()
    tracer.communicate()
    # The poll that strace finds the process asleep in shows as one unfinished call; nothing else may.
    calls = [line for line in log.read_text().splitlines() if "detached" not in line and "<unfinished" not in line]
    assert len(calls) <= 1, calls
    assert len(log.read_text().splitlines()) <= 2
