"""Elgama meters through the daemon: all models at once on two ports, faults, a profile edited by hand, discovery."""

import json
import signal as signals
import subprocess
import sys

import pytest

from meterd.simulate.elgama import LINE, MODE_C_LINE, meter

GAMA300, GAMA100, EPQS, EPQM, ITS = 2141421, 30005555, 12345678, 777, 5
QUICK = {"reaction_ms": "5", "idle_ms": "300"}


def device(alias, model, number, port, **parameters):
    row = {"name": alias, "device_alias": alias, "protocol": "Elgama", "device": port, "meter_model": model,
           "id": number, "timeout_ms": 800, "scan_rate_ms": 1000}  # fmt: skip
    return {**row, **parameters}


def signal(alias, job, tag=None, of="gama300", number_type="DOUBLE", **columns):
    row = {"signal_name": alias, "device_alias": of, "signal_alias": alias, "number_type": number_type}
    return {**row, "job_todo": job, "tag_job_todo": tag or job, **columns}


@pytest.fixture
def profiles(tmp_path, monkeypatch):
    monkeypatch.setenv("METERD_PROFILES", str(tmp_path / "profiles"))
    directory = tmp_path / "profiles" / "elgama"
    directory.mkdir(parents=True)
    return directory


def gamas(site, link, fault=None, **options):
    serials = f"{GAMA300:08};{GAMA100}"
    return site.pty(link, meter(**{"serial": serials, "rows": "20", **options}), LINE, fault)


def programming_meters(site, link, fault=None, **options):
    line = meter(**{"model": "epqs", "serial": f"{EPQS};{EPQM}", "password": "ABCDEFGH", **QUICK, **options})
    return site.pty(link, line, MODE_C_LINE, fault)


def fast_programming_meters(site, link, profiles, fault=None):
    """They open at 9600 bauds, and the site's profiles say so."""
    fast = {"profile": "site", "transport": {"line": {"baudrate": 9600}}}
    (profiles / "epqs.json").write_text(json.dumps(fast), encoding="utf-8")
    return programming_meters(site, link, fault, baudrate="9600")


def all_five(tmp_path):
    return {
        "ports": {"PORT1": str(tmp_path / "tty1"), "PORT2": str(tmp_path / "tty2")},
        "devices": [
            device("epqm", 0, EPQM, "PORT2", password="ABCDEFGH", scan_rate_ms=4000),
            device("epqs", 1, EPQS, "PORT2", password="ABCDEFGH", scan_rate_ms=4000),
            device("gama300", 2, GAMA300, "PORT1", use_time=1),
            device("gama100", 3, GAMA100, "PORT1"),
            device("its", 4, ITS, "PORT1"),
        ],
        "signals": [
            signal("E", "1.8.0,2.8.0", "1.8.0"), signal("R", "1.8.0,2.8.0", "2.8.0"),
            signal("U", "32.7.0"), signal("bad", "9.9.9"), signal("P", "load_profile", "load_profile#3"),
            signal("F", "power_failures"), signal("number", "serial", number_type="STRING"),
            signal("E", "1.8.0", of="gama100"), signal("number", "serial", of="gama100"),
            signal("E", "r5:2.8.0", of="epqs"), signal("number", "serial", of="epqs"),
            signal("nothing", "r5:7.7.7", of="epqs"), signal("list", "readout:2.8.0", of="epqs"),
            signal("number", "serial", of="epqm"), signal("E", "1.8.0", of="its"),
        ],
    }  # fmt: skip


def test_all_five_models_at_once_on_two_ports(site, daemon, tmp_path, profiles):
    gamas(site, tmp_path / "tty1")
    programming_meters(site, tmp_path / "tty2")
    running = daemon(all_five(tmp_path))
    for alias, name in (("gama300", "E"), ("gama100", "E"), ("epqs", "E"), ("epqm", "number")):
        running.wait_for(lambda run, of=alias, name=name: run.of(of, name, "good"), 40.0, f"{alias}/{name}")
    running.wait_for(lambda run: len(run.of("gama300", "P", "good")) == 20)
    first = running.of("gama300", "E")[0]
    assert (first["value"], first["unit"], first["meter_time"]) == (14723840.5, "Wh", "2026-07-01T12:07:30")
    assert running.of("gama300", "number")[0]["value"] == f"{GAMA300:08}"
    assert running.of("gama100", "number")[0]["value"] == GAMA100
    assert running.of("gama100", "E")[0]["meter_time"] is None
    assert (running.of("epqs", "number")[0]["value"], running.of("epqm", "number")[0]["value"]) == (EPQS, EPQM)
    assert running.of("epqs", "nothing")[0]["reason"] == "refused"
    assert running.of("epqs", "list")[0]["value"] == 0
    assert running.of("gama300", "bad")[0]["value"] is None
    assert [line for line in running.log if "signal bad, parameter tag_job_todo" in line and "gama300.json" in line]
    assert [reading["meter_time"] for reading in running.of("gama300", "P")][-1] == "2026-07-01T12:00:00"
    assert [reading["value"] for reading in running.of("gama300", "F")] == [1, 0] * 3
    running.wait_for(lambda run: run.of("its", "_reason"))
    assert (running.of("its", "E")[0]["value"], running.of("its", "E")[0]["reason"]) == (None, "not_read_yet")
    assert running.of("its", "_connected")[-1]["value"] == 0
    assert running.of("its", "_reason")[-1]["value"] == "not_read_yet"
    assert [line for line in running.log if "no profile is public" in line]
    assert running.stop() == 0
    assert not [line for line in running.log if "critical" in line or "ABCDEFGH" in line]


FAULTS = ["drop:5", "flip:5", "truncate:5", "duplicate", "delay:5:600", "noise:2", "echo", "bcc:5", "babble:9:400",
          "close:9:100"]  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_after_any_fault_the_meters_are_read_again(site, daemon, tmp_path, profiles, fault):
    gamas(site, tmp_path / "tty1", fault)
    fast_programming_meters(site, tmp_path / "tty2", profiles, fault)
    configuration = all_five(tmp_path)
    for row in configuration["devices"]:
        row["scan_rate_ms"], row["timeout_ms"] = 500, 400
    configuration["signals"] = [
        signal("E", "1.8.0"), signal("E", "1.8.0", of="gama100"), signal("E", "r5:2.8.0", of="epqs"),
        signal("E", "serial", of="epqm"), signal("E", "1.8.0", of="its"),
    ]  # fmt: skip
    running = daemon(configuration)
    for alias, count in (("gama300", 2), ("gama100", 1), ("epqs", 1), ("epqm", 1)):
        running.wait_for(
            lambda run, of=alias, n=count: len(run.of(of, "E", "good")) >= n, 60.0, f"{alias} with {fault}"
        )
    for alias, right in (("gama300", 14723840.5), ("gama100", 14723840.5), ("epqs", 0), ("epqm", EPQM), ("its", None)):
        assert {reading["value"] for reading in running.of(alias, "E")} <= {right, None}
    assert running.stop() == 0
    assert not [line for line in running.log if "critical" in line], running.log


def test_another_meter_publishes_nothing(site, daemon, tmp_path, profiles):
    gamas(site, tmp_path / "tty1", serial=str(GAMA300), shown="99991421")
    running = daemon(
        {
            "ports": {"PORT1": str(tmp_path / "tty1")},
            "devices": [device("gama300", 2, GAMA300, "PORT1")],
            "signals": [signal("E", "1.8.0")],
        }
    )
    running.wait_for(lambda run: len(run.of("gama300", "E")) >= 2)
    assert {(reading["value"], reading["reason"]) for reading in running.of("gama300", "E")} == {(None, "wrong_meter")}
    assert [line for line in running.log if "99991421" in line]


def test_a_profile_edited_by_hand_takes_effect_on_reload(site, daemon, tmp_path, profiles):
    gamas(site, tmp_path / "tty1")
    programming_meters(site, tmp_path / "tty2")
    configuration = all_five(tmp_path)
    configuration["signals"] = [
        signal("E", "1.8.0"), signal("T", "tariff one"), signal("E", "r5:2.8.0", of="epqs"),
    ]  # fmt: skip
    running = daemon(configuration)
    running.wait_for(lambda run: run.of("gama300", "E", "good") and run.of("epqs", "E", "good"), 30.0)
    assert running.of("gama300", "T")[0]["value"] is None

    path = profiles / "gama300.json"
    path.write_text(json.dumps({
        "profile": "site",
        "registers": {"1.8.0": {"scale": 0.0001, "unit": "kWh"}, "1.8.1-ours": {"read": "sn:0x0118"}},
        "aliases": {"tariff one": "1.8.1"},
    }), encoding="utf-8")  # fmt: skip
    running.kill(signals.SIGHUP)
    running.wait_for(lambda run: run.of("gama300", "T", "good"))
    running.wait_for(lambda run: run.of("gama300", "E", "good")[-1]["unit"] == "kWh")
    assert running.of("gama300", "E", "good")[-1]["value"] == 14723.8405
    assert running.of("gama300", "T", "good")[-1]["value"] == 10000000.1

    path.write_text('{"profile": "site",\n "registers": {\n  "1.8.0": {"scale": "a lot"}}}', encoding="utf-8")
    running.kill(signals.SIGHUP)
    running.wait_for(
        lambda run: [line for line in run.log if f"{path}, line 3, registers.1.8.0, parameter scale" in line]
    )
    good = len(running.of("epqs", "E", "good"))
    running.wait_for(lambda run: len(run.of("epqs", "E", "good")) > good, 20.0, "others go on")
    silent = len(running.of("gama300", "E"))
    path.unlink()
    running.kill(signals.SIGHUP)
    running.wait_for(lambda run: len(run.of("gama300", "E", "good")) > silent)
    assert running.of("gama300", "E", "good")[-1]["unit"] == "Wh"
    assert running.stop() == 0


def scanned(tmp_path, path, *words):
    command = [sys.executable, "-m", "meterd", "scan", "-c", str(path), *words, "--state", str(tmp_path)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_scan_discovers_and_writes_a_profile(site, daemon, tmp_path, profiles):
    gamas(site, tmp_path / "tty1")
    fast_programming_meters(site, tmp_path / "tty2", profiles)
    path = tmp_path / "meterd.json"
    path.write_text(json.dumps({**all_five(tmp_path), "signals": []}), encoding="utf-8")
    written = profiles / "gama100.json"
    done = scanned(tmp_path, path, "gama100", "--profile", str(written), "-o", str(tmp_path / "found.json"))
    assert done.returncode == 0, done.stderr
    profile = json.loads(written.read_text(encoding="utf-8"))
    assert profile["registers"]["1.8.1"]["read"] == "sn:0x0120"
    assert profile["registers"]["36.7.0"]["read"] == "sn:0x3F08"
    found = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))
    assert {row["job_todo"] for row in found["signals"]} >= {"1.8.0", "32.7.0"}
    configuration = {
        "ports": all_five(tmp_path)["ports"],
        "devices": [device("gama100", 3, GAMA100, "PORT1"), device("epqs", 1, EPQS, "PORT2", password="ABCDEFGH")],
        "signals": found["signals"],
    }
    done = scanned(tmp_path, path, "epqs", "--profile", str(tmp_path / "read.json"), "-o", str(tmp_path / "list.json"))
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "read.json").read_text())["registers"]["32.7.0"]["read"] == "readout:32.7.0"
    configuration["signals"] = found["signals"] + json.loads((tmp_path / "list.json").read_text())["signals"]
    running = daemon(configuration)
    running.wait_for(lambda run: run.of("gama100", "1_8_0", "good") and run.of("gama100", "72_7_0", "good"), 20.0)
    running.wait_for(lambda run: run.of("epqs", "1_8_0", "good"), 20.0)
    assert running.of("gama100", "1_8_0", "good")[0]["value"] == 14723840.5
