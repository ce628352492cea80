"""What an integrator gets to read: whether each message says what is wrong and where, and that no secret is in any."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from meterd._crc import bcc
from meterd.cli.exit_codes import READ_FAILED
from meterd.cli.main import COMMANDS
from meterd.model import QUALITIES, REASONS
from meterd.ports.wire_log import WireLog, mask
from meterd.simulate.iec62056_21 import LINE, meter
from meterd.simulate.transcript import parse_wire_log
from meterd.sinks.status import COUNTERS

from .rig import iec_device, iec_signal

PASSWORD = "Zq7-Geheim"
SERIAL = {"baudrate": 300, "databits": 7, "parity": "EVEN", "scan_rate_ms": 1500, "timeout_ms": 600, "retry_counter": 0}


def quick(**options):
    return meter(**{"reaction_ms": "200", "idle_ms": "400", **options})


def meterd(*words: str, **environment: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "meterd", *words]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=30, check=False, env={**os.environ, **environment}
    )


# ---- the command line


@pytest.mark.parametrize(
    ("words", "code", "parts"),
    [
        ((), 2, ["usage: meterd COMMAND", "run", "check"]),
        (("rnu",), 2, ["no command 'rnu'", "'run' perhaps"]),
        (("run",), 2, ["-c FILE", "meterd run --help"]),
        (("run", "meterd.json"), 2, ["meterd.json", "stand behind -c"]),
        (("run", "-c"), 2, ["-c needs FILE"]),
        (("run", "-d9", "-c", "x"), 2, ["-d takes 0 to 7"]),
        (("run", "--debgu", "7"), 2, ["no option --debgu", "--debug perhaps"]),
        (("run", "-c", "absent.json"), 3, ["absent.json", "No such file", "nothing to run"]),
        (("check", "absent.json"), 3, ["absent.json", "No such file"]),
        (("simulate", "iec"), 2, ["iec62056-21"]),
        (("simulate", "iec62056-21"), 2, ["--pty LINK, --tcp PORT, --udp PORT or --call HOST:PORT"]),
        (("simulate", "iec62056-21", "--tcp", "70000"), 2, ["--tcp takes 0 to 65535"]),
        (("simulate", "iec62056-21", "--tcp", "0", "mode=Q"), 2, ["mode is A, B, C", "'Q'"]),
        (("simulate", "iec62056-21", "--tcp", "0", "speed=9"), 2, ["unknown option speed"]),
        (("simulate", "iec62056-21", "--tcp", "0", "--fault", "flop"), 3, ["'flop' is not a fault", "flip"]),
        (("simulate", "iec62056-21", "--pty", "/nowhere/tty"), 3, ["/nowhere/tty", "No such file"]),
        (("doctor", "dlms", "ip=127.0.0.1"), 3, ["port", "is missing"]),
        (("replay", "absent.log", "--tcp", "0"), 3, ["absent.log", "No such file"]),
        (("status", "--control", "/nowhere/control.sock"), 1, ["no daemon answers at /nowhere/control.sock"]),
    ],
)
def test_a_wrong_command_line_is_told_in_a_line(tmp_path, words, code, parts):
    outcome = meterd(*words)
    said = outcome.stdout + outcome.stderr
    assert outcome.returncode == code, said
    assert "Traceback" not in said
    for part in parts:
        assert part in said


def test_every_command_explains_itself():
    listed = [line.split()[0] for line in meterd("--help").stdout.splitlines() if line.startswith("  ")]
    assert len(listed) >= 12
    for command in listed:
        outcome = meterd(command, "--help")
        assert outcome.returncode == 0, outcome.stderr
        assert outcome.stdout.startswith(f"usage: meterd {command}")
        assert "--help" in outcome.stdout
    assert "reaction_ms" in meterd("simulate", "iec62056-21", "--help").stdout


# ---- the configuration

DEVICE = {"name": "Cellar", "device_alias": "cellar", "protocol": "IEC 62056-21", "serialnumber": 0}
OVER_TCP = {**DEVICE, "ip": "127.0.0.1", "port": 4059}
SIGNAL = {"signal_name": "E", "device_alias": "cellar", "signal_alias": "E", "number_type": "DOUBLE"}
SIGNAL |= {"job_todo": "1.8.0", "tag_job_todo": "1.8.0"}


@pytest.mark.parametrize(
    ("devices", "signals", "parts"),
    [
        ([{**OVER_TCP, "timout_ms": 5}], [SIGNAL], ["line 10", "cellar", "timout_ms", "did you mean timeout_ms"]),
        ([{**OVER_TCP, "timeout_ms": "soon"}], [SIGNAL], ["timeout_ms", '"soon"', "1 to 600000"]),
        ([{**OVER_TCP, "protocol": "IEC 6205621"}], [SIGNAL], ['"IEC 6205621"', "did you mean IEC 62056-21"]),
        ([{**DEVICE, "device": "PORT3"}], [SIGNAL], ['"PORT3"', "not among the ports", '{"PORT3": "/dev/tty']),
        ([DEVICE], [SIGNAL], ["parameter device", "is missing", "serial line"]),
        ([OVER_TCP, OVER_TCP], [SIGNAL], ["line 13", "device_alias", "another device has already"]),
        ([OVER_TCP], [SIGNAL, SIGNAL], ["signal_alias", "another signal of this device"]),
        ([OVER_TCP], [{**SIGNAL, "device_alias": "celler"}], ['"celler"', "did you mean cellar"]),
        ([{**OVER_TCP, "type": "A"}], [{**SIGNAL, "job_todo": "R5:1.8.0"}], ["signals[0]", "mode A", "should be C"]),
        ([{**OVER_TCP, "password_file": "absent"}], [SIGNAL], ["password_file", "absent", "No such file"]),
    ],
)
def test_a_wrong_configuration_names_the_place(tmp_path, devices, signals, parts):
    path = tmp_path / "meterd.json"
    path.write_text(json.dumps({"devices": devices, "signals": signals, "ports": {"PORT1": "/dev/ttyS0"}}, indent=1))
    outcome = meterd("check", "-q", str(path))
    assert outcome.returncode == 3
    first = outcome.stderr.splitlines()[0]
    assert first.startswith(f"error: {path}")
    for part in parts:
        assert part in first
    assert outcome.stdout == ""


def test_broken_json_names_the_line(tmp_path):
    path = tmp_path / "meterd.json"
    path.write_text('{"devices": [\n {"name": "x",\n  "device_alias": "x" "protocol": "y"}\n]}')
    outcome = meterd("check", str(path))
    assert f"{path}, line 3: is not JSON" in outcome.stderr
    assert outcome.stdout == "", "nothing of it takes effect"


def test_protocols_that_would_not_start_are_named_as_start_takes_them(tmp_path):
    path = tmp_path / "meterd.json"
    path.write_text(json.dumps({"devices": [{**OVER_TCP, "t2": 1}], "signals": []}))
    outcome = meterd("check", "-q", str(path))
    assert outcome.returncode == 3
    assert outcome.stderr.splitlines()[-1].endswith("these protocols would not start: iec62056-21")


# ---- on the line


def one(**device) -> dict:
    return {"devices": [iec_device("cellar", **device)], "signals": [iec_signal("cellar", "E", "1.8.0")]}


def complaint(running, *parts: str) -> str:
    """The log line with all these parts, once it comes."""
    running.wait_for(
        lambda run: [line for line in run.log if all(part in line for part in parts)], what=f"a line with {parts}"
    )
    return next(line for line in running.log if all(part in line for part in parts))


def failed_for(running, reason: str) -> None:
    running.wait_for(lambda run: [one for one in run.of("cellar", "E") if one["reason"] == reason], what=reason)


def test_a_port_that_is_not_there(daemon, tmp_path):
    running = daemon({"ports": {"PORT1": str(tmp_path / "tty")}, **one(device="PORT1", **SERIAL)})
    complaint(running, "cellar: ", str(tmp_path / "tty"), "No such file or directory")
    failed_for(running, "disconnected")


@pytest.mark.parametrize(
    "wrong",
    [{"serialnumber": "999"}, {"baudrate": 9600}, {"databits": 8, "parity": "NONE"}, {"parity": "ODD"}],
    ids=["serial number", "speed", "format", "parity"],
)
def test_a_meter_that_does_not_understand_is_silent(site, daemon, tmp_path, wrong):
    link = tmp_path / "tty"
    site.pty(link, quick(), LINE)
    running = daemon({"ports": {"PORT1": str(link)}, **one(device="PORT1", **{**SERIAL, **wrong})})
    complaint(running, "cellar: ", "no answer within 600 ms")
    failed_for(running, "no_bytes")
    assert running.of("cellar", "_connected")[0]["value"] == 0


def test_a_tcp_port_where_nobody_listens(daemon):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    running = daemon(one(ip="127.0.0.1", port=port))
    complaint(running, "cellar: ", f"127.0.0.1:{port}", "Connection refused")
    failed_for(running, "disconnected")


def test_a_tcp_port_that_swallows_everything(daemon):
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        address = full.getsockname()
        waiting = []
        for _ in range(4):  # what no longer fits into the backlog is never answered
            waiting.append(socket.socket())
            waiting[-1].setblocking(False)
            waiting[-1].connect_ex(address)
        running = daemon(one(ip=address[0], port=address[1], timeout_ms=400))
        complaint(running, "cellar: ", "no connection within the time-out")
        failed_for(running, "disconnected")
        for connection in waiting:
            connection.close()


def test_a_name_that_does_not_exist(daemon):
    running = daemon(one(ip="meter.invalid", port=4059))
    complaint(running, "cellar: ", "meter.invalid:4059", "cannot be resolved")


def test_a_wrong_block_check_and_a_babbling_line(site, daemon):
    running = daemon(one(ip="127.0.0.1", port=site.tcp(quick(bcc="bad"))))
    complaint(running, "cellar: ", "the block check was wrong 3 times")
    failed_for(running, "bad_frame")
    running.stop()
    running = daemon(one(ip="127.0.0.1", port=site.tcp(quick(), "babble")))
    complaint(running, "cellar: ", "bytes came and none of them made a frame")


def test_an_unplugged_port_is_told_once_and_its_return_too(site, daemon, tmp_path):
    link = tmp_path / "tty"
    port = site.pty(link, quick(), LINE)
    running = daemon({"ports": {"PORT1": str(link)}, **one(device="PORT1", **SERIAL)})
    running.wait_for(lambda run: run.of("cellar", "E", "good"))
    site.call(port.close)
    complaint(running, "cellar: ", "No such file or directory")
    time.sleep(2)
    site.pty(link, quick(), LINE)
    complaint(running, "cellar: answers again")
    assert len([line for line in running.log if "No such file" in line]) == 1, "repeats are folded"


def test_disks_that_are_full(site, daemon, tmp_path):
    port = site.tcp(quick())
    configuration = {**one(ip="127.0.0.1", port=port), "publish": {"stdout": "json", "file": {"path": "/dev/full"}}}
    running = daemon(configuration, "--record", "/dev/full")
    complaint(running, "the wire log cannot be written", "No space left on device")
    complaint(running, "/dev/full: No space left on device", "readings wait")
    running.wait_for(lambda run: len(run.of("cellar", "E", "good")) >= 2, what="meters are read all the same")
    assert running.stop() == 0
    assert not [line for line in running.log if "Traceback" in line or "Exception ignored" in line], running.log


# ---- secrets


def shapes(secret: str) -> list[str]:
    """How a secret might show: as text, and in hex of all habits."""
    data = secret.encode("ascii")
    hexes = [data.hex(), data.hex(" "), data.hex(":"), ", ".join(f"0x{byte:02x}" for byte in data)]
    hexes.append("".join(f"\\x{byte:02x}" for byte in data))
    return [secret, *hexes, *(text.upper() for text in hexes)]


def assert_hidden(text: str, where: str) -> None:
    for shape in shapes(PASSWORD):
        assert shape not in text, where


@pytest.mark.parametrize("fault", [None, "echo"])
def test_no_secret_shows_anywhere(site, daemon, tmp_path, fault):
    link, record = tmp_path / "tty", tmp_path / "wire.log"
    site.pty(link, quick(password=PASSWORD), LINE, fault)
    configuration = {
        "ports": {"PORT1": str(link)},
        "devices": [iec_device("cellar", device="PORT1", password=PASSWORD, **{**SERIAL, "timeout_ms": 1500})],
        "signals": [iec_signal("cellar", "R", "R5:1.8.0")],
    }
    running = daemon(configuration, "-d7", "-r", "-f", "--record", str(record))
    running.wait_for(lambda run: os.path.exists(run.control))
    trace = subprocess.Popen(
        [sys.executable, "-m", "meterd", "trace", "--control", running.control], stdout=subprocess.PIPE, text=True
    )
    followed: list[str] = []
    reader = threading.Thread(target=lambda: followed.extend(trace.stdout), daemon=True)
    reader.start()
    running.wait_for(lambda run: len(run.of("cellar", "R", "good")) >= 2, 40.0)
    assert_hidden(running.ask("status", "--json").stdout, "status")
    check = meterd("check", str(running.path))
    assert '"password": "***"' in check.stdout
    assert_hidden(check.stdout + check.stderr, "check")
    running.stop()
    trace.wait(10)
    reader.join(5)
    trace.stdout.close()
    for where, text in (
        ("log", "\n".join(running.log)),
        ("wire log", record.read_text()),
        ("trace", "".join(followed)),
        ("readings", json.dumps(running.readings)),
    ):
        assert len(text) > 100, where
        assert_hidden(text, where)
    assert "** " * len(PASSWORD) in record.read_text()
    assert "** " * len(PASSWORD) in "".join(followed)


def test_a_wrong_password_is_named_as_such_and_not_shown(site, daemon):
    port = site.tcp(quick(password="another"))
    configuration = one(ip="127.0.0.1", port=port, password=PASSWORD)
    configuration["signals"] = [iec_signal("cellar", "E", "R5:1.8.0")]
    running = daemon(configuration, "-d7")
    assert_hidden(complaint(running, "cellar: ", "refused the password"), "log")
    failed_for(running, "auth")
    assert running.of("cellar", "_connected")[0]["value"] == 1, "whoever refuses is there"


def test_a_password_of_wrong_form_is_refused_unseen(tmp_path):
    path = tmp_path / "meterd.json"
    path.write_text(json.dumps({"devices": [{**OVER_TCP, "password": PASSWORD + "("}], "signals": [SIGNAL]}, indent=1))
    outcome = meterd("check", str(path))
    assert "parameter password: found a value" in outcome.stderr
    assert_hidden(outcome.stdout + outcome.stderr, "check")


def test_the_check_over_a_secret_is_masked_too():
    """It gives away as much as one character of the password, and would keep a log from playing with another one."""
    assert mask(b"\x01P1\x02(abc)\x03\x55", [b"abc"]) == "01 50 31 02 28 ** ** ** 29 03 **"
    assert mask(b"\x7e\xa0abc\x11\x22\x7e", [b"abc"]) == "7e a0 ** ** ** ** ** 7e"
    assert mask(b"xabcx", [b"abc"]) == "78 ** ** ** 78"


# ---- the documents


def test_the_tour_of_the_commands_works_as_pasted(tmp_path):
    text = (Path(__file__).parents[2] / "docs" / "commands.md").read_text("utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 5
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "meterd").write_text(f'#!/bin/sh\nexec {sys.executable} -m meterd "$@"\n')
    (programs / "meterd").chmod(0o755)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    script = "set -e\n" + "\n".join(blocks).replace("18459", str(port))
    environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "STATE_DIRECTORY": str(tmp_path)}
    outcome = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=100, check=False
    )
    assert outcome.returncode == 0, outcome.stdout[-2000:] + outcome.stderr[-2000:]
    assert '"signal":"serial","value":"12345678"' in outcome.stdout
    assert "running: iec62056-21" in outcome.stdout
    assert '"running":["iec62056-21"]' in outcome.stdout and '"protocol":"iec62056-21"' in outcome.stdout
    assert (tmp_path / "wire.log").read_text().startswith("# meterd wire log 1\n@ 127.0.0.1:")
    assert "S3cret99" not in outcome.stdout + outcome.stderr


def test_faults_and_exit_codes_are_all_documented():
    text = (Path(__file__).parents[2] / "docs" / "faults.md").read_text("utf-8")
    for reason, code in READ_FAILED.items():
        assert f"| `{reason}` | {code} |" in text
    assert set(READ_FAILED) == set(REASONS)
    for quality in QUALITIES:
        assert f"| `{quality}` |" in text
    for counter in COUNTERS:
        assert f"`_{counter}`" in text
    commands = (Path(__file__).parents[2] / "docs" / "commands.md").read_text("utf-8")
    for command in COMMANDS:
        assert f"meterd {command}" in commands
    for reason, code in READ_FAILED.items():
        assert f"| {code} | `{reason}` |" in commands


def test_the_wire_log_of_the_documents_is_one():
    text = (Path(__file__).parents[2] / "docs" / "wire-log.md").read_text("utf-8")
    sample = "\n".join(line[4:] for line in text.splitlines() if line.startswith("    "))
    entries = parse_wire_log(sample.partition("meterd read")[0])
    assert "".join(entry.sign for entry in entries) == "~><>~<>"
    assert entries[5].data[-1] == bcc(bytes(entries[5].data[1:-1]))
    assert entries[-1].data.count(None) == 9


# ---- what passed on the wire is all there


class Written:
    """A file that a wire log is written to, and the clock it goes by."""

    def __init__(self) -> None:
        self.text = ""
        self.time = 0.0

    def write(self, text: str) -> None:
        self.text += text

    def flush(self) -> None:
        """Nothing is held back."""

    close = flush


def observed(*steps: tuple[str, object]) -> list[str]:
    """The entries of a wire log after these calls of its observer; ("wait", s) lets time pass."""
    written = Written()
    observer = WireLog(written, lambda: written.time).observer("PORT1", lambda: [b"S3cret99"])
    for name, argument in steps:
        if name == "wait":
            written.time += argument
        else:
            getattr(observer, name)(argument)
    return written.text.splitlines()[2:]


def test_a_request_that_is_sent_again_is_an_entry_of_its_own():
    assert observed(("sent", b"/?!"), ("wait", 2.5), ("sent", b"/?!")) == ["> 0.0 2f 3f 21", "> 2500.0 2f 3f 21"]


def test_the_last_bytes_of_a_conversation_are_written():
    assert observed(("received", b"\xff"), ("wait", 0.01), ("received", b"\xfe"), ("ended", None)) == ["< 0.0 ff fe"]


def test_a_slow_echo_of_a_secret_stays_masked():
    steps = [
        ("sent", b"(S3cret99)"),
        *(pair for byte in b"(S3cret99)" for pair in (("received", bytes([byte])), ("wait", 0.2))),
    ]
    entries = observed(*steps, ("ended", None))
    for sign in ">", "<":
        shown = [byte for entry in entries if entry[0] == sign for byte in entry.split()[2:]]
        assert shown == ["28", *["**"] * 8, "29"], sign
