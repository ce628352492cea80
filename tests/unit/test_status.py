"""What `meterd status` says is so: a row for each device, line and sink, the worst first, nobody reassured falsely."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from meterd.cli import status_view
from meterd.conversation import Receive, Report, Send, exchange
from meterd.daemon.load import WINDOW_S, Load
from meterd.model import Reading, Signal, failed
from meterd.sinks.format import json_line
from meterd.sinks.lines import LineSink
from meterd.sinks.status import MAX_NAMED

from .runtime_rig import Rig, Words, tcp_device

HINT = "nothing is called like this; b perhaps"


def choosy(plan, memory):
    """The conversation with a meter that answers `none` to what it does not have."""
    decoder = Words()
    for signal in plan.signals:
        answer = yield from exchange(f"{plan.device.alias} {signal.alias}\n".encode(), decoder, 300, 100)
        yield Report(failed(signal, "not_found", HINT) if answer == b"none" else Reading(signal, int(answer)))


def meter_with(names: set[str]):
    def play():
        decoder = Words()
        while True:
            asked = (yield Receive(decoder, None, 500)).split()[1].decode()
            yield Send(b"7\n" if asked in names else b"none\n")

    return play


@pytest.fixture
def rig(monkeypatch):
    made = Rig(monkeypatch)
    driver = SimpleNamespace(plan=made.toy.plan, conversation=choosy)
    monkeypatch.setattr("meterd.protocols.registry.driver", lambda package: driver)
    yield made
    made.close()


def configure(rig, port: int, *aliases: str) -> None:
    configuration = rig.configuration(tcp_device("m", port))
    configuration.signals["m"] = [Signal("m", alias, {}) for alias in aliases]
    rig.daemon.configure(configuration)


def row(rig) -> dict:
    [found] = rig.daemon.status()["devices"]
    return found


def test_each_failed_signal_is_named_once_and_again_when_it_is_well(rig, said):
    names = {"a"}
    configure(rig, rig.host.on_tcp(0, meter_with(names)), "a", "x", "y")
    rig.run(5.0, lambda: len(rig.readings.of("m")) >= 9)
    assert said == [f"m/x: {HINT} (not_found)", f"m/y: {HINT} (not_found)"]
    found = row(rig)
    assert (found["reason"], found["connected"], found["signals_ok"], found["signals"]) == ("not_found", True, 1, 3)
    assert found["trouble"] == f"x: {HINT}; and 1 more of 3 signals fail"
    assert found["failing"] == {"x": HINT, "y": HINT}
    names.add("x")
    rig.run(5.0, lambda: "m/x: is read again" in said)
    assert row(rig)["signals_ok"] == 2
    names.add("y")
    rig.run(5.0, lambda: row(rig)["reason"] == "good")
    assert row(rig)["trouble"] == ""


def test_of_very_many_that_fail_the_log_names_some_and_counts_the_rest(rig, said):
    names: set[str] = set()
    aliases = [f"s{number}" for number in range(3 * MAX_NAMED)]
    configure(rig, rig.host.on_tcp(0, meter_with(names)), *aliases)
    rig.run(20.0, lambda: len(rig.readings.of("m")) >= 3 * len(aliases))
    assert said == [
        *(f"m/{alias}: {HINT} (not_found)" for alias in aliases[:MAX_NAMED]),
        f"m: {2 * MAX_NAMED} more signals fail than are named here; `meterd status m` tells each",
    ]
    assert row(rig)["failing"].keys() == set(aliases)
    names.update(aliases[1:])
    rig.run(20.0, lambda: row(rig)["signals_ok"] == len(aliases) - 1)
    assert set(said[MAX_NAMED + 1 :]) == {f"m/{alias}: is read again" for alias in aliases[1:MAX_NAMED]}
    names.clear()
    rig.run(20.0, lambda: row(rig)["signals_ok"] == 0)
    assert len(said) <= 4 * MAX_NAMED


def test_the_whole_status_keeps_its_pace_however_seldom_scans_are(rig):
    rig.daemon.status_interval_s = 0.05
    configuration = rig.configuration(tcp_device("m", rig.host.on_tcp(0, meter_with({"E"})), scan_rate_ms=3600000))
    rig.daemon.configure(configuration)
    rig.run(5.0, lambda: sum(one.signal.alias == "_signals_ok" for one in rig.readings.all) >= 4)
    assert len(rig.readings.of("m")) == 1
    rig.daemon.configure(rig.configuration())
    before = len(rig.readings.all)
    rig.run(0.3)
    assert len(rig.readings.all) == before, "a device that is read no more says nothing more"


def test_lines_and_the_loop_say_how_busy_they_are(rig):
    configure(rig, rig.host.on_tcp(0, meter_with({"a"})), "a")
    rig.run(5.0, lambda: len(rig.readings.of("m")) >= 3)
    answer = rig.daemon.status()
    [line] = answer["lines"]
    assert line["open"] and line["devices"] == 1 and 0.0 <= line["load"] < 1.0
    assert 0.0 < answer["daemon"]["longest_turn_ms"] < 60000.0


def test_load_is_the_share_of_the_last_minutes():
    load = Load(1000.0)
    assert load.share(1000.0) == 0.0
    load.used(1000.0, 1030.0)
    assert load.share(1060.0) == pytest.approx(0.5)
    load.used(1000.0 + WINDOW_S, 1000.0 + WINDOW_S + 60.0)
    assert load.share(1000.0 + 3 * WINDOW_S) < 0.25, "what was long ago counts no more"
    assert load.share(1000.0 + 9 * WINDOW_S) == 0.0


# ---- how people see it


def device(alias: str, reason: str = "good", **more) -> dict:
    row = {
        "device": alias,
        "protocol": "dlms",
        "line": "/dev/serial/by-id/usb-FTDI_FT232R_USB_UART_A50285BI-if00-port0",
    }
    row |= {"connected": reason == "good", "reason": reason, "last_good_age_s": 7300, "signals": 12, "signals_ok": 12}
    row |= {"trouble": "", "trouble_age_s": None, "failing": {}}
    row |= dict.fromkeys(
        ("reads_ok", "timeouts", "bad_frames", "refused", "bytes_sent", "bytes_received", "retries"), 4
    )
    return row | more


def answer(*devices: dict) -> dict:
    return {
        "running": ["dlms"], "stopped": [], "not_read": [], "devices": list(devices), "lines": [],
        "sinks": [{"sink": "/mnt/card", "state": "No space left on device; readings wait", "waiting": 88, "lost": 3}],
        "daemon": {"longest_turn_ms": 3.2, "clock_jumps": 0},
    }  # fmt: skip


def test_the_worst_comes_first_within_eighty_columns(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    words = "the meter said nothing to 3 requests in 15 s; is it powered, and is the speed of the line its own?"
    text = status_view.text(
        answer(
            device("attic"),
            device("basement_of_the_second_house", "no_bytes", trouble=words, trouble_age_s=30),
            device("cellar", "key", trouble="wrong key", trouble_age_s=300, signals_ok=0),
            device("boiler", "not_found", connected=True, signals_ok=11),
        )
    )
    lines = text.split("\n")
    assert max(map(len, lines)) <= 80
    order = [line.split()[0] for line in lines if line[:1].isalpha() and "…" in line]
    assert order == ["cellar", "basement_of_the_second_house", "boiler", "attic"]
    assert "11/12" in text and "2 h" in text
    assert "(30 s ago)" in text and "(5 min ago)" in text
    joined = " ".join(text.split())
    assert words in joined and "readings wait; waiting: 88, lost: 3" in joined


def test_a_name_tells_more_of_fewer():
    whole = answer(device("attic"), device("cellar", failing={"power": "no such register"}))
    some = status_view.only(whole, ["cel*"])
    assert [row["device"] for row in some["devices"]] == ["cellar"]
    assert len(status_view.only(whole, ["/dev/serial/*"])["devices"]) == 2
    text = " ".join(status_view.text(some, detailed=True).split())
    assert "power: no such register" in text and "bytes received 4" in text


def test_what_is_watched_fits_the_terminal_and_is_the_worst(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", "24")
    faulty = [device(f"dead{number}", "no_bytes", trouble="silence", trouble_age_s=3) for number in range(30)]
    whole = answer(*(device(f"fine{number}") for number in range(30)), *faulty)
    assert status_view.terminal_rows() == 23
    lines = status_view.text(whole, rows_most=status_view.terminal_rows()).split("\n")
    assert len(lines) == 23 and max(map(len, lines)) <= 80
    assert "fine" not in "".join(lines) and "dead0" in "".join(lines)
    every = len(status_view.text(whole).split("\n"))
    assert lines[-1].startswith(f"… and {every - 22} more lines")


def test_lines_are_told_the_busiest_first_and_the_broken_sink_before_others(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    whole = answer(device("attic"))
    whole["lines"] = [
        {"line": "one:1", "devices": 1, "open": True, "load": 0.5},
        {"line": "bus", "devices": 7, "open": True, "load": 0.312},
        {"line": "heard", "devices": 2, "open": True, "load": None},
        {"line": "two:2", "devices": 1, "open": False, "load": 0.97},
    ]
    whole["sinks"] = [{"sink": "stdout", "state": "good", "waiting": 0, "lost": 0}, *whole["sinks"]]
    lines = status_view.text(whole).split("\n")
    assert [line.split() for line in lines[-3:]] == [
        ["97%", "1", "closed", "two:2"], ["31%", "7", "open", "bus"], ["listens", "2", "open", "heard"],
    ]  # fmt: skip
    assert "one:1" in status_view.text(whole, detailed=True)
    assert [line.split()[1] for line in lines if line.startswith("sink")] == ["/mnt/card:", "stdout:"]


# ---- sinks


def test_a_sink_says_how_it_is():
    reader, writer = os.pipe()
    ended: list[int] = []
    sink = LineSink(writer, json_line)
    sink.on_end = lambda: ended.append(1)
    assert sink.condition() == ("stdout", "", 0, 0)
    os.close(reader)
    sink.accept(Reading(Signal("m", "a", {}), 1))
    sink.flush()
    name, state, waiting, lost = sink.condition()
    assert (name, waiting, lost, ended, sink.is_way_out) == ("stdout", 0, 0, [1], False)
    assert "Broken pipe" in state
    os.close(writer)


def daemon(tmp_path, publish: dict) -> subprocess.Popen:
    device = {"name": "m", "device_alias": "m", "protocol": "IEC 62056-21", "serialnumber": 0, "scan_rate_ms": 200}
    device |= {"ip": "127.0.0.1", "port": 1}
    signal = {"signal_name": "E", "device_alias": "m", "signal_alias": "E", "number_type": "DOUBLE"}
    signal |= {"job_todo": "1.8.0", "tag_job_todo": "1.8.0"}
    path = tmp_path / "meterd.json"
    path.write_text(json.dumps({"devices": [device], "signals": [signal], "publish": publish}))
    command = [sys.executable, "-m", "meterd", "run", "-c", str(path), "--state", str(tmp_path)]
    command += ["--control", str(tmp_path / "control.sock")]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_the_death_of_the_last_way_out_ends_the_process(tmp_path):
    running = daemon(tmp_path, {"status_interval_s": 1})
    assert running.stdout is not None and running.stderr is not None
    running.stdout.readline()
    running.stdout.close()
    assert running.wait(30) == 1
    assert b"nobody takes readings any more" in running.stderr.read()
    running.stderr.close()


def test_with_another_way_out_it_goes_on(tmp_path):
    path = tmp_path / "readings"
    running = daemon(tmp_path, {"status_interval_s": 1, "stdout": "json", "file": {"path": str(path)}})
    assert running.stdout is not None and running.stderr is not None
    running.stdout.readline()
    running.stdout.close()
    line = running.stderr.readline()
    while b"no longer written" not in line:
        assert line, "it ended"
        line = running.stderr.readline()
    size = path.stat().st_size
    with pytest.raises(subprocess.TimeoutExpired):
        running.wait(2.5)
    assert path.stat().st_size > size
    running.terminate()
    assert running.wait(30) == 0
    running.stderr.close()
