"""What starts shards: the template unit is verified and its command run, the rest is held against what can be known.

No container was run and no cluster asked: the compose file is held against its schema, the StatefulSet's parts against
each other, and the command of its pods is run as it stands, with the folders of this test.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO, Any

import pytest

from meterd.daemon.shard import Shard
from meterd.simulate.iec62056_21 import meter
from tests.needs import needs

from .rig import iec_device, iec_signal

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "packaging" / "systemd" / "meterd@.service"
UNIT = ROOT / "packaging" / "systemd" / "meterd.service"
EXAMPLES = ROOT / "examples" / "shards"
SHARDS = 3
PROGRAM = Path(sys.executable).parent / "meterd"
# What the template says that the unit does not, by the first word of each line.
OF_THE_TEMPLATE = {"Description", "Conflicts", "EnvironmentFile", "ExecStart", "RuntimeDirectoryPreserve", "#"}

yaml: Any = pytest.importorskip("yaml", reason="PyYAML is missing: make build")


def test_systemd_takes_the_template() -> None:
    tool = needs("systemd-analyze", "systemd")
    verified = subprocess.run([tool, "verify", "--man=no", str(TEMPLATE)], capture_output=True, text=True)
    assert (verified.returncode, verified.stdout + verified.stderr) == (0, "")


def test_the_template_is_the_unit_but_for_what_shards_need() -> None:
    lines, whole = TEMPLATE.read_text().splitlines(), UNIT.read_text().splitlines()
    more = [line for line in lines if line not in whole]
    assert {re.split(r"[= ]", line)[0] for line in more} == OF_THE_TEMPLATE
    less = [line for line in whole if line not in lines]
    assert {re.split(r"[= ]", line)[0] for line in less} == {"Description", "ExecStart", "#"}


def first_read(readings: IO[str], count: int) -> list[str]:
    """The first devices, so many, of which a good reading comes."""
    seen: list[str] = []
    while len(seen) < count:
        reading = json.loads(readings.readline())
        if reading["signal"] == "E" and reading["quality"] == "good" and reading["device"] not in seen:
            seen.append(reading["device"])
    return seen


def run_all(site: Any, folder: Path, command: str, variables: dict[int, dict[str, str]]) -> dict[int, list[str]]:
    """Start every shard by this command line, and end it once it has read; what each read, by device."""
    shards = {number: Shard(f"{number}/{SHARDS}") for number in variables}
    ports: list[int] = []
    while not all(any(shard.has(f"127.0.0.1:{port}") for port in ports) for shard in shards.values()):
        ports.append(site.tcp(meter()))
    names = {f"m{number}": port for number, port in enumerate(ports)}
    configuration = folder / "etc"
    configuration.mkdir()
    devices = [iec_device(name, ip="127.0.0.1", port=port) for name, port in names.items()]
    house = {"devices": devices, "signals": [iec_signal(name, "E", "1.8.0") for name in names]}
    (configuration / "house.json").write_text(json.dumps(house))
    expected = {
        number: sorted(name for name, port in names.items() if shard.has(f"127.0.0.1:{port}"))
        for number, shard in shards.items()
    }
    (folder / "state").mkdir()
    found: dict[int, list[str]] = {}
    for number, more in variables.items():
        words = command.replace("/etc/meterd", str(configuration)).replace("/var/lib/meterd", str(folder / "state"))
        environment = {**os.environ, "PATH": f"{PROGRAM.parent}:{os.environ['PATH']}", **more}
        with subprocess.Popen(shlex.split(words), env=environment, stdout=subprocess.PIPE, text=True) as daemon:
            assert daemon.stdout is not None
            try:
                found[number] = first_read(daemon.stdout, len(expected[number]))
            finally:
                daemon.send_signal(signal.SIGTERM)
    assert {number: sorted(seen) for number, seen in found.items()} == expected
    return found


def test_the_command_of_the_template_reads_each_meter_in_one_shard(site: Any, tmp_path: Path) -> None:
    [line] = re.findall(r"^ExecStart=(.*)$", TEMPLATE.read_text(), re.MULTILINE)
    line = line.replace("/opt/meterd/bin/meterd", str(PROGRAM))
    place = {"RUNTIME_DIRECTORY": str(tmp_path), "STATE_DIRECTORY": str(tmp_path / "state"), "SHARDS": str(SHARDS)}
    found = run_all(
        site, tmp_path, line.replace("%i", "$INSTANCE"),
        {number: {**place, "INSTANCE": str(number)} for number in range(1, SHARDS + 1)},
    )  # fmt: skip
    assert sum(map(len, found.values())) == len({device for seen in found.values() for device in seen}) >= SHARDS
    assert sorted(path.name for path in tmp_path.glob("ready-*")) == ["ready-1", "ready-2", "ready-3"]
    assert sorted(path.name for path in (tmp_path / "state").iterdir()) == ["shard-1", "shard-2", "shard-3"]


# ---- containers


def test_the_compose_file_is_one() -> None:
    tool = Path(sys.executable).parent / "check-jsonschema"
    if not tool.exists():
        pytest.skip("check-jsonschema is missing: make lint")
    checked = subprocess.run(
        [tool, "--builtin-schema", "vendor.compose-spec", EXAMPLES / "compose.yaml"], capture_output=True, text=True
    )
    assert checked.returncode == 0, checked.stdout


def test_the_compose_file_starts_every_shard_once() -> None:
    services = yaml.safe_load((EXAMPLES / "compose.yaml").read_text())["services"]
    shards = {name: service for name, service in services.items() if name.startswith("shard-")}
    numbers = [service["environment"]["SHARD"] for service in shards.values()]
    command = {service["command"][2] for service in shards.values()}
    assert len(command) == 1 and f"--shard $$SHARD/{len(shards)} " in command.pop()
    assert sorted(numbers) == [str(number + 1) for number in range(len(shards))]
    for service in services.values():
        for volume in service.get("volumes", ()):
            source = volume.partition(":")[0]
            assert not source.startswith(".") or source == "./etc" or (EXAMPLES / source).exists(), source
        if "build" in service:
            assert (EXAMPLES / service["build"]["context"] / service["build"]["dockerfile"]).exists()


def test_the_stateful_set_hangs_together() -> None:
    service, each = yaml.safe_load_all((EXAMPLES / "statefulset.yaml").read_text())
    spec = each["spec"]
    labels = spec["template"]["metadata"]["labels"]
    assert spec["selector"]["matchLabels"] == labels == service["spec"]["selector"]
    assert spec["serviceName"] == service["metadata"]["name"] and service["spec"]["clusterIP"] == "None"
    pod = spec["template"]["spec"]
    [container] = pod["containers"]
    volumes = {
        volume["name"] for volume in [*pod["volumes"], *(one["metadata"] for one in spec["volumeClaimTemplates"])]
    }
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert set(mounts) == volumes and mounts["state"] == "/var/lib/meterd"
    assert {"name": "SHARDS", "value": str(spec["replicas"])} in container["env"]


def test_the_command_of_a_pod_reads_its_shard(site: Any, tmp_path: Path) -> None:
    _, each = yaml.safe_load_all((EXAMPLES / "statefulset.yaml").read_text())
    command = each["spec"]["template"]["spec"]["containers"][0]["command"]
    line = shlex.join(command).replace("/run/meterd", str(tmp_path))
    pods = {number: {"HOSTNAME": f"meterd-{number - 1}", "SHARDS": str(SHARDS)} for number in range(1, SHARDS + 1)}
    found = run_all(site, tmp_path, line, pods)
    assert all(found.values()) and len(found) == SHARDS
