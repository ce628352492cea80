"""The packages on every machine, emulated: checked, installed, started by the init script, reading, obeying, respawned.

It takes a cross compiler and minutes, so it only runs when asked for: `make gateway`, or METERD_GATEWAY=1.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tools.gateway.build.cache import ToolMissing
from tools.gateway.build.machines import MACHINES
from tools.gateway.package import mini_opkg, packages
from tools.gateway.prove import gateway_root
from tools.gateway.prove.gateway_root import in_root
from tools.gateway.prove.service import GROUPS, Supervisor, recorded, script

PROJECT = Path(__file__).resolve().parents[2]
ASKED = os.environ.get("METERD_GATEWAY")
NAMES = list(MACHINES) if ASKED in ("1", "all") else (ASKED or "").split()

pytestmark = [
    pytest.mark.skipif(not ASKED, reason="`make gateway` runs this: it cross-compiles and emulates"),
    pytest.mark.timeout(600),
]

SITE = """
config meterd 'main'
	option log_level '6'

config port 'PORT1'
	option node '{pty}'

config device 'tcp_meter'
	option protocol 'IEC 62056-21'
	option ip '127.0.0.1'
	option port '{port}'
	option serialnumber '12345678'
	option scan_rate_ms '1000'

config signal 'tcp_energy'
	option device_alias 'tcp_meter'
	option number_type 'DOUBLE'
	option job_todo '1.8.0'
	option tag_job_todo '1.8.0'

config device 'pty_meter'
	option protocol 'mbus serial'
	option device 'PORT1'
	option baudrate '2400'
	option parity 'even'
	option address '1'
	option timeout_ms '1000'
	option scan_rate_ms '1000'

config signal 'pty_heat'
	option device_alias 'pty_meter'
	option number_type 'DOUBLE'
	option job_todo ''
	option tag_job_todo '0'

config publish 'general'
	option stdout 'json'
"""


class Gateway:
    """One machine's root with meterd installed, and the simulated meters it reads."""

    def __init__(self, root: Path, machine, place: Path) -> None:
        self.root = root
        self.machine = machine
        self.place = place
        self.port = _free_port()
        self.pty = place / "meter"
        self.meters: list[subprocess.Popen[bytes]] = []
        self.simulate("iec62056-21", "--tcp", str(self.port), "reaction_ms=0")
        self.simulate("mbus", "--pty", str(self.pty), "kind=heat")
        until(self.pty.is_symlink, "the simulated meter's pty")
        # A pty lives in its own file system alone, so the root gets that.
        node = self.pty.resolve()
        os.chown(node, 0, GROUPS["dialout"])
        node.chmod(0o660)
        self.port_link = root / "dev" / "ttyS1"
        self.port_link.unlink(missing_ok=True)
        self.port_link.symlink_to(node)

    def simulate(self, *words: str) -> None:
        self.meters.append(subprocess.Popen([sys.executable, "-m", "meterd.cli.main", "simulate", *words], cwd=PROJECT))

    def write(self, text: str = SITE) -> None:
        path = self.root / "etc" / "config" / "meterd"
        path.write_text(text.format(port=self.port, pty="/dev/ttyS1"))

    def start(self, scale: float = 1.0) -> Supervisor:
        assert script(self.root, "meterd", "start").returncode == 0
        return self.supervised(scale)

    def supervised(self, scale: float = 1.0) -> Supervisor:
        """What the last action told procd, run."""
        instance = recorded(self.root)
        assert instance is not None
        output = self.place / "output"
        output.write_bytes(b"")
        supervisor = Supervisor(self.root, self.machine, instance, output, scale)
        supervisor.start()
        return supervisor

    def close(self) -> None:
        for meter in self.meters:
            meter.terminate()
            meter.wait()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def until(condition, what: str, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"{what} did not come"
        time.sleep(0.05)


def good_values(supervisor: Supervisor, signal_alias: str) -> list[float]:
    rows = [json.loads(line) for line in supervisor.said().splitlines() if line.startswith("{")]
    return [row["value"] for row in rows if row["signal"] == signal_alias and row["quality"] == "good"]


@pytest.fixture(scope="module", params=NAMES)
def installed(request, tmp_path_factory):
    machine = MACHINES[request.param]
    root = tmp_path_factory.mktemp("root") / machine.name
    try:
        gateway_root.create(root, machine, packages.write(machine), ["meterd", "meterd-wcclite", "meterd-simulate"])
        gateway_root.settle(root, "meterd")
        gateway_root.settle(root, "meterd-wcclite")
    except ToolMissing as missing:
        pytest.skip(str(missing))
    terminals = root / "dev" / "pts"
    terminals.mkdir()
    if subprocess.run(["mount", "--bind", "/dev/pts", terminals], check=False).returncode:
        pytest.skip("a root with ptys takes the right to mount")
    yield root, machine
    subprocess.run(["umount", "-l", terminals], check=True)


@pytest.fixture
def gateway(installed, tmp_path):
    found = Gateway(*installed, tmp_path)
    found.write()
    yield found
    found.close()


def test_it_reads_over_tcp_and_serial_obeys_hup_and_term(gateway):
    daemon = gateway.start()
    try:
        until(lambda: len(good_values(daemon, "tcp_energy")) > 1, "a reading over TCP")
        until(lambda: good_values(daemon, "pty_heat"), "a reading from the serial port")
        status = script(gateway.root, "mbus", "status")
        assert status.returncode == 0, status.stderr
        assert "pty_meter" in status.stdout
        gateway.write(SITE.replace("'tcp_energy'", "'tcp_renamed'"))
        assert script(gateway.root, "meterd", "reload").returncode == 0
        daemon.obey()
        until(lambda: good_values(daemon, "tcp_renamed"), "a reading under the new name")
        assert script(gateway.root, "iec62056-21", "stop").returncode == 0
        time.sleep(1.5)
        before = len(good_values(daemon, "tcp_renamed"))
        time.sleep(2.5)
        assert len(good_values(daemon, "tcp_renamed")) == before
        assert script(gateway.root, "iec62056-21", "start").returncode == 0
        until(lambda: len(good_values(daemon, "tcp_renamed")) > before, "a reading after the restart")
        assert daemon.starts == 1
    finally:
        code = daemon.stop()
        print(daemon.said())  # pytest shows it where the test failed
    assert code == 0, daemon.said()


def test_installed_over_a_configuration_it_reads_and_an_upgrade_leaves_disabled_what_was(gateway):
    for package in ("meterd-wcclite", "meterd"):
        for action in ("prerm", "postrm"):
            gateway_root.settle(gateway.root, package, action)
    for folder in packages.FOLDERS["meterd-wcclite"]:  # which were empty, and come back when it is unpacked
        (gateway.root / folder.lstrip("/")).mkdir(exist_ok=True)
    gateway.write()
    gateway_root.settle(gateway.root, "meterd")
    daemon = gateway.supervised()
    try:
        gateway_root.settle(gateway.root, "meterd-wcclite")
        until(lambda: good_values(daemon, "tcp_energy") and good_values(daemon, "pty_heat"), "readings of both")
        assert "is stopped" not in daemon.said()
        status = script(gateway.root, "meterd", "status")
        assert status.returncode == 0
        assert {"tcp_meter", "pty_meter"} <= {line.partition(" ")[0] for line in status.stdout.splitlines()}
        assert script(gateway.root, "mbus", "running").returncode == 0
        assert script(gateway.root, "dlms", "running").returncode == 1, "no such meter is configured"
        assert script(gateway.root, "mbus", "disable").returncode == 0
        for package in ("meterd-wcclite", "meterd"):
            gateway_root.settle(gateway.root, package, "prerm", upgrade=True)
    finally:
        assert daemon.stop() == 0, daemon.said()
    gateway_root.settle(gateway.root, "meterd", upgrade=True)
    daemon = gateway.supervised()
    try:
        until(lambda: good_values(daemon, "tcp_energy"), "a reading after the upgrade")
        assert good_values(daemon, "pty_heat") == []
        told = script(gateway.root, "meterd", "status").stdout
        assert "not read: mbus is stopped: devices that wait for `meterd start mbus`: 1" in told
    finally:
        script(gateway.root, "mbus", "enable")
        daemon.stop()
        print(daemon.said())


def test_a_slip_in_the_uci_file_is_one_sentence_and_what_runs_goes_on(gateway):
    daemon = gateway.start()
    try:
        until(lambda: good_values(daemon, "tcp_energy"), "a reading")
        gateway.write(SITE.replace("'127.0.0.1'", "'127.0.0.1"))
        assert script(gateway.root, "meterd", "reload").returncode == 0
        daemon.obey()
        until(lambda: "goes on as before" in daemon.said(), "what the daemon says of it")
        said = [line for line in daemon.said().splitlines() if "/etc/config/meterd" in line]
        assert len(said) == 1
        assert "/etc/config/meterd, line 10: the quote ' in column 12 is not closed in its line" in said[0]
        before = len(good_values(daemon, "tcp_energy"))
        until(lambda: len(good_values(daemon, "tcp_energy")) > before + 2, "further readings")
        assert "the last reload was refused" in script(gateway.root, "meterd", "status").stdout
        gateway.write(SITE.replace("'tcp_energy'", "'tcp_mended'"))
        assert script(gateway.root, "meterd", "reload").returncode == 0
        daemon.obey()
        until(lambda: good_values(daemon, "tcp_mended"), "a reading by the mended file")
        assert daemon.starts == 1
    finally:
        daemon.stop()
        print(daemon.said())


def test_removing_leaves_nothing_but_changed_configuration(installed, tmp_path):
    root = tmp_path / "root"
    shutil.copytree(installed[0], root, symlinks=True, ignore=lambda place, names: {"pts"} & set(names))
    uci = root / "etc" / "config" / "meterd"
    uci.write_text("config meterd 'main'\n\toption enabled '0'\n")
    mini_opkg.install(root, installed[1], next((PROJECT / "dist" / installed[1].name).glob("meterd_*.ipk")))
    packages = ("simulate", "wcclite", "elgama", "push", "profiles", "transports")
    for package in (*(f"meterd-{name}" for name in packages), "meterd"):
        for action in ("prerm", "", "postrm"):
            after = root / mini_opkg.INFO / f"{package}.postrm"
            kept = after.read_bytes() if after.exists() else b""
            if not action:
                mini_opkg.remove(root, package)
                if kept:
                    after.write_bytes(kept)
                    after.chmod(0o755)
            elif (root / mini_opkg.INFO / f"{package}.{action}").exists():
                gateway_root.settle(root, package, action)
        (root / mini_opkg.INFO / f"{package}.postrm").unlink(missing_ok=True)
    places = [
        *(root / "etc").rglob("*"),
        *(root / "usr").rglob("*"),
        *(root / "lib").rglob("*"),
        *(root / "var").rglob("*"),
    ]
    names = ("meterd", "dlms", "iec62056", "mbus", "elgama")
    left = {path.relative_to(root).as_posix() for path in places if any(name in path.as_posix() for name in names)}
    left = {name for name in left if any(part.startswith(names) for part in Path(name).parts)}
    assert left == {"etc/config/meterd", "etc/config/meterd-opkg"}, left


def words_of(gateway: Gateway, *words: str) -> subprocess.Popen[str]:
    """A command typed in at the gateway's shell."""
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    return subprocess.Popen(
        ["/bin/busybox", "ash", "-c", 'exec "$@"', "ash", *words], preexec_fn=in_root(gateway.root), env=environment,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def code_of(gateway: Gateway, *words: str) -> int:
    with words_of(gateway, *words) as process:
        print(process.communicate()[0])
    return process.returncode


def test_the_manuals_three_steps_of_debugging(gateway):
    port = _free_port()
    gateway.simulate("dlms", "--tcp", str(port))
    device = {"device_alias": "house", "name": "House", "protocol": "DLMS", "ip": "127.0.0.1", "port": port,
              "client_address": 16, "physical_address": 1, "type": "LN", "scan_rate_ms": 1000}  # fmt: skip
    energy = {"device_alias": "house", "signal_alias": "house_energy", "signal_name": "Energy",
              "obis_job": "1.0.1.8.0.255"}  # fmt: skip
    path = gateway.root / "etc" / "dlms" / "dlms.json"
    path.write_text(json.dumps({"devices": [device], "signals": [energy]}))
    daemon = gateway.start()
    try:
        until(lambda: good_values(daemon, "house_energy"), "a reading of the DLMS meter")
        assert code_of(gateway, "/etc/init.d/dlms", "stop") == 0
        until(lambda: "dlms is stopped" in daemon.said(), "what the daemon says of it")
        time.sleep(1.5)
        before = len(good_values(daemon, "house_energy"))
        with words_of(gateway, "dlms", "-c", "/etc/dlms/dlms.json", "-d7", "--dlms") as debugging:
            assert debugging.stdout is not None
            seen = "".join(debugging.stdout.readline() for _ in range(8))
            debugging.send_signal(signal.SIGINT)
            seen += debugging.stdout.read()
        assert debugging.returncode == 0, seen
        assert "debug: house" in seen
        assert '"signal":"house_energy"' in seen
        assert "tcp_meter" not in seen
        others = len(good_values(daemon, "tcp_energy"))
        until(lambda: len(good_values(daemon, "tcp_energy")) > others, "the other protocols' readings")
        assert len(good_values(daemon, "house_energy")) == before
        assert code_of(gateway, "/etc/init.d/dlms", "start") == 0
        until(lambda: len(good_values(daemon, "house_energy")) > before, "a reading after the third step")
        assert daemon.said().count("dlms is stopped") == daemon.said().count("dlms is started") == 1
        assert daemon.starts == 1
    finally:
        daemon.stop()
        print(daemon.said())
        path.unlink()


def test_a_disabled_protocol_is_read_from_its_start_on(gateway):
    assert script(gateway.root, "iec62056-21", "disable").returncode == 0
    daemon = gateway.start()
    try:
        until(lambda: good_values(daemon, "pty_heat"), "a reading of another protocol")
        assert good_values(daemon, "tcp_energy") == []
        assert daemon.said().count("iec62056-21 is stopped") == 1
        assert script(gateway.root, "iec62056-21", "start").returncode == 0
        until(lambda: good_values(daemon, "tcp_energy"), "a reading after its start")
        assert script(gateway.root, "iec62056-21", "enable").returncode == 0
        # What is enabled now stands on the command line, which takes another process.
        assert script(gateway.root, "meterd", "reload").returncode == 0
        daemon.obey()
        before = len(good_values(daemon, "tcp_energy"))
        until(lambda: len(good_values(daemon, "tcp_energy")) > before, "a reading by the daemon started anew")
        assert daemon.starts == 2
        assert "--stopped" not in daemon.instance.parameters["command"]
    finally:
        script(gateway.root, "iec62056-21", "enable")
        daemon.stop()
        print(daemon.said())


def test_it_is_respawned_when_it_dies(gateway):
    daemon = gateway.start(scale=0.01)
    try:
        until(lambda: good_values(daemon, "tcp_energy"), "a reading")
        daemon.signal(signal.SIGKILL)

        def respawned() -> bool:
            daemon.watch()
            return daemon.starts == 2

        until(respawned, "the respawn")
        before = len(good_values(daemon, "tcp_energy"))
        until(lambda: len(good_values(daemon, "tcp_energy")) > before, "a reading after the respawn")
    finally:
        daemon.stop()


def test_what_cannot_start_says_so_once_and_waits_for_a_better_configuration(gateway):
    gateway.write(SITE.replace("IEC 62056-21", "IEC 62056-12").replace("mbus serial", "mbus cereal"))
    daemon = gateway.start(scale=0.01)
    try:
        until(lambda: "nothing to run" in daemon.said(), "the message")
        end = time.monotonic() + 3
        while time.monotonic() < end:
            daemon.watch()
            time.sleep(0.05)
        assert daemon.starts == 1
        assert daemon.said().count("nothing to run") == 1
        assert "IEC 62056-12" in daemon.said()
        gateway.write()
        assert script(gateway.root, "meterd", "reload").returncode == 0
        daemon.obey()

        def reading() -> bool:
            daemon.watch()
            return bool(good_values(daemon, "tcp_energy"))

        until(reading, "a reading by the better configuration")
    finally:
        daemon.stop()


def test_a_missing_port_is_one_message_and_no_end(gateway):
    gateway.port_link.unlink()
    daemon = gateway.start()
    try:
        until(lambda: len(good_values(daemon, "tcp_energy")) > 3, "readings of the other meter")
        said = [line for line in daemon.said().splitlines() if "ttyS1" in line and not line.startswith("{")]
        assert len(said) == 1, daemon.said()
        assert daemon.process.poll() is None
    finally:
        daemon.stop()


@pytest.mark.parametrize("fate", ["full", "removed"])
def test_a_full_or_removed_disk_is_one_message_and_no_end(gateway, fate):
    disk = gateway.root / "mnt"
    disk.mkdir(exist_ok=True)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8k,mode=777", "meterd-test", disk], check=False)
    if done.returncode:
        pytest.skip("a small file system for this test cannot be mounted here")
    try:
        fast = SITE.replace("'1000'", "'200'")
        gateway.write(fast + "config publish 'file'\n\toption path '/mnt/readings'\n")
        daemon = gateway.start()
        try:
            until(lambda: (disk / "readings").exists(), "the file of readings")
            if fate == "removed":
                subprocess.run(["umount", "-l", disk], check=True)
            until(lambda: len(good_values(daemon, "tcp_energy")) > 80, "readings, disk or no disk", 120)
            said = [line for line in daemon.said().splitlines() if "/mnt/readings" in line]
            assert len(said) == (1 if fate == "full" else len(said)) <= 1, said
            assert daemon.process.poll() is None
        finally:
            daemon.stop()
    finally:
        subprocess.run(["umount", "-l", disk], check=False, stderr=subprocess.DEVNULL)


# What ujail adds to the mounts by itself: the program's interpreter, the usual devices, what `procfs` asks for.
BY_ITSELF = ("/dev/null", "/dev/zero", "/dev/urandom")


def test_the_jail_holds_all_that_the_daemon_needs(gateway, tmp_path):
    assert script(gateway.root, "meterd", "start").returncode == 0
    instance = recorded(gateway.root)
    jail = tmp_path / "jail"
    emulator = f"/usr/bin/{gateway.machine.emulator[0]}"
    paths = [*sorted(instance.mounts), emulator, "/usr/bin/python3.11", *BY_ITSELF]
    mounted: list[Path] = []
    try:
        for path in paths:
            source = Path(path) if path in BY_ITSELF else (gateway.root / path.lstrip("/")).resolve()
            target = jail / path.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                target.mkdir(exist_ok=True)
            else:
                target.touch()
            subprocess.run(["mount", "--bind", source, target], check=True)
            mounted.append(target)
        output = tmp_path / "output"
        output.touch()
        (jail / "tmp").mkdir()
        daemon = Supervisor(jail, gateway.machine, instance, output)
        daemon.start()
        try:
            until(lambda: good_values(daemon, "tcp_energy"), "a reading over TCP from within the jail")
            assert script(gateway.root, "meterd", "stop").returncode == 0
        finally:
            assert daemon.stop() == 0, daemon.said()
    finally:
        for target in reversed(mounted):
            subprocess.run(["umount", "-l", target], check=True)
