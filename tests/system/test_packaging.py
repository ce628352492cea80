"""What is laid beside the program for people and machines: the systemd unit is run, the rest is checked as far as a
machine without containers or a forge can.
"""

from __future__ import annotations

import json
import os
import re
import select
import shlex
import signal
import socket
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from meterd.simulate.iec62056_21 import meter
from tests.fuzz import engine
from tests.needs import needs

from .rig import iec_device, iec_signal

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "packaging" / "systemd" / "meterd.service"
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
MAKE_TARGETS = set(re.findall(r"^([a-z.-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
PATIENCE_S = 60


def settings(unit: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in unit.read_text().splitlines() if re.match(r"[A-Z]\w*=", line))


def test_systemd_takes_the_unit_and_finds_little_exposed() -> None:
    tool = needs("systemd-analyze", "systemd")
    verified = subprocess.run([tool, "verify", "--man=no", str(UNIT)], capture_output=True, text=True)
    assert (verified.returncode, verified.stdout + verified.stderr) == (0, "")
    judged = [tool, "security", "--offline=true", "--threshold=20", "--no-pager", str(UNIT)]
    assert subprocess.run(judged, stdout=subprocess.DEVNULL).returncode == 0


def test_the_command_of_the_unit_reads_reloads_and_ends_as_systemd_would_have_it(site, tmp_path) -> None:
    """Its own words, with the folders of this test for those of an installed system."""
    port = site.tcp(meter())
    configuration = tmp_path / "etc"
    configuration.mkdir()
    house = {
        "devices": [iec_device("meter", ip="127.0.0.1", port=port)],
        "signals": [iec_signal("meter", "E", "1.8.0")],
    }
    (configuration / "house.json").write_text(json.dumps(house))
    command = settings(UNIT)["ExecStart"]
    assert "/opt/meterd/bin/meterd" in command and "/etc/meterd/*.json" in command
    program = Path(sys.executable).parent / "meterd"
    command = command.replace("/opt/meterd/bin/meterd", str(program)).replace("/etc/meterd", str(configuration))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        told.bind(str(tmp_path / "notify"))
        told.settimeout(PATIENCE_S)
        environment = {
            **os.environ,
            "NOTIFY_SOCKET": str(tmp_path / "notify"),
            "RUNTIME_DIRECTORY": str(tmp_path),
            "STATE_DIRECTORY": str(tmp_path),
        }
        daemon = subprocess.Popen(shlex.split(command), env=environment, stdout=subprocess.PIPE, text=True)
        try:
            assert told.recv(100) == b"READY=1"
            assert (tmp_path / "ready").exists()
            assert select.select([daemon.stdout], [], [], PATIENCE_S)[0]
            assert daemon.stdout is not None and '"quality":"good"' in daemon.stdout.readline()
            reload = settings(UNIT)["ExecReload"].replace("$MAINPID", str(daemon.pid))
            assert subprocess.run(shlex.split(reload)).returncode == 0
            assert select.select([daemon.stdout], [], [], PATIENCE_S)[0]
            daemon.send_signal(signal.SIGTERM)
            while told.recv(100) != b"STOPPING=1":
                pass
            assert daemon.wait(PATIENCE_S) == 0
        finally:
            daemon.kill()
            daemon.wait()
            assert daemon.stdout is not None
            daemon.stdout.close()


# ---- what a forge would run


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_pin_what_they_use_and_may_do_little(path: Path) -> None:
    text = path.read_text()
    used = re.findall(r"uses: (\S+)( # v[\d.]+)?$", text, re.MULTILINE)
    assert len(used) == text.count("uses: ") and used
    for action, version in used:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action) and version
    assert re.search(r"^permissions: \{\}$", text, re.MULTILINE)
    assert text.count("runs-on: ") == text.count("timeout-minutes: ")
    assert text.count("actions/checkout@") == text.count("persist-credentials: false")


def test_what_workflows_run_is_there() -> None:
    runs = [run for path in WORKFLOWS for run in re.findall(r"make ([\w. -]+)", path.read_text())]
    assert runs
    for words in runs:
        assert set(words.split()) <= {*MAKE_TARGETS, "ARCH"} | {words.split()[-1]} and words.split()[0] in MAKE_TARGETS
    modules = {name for path in WORKFLOWS for name in re.findall(r"-m (tests[\w.]*|tools[\w.]*)", path.read_text())}
    assert modules == {"tests.fuzz"}
    assert (ROOT / ".ci" / "run").exists()


def test_wheels_are_made_for_the_pythons_that_are_tested() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    built = set(re.findall(r"cp3(\d+)", project["tool"]["cibuildwheel"]["build"]))
    tested = set(re.findall(r'"3\.(\d+)"', (ROOT / ".github" / "workflows" / "test.yml").read_text()))
    promised = {each.rpartition(".")[2] for each in project["project"]["classifiers"] if re.search(r":: 3\.\d+$", each)}
    assert built == tested == promised
    for source in project["tool"]["cibuildwheel"]["test-sources"]:
        assert (ROOT / source).exists()


# ---- containers


def test_the_container_s_files_copy_what_is_there_and_start_the_daemon() -> None:
    text = (ROOT / "packaging" / "docker" / "Dockerfile").read_text()
    copied = [word for line in re.findall(r"^COPY (?!--from)(.*)$", text, re.MULTILINE) for word in line.split()[:-1]]
    assert copied
    for name in copied:
        assert (ROOT / name).exists(), name
    extras = re.search(r"'\.\[(.*)\]'", text)
    known = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert extras and set(extras[1].split(",")) <= set(known)
    for options in re.findall(r"meterd (?:run|status) ([^\"*]*)", text.replace('", "', " ")):
        assert set(re.findall(r"--?[a-z]+", options)) <= {"--control", "-c"}


# ---- fuzzing elsewhere


def test_the_fuzzers_for_elsewhere_are_those_of_this_project() -> None:
    script = ROOT / "packaging" / "oss-fuzz" / "build.sh"
    assert "tests/fuzz/targets/[a-z]*.py" in script.read_text()
    found = {path.stem for path in (ROOT / "tests" / "fuzz" / "targets").glob("[a-z]*.py")}
    assert found == set(engine.names())
    assert subprocess.run([needs("shellcheck"), str(script)]).returncode == 0
