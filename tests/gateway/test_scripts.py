"""The init scripts under busybox ash, with stand-ins for procd's and UCI's functions."""

from __future__ import annotations

import os
import random
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from meterd.config.files import load
from meterd.config.uci import Uci
from tools.gateway.package.mini_opkg import INFO
from tools.gateway.package.packages import SYSTEM
from tools.gateway.prove import gateway_root
from tools.gateway.prove.service import JailRefused, calls, jailed, recorded, script

PROJECT = Path(__file__).resolve().parents[2]
FILES = PROJECT / "openwrt" / "files"
STANDINS = PROJECT / "tools" / "gateway" / "prove" / "standin"
SHELL = ("", ".init", ".sh", ".preinst", ".postrm", ".uci-defaults")
SCRIPTS = [
    *(path for path in sorted(FILES.iterdir()) if path.suffix in SHELL),
    *sorted(STANDINS.iterdir()),
]
PROTOCOLS = ("dlms", "iec62056-21", "mbus", "elgama")
COPY = "/var/run/meterd-config/meterd"

ONE_METER = """
config meterd 'main'
	option log_level '6'

config port 'PORT1'
	option node '/dev/ttyS1'

config device 'cellar'
	option protocol 'IEC 62056-21'
	option device 'PORT1'
	option serialnumber '0'

config signal 'energy'
	option device_alias 'cellar'
	option number_type 'DOUBLE'
	option job_todo '1.8.0'
	option tag_job_todo '1.8.0'
"""


def start(root: Path, uci: str):
    """Run the start action on this UCI file; returns (what procd was told, what was said, what the daemon reads)."""
    (root / "etc" / "config" / "meterd").write_text(uci)
    done = script(root, "meterd", "start")
    assert done.returncode == 0, done.stderr
    instance = recorded(root)
    files = instance.parameters["file"] if instance else []
    return instance, done.stderr.splitlines(), load([str(root / path.lstrip("/")) for path in files])


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_shellcheck_has_nothing_to_say(path):
    if not shutil.which("shellcheck"):
        pytest.skip("shellcheck is missing: apt install shellcheck")
    done = subprocess.run(["shellcheck", "-s", "dash", path], capture_output=True, text=True, check=False)
    assert done.stdout + done.stderr == ""


def test_as_installed_nothing_is_started_and_it_says_so_once(scripts_root):
    instance, said, _ = start(scripts_root, (PROJECT / "openwrt" / "files" / "meterd.config").read_text())
    assert instance is None
    assert len(said) == 1
    assert "no meter is configured" in said[0]


def test_the_daemon_is_given_a_copy_of_the_uci_file_that_is_its_alone(scripts_root):
    (scripts_root / "dev" / "ttyS1").touch()
    instance, said, configuration = start(scripts_root, ONE_METER)
    assert said == []
    assert instance.parameters["command"][-2:] == ["-c", COPY]
    assert instance.parameters["file"] == [COPY]
    copy = scripts_root / COPY.lstrip("/")
    assert copy.read_text() == ONE_METER
    assert (copy.stat().st_mode & 0o777, copy.stat().st_uid) == (0o600, 871)
    assert configuration.errors == []
    assert [device.alias for device in configuration.devices] == ["cellar"]


def test_root_writes_nothing_into_a_folder_of_the_daemons(scripts_root):
    (scripts_root / "dev" / "ttyS1").touch()
    start(scripts_root, ONE_METER)
    precious = scripts_root / "etc" / "passwd"
    before = precious.read_text()
    for name in ("started", "config", "meterd"):
        (scripts_root / "var" / "run" / "meterd" / name).symlink_to("/etc/passwd")
    start(scripts_root, ONE_METER)
    assert precious.read_text() == before
    assert precious.stat().st_uid == 0


def test_the_command_is_a_program_for_a_jail_takes_no_script(scripts_root):
    for path in ("dev/ttyS1", "usr/bin/python3"):
        (scripts_root / path).write_text("#!/bin/sh\n")
    instance, _, _ = start(scripts_root, ONE_METER)
    assert jailed(scripts_root, instance.parameters["command"])[1:4] == ["-SP", "/usr/lib/meterd/service", "run"]
    with pytest.raises(JailRefused, match="failed to load dependencies"):
        jailed(scripts_root, instance.parameters["command"][2:])
    assert "/usr/bin/python3" in instance.mounts


def test_the_service_is_bound_to_its_user_and_its_jail(scripts_root):
    (scripts_root / "dev" / "ttyS1").touch()
    instance, _, _ = start(scripts_root, ONE_METER)
    assert instance.parameters["user"] == ["meterd"]
    assert instance.parameters["group"] == ["dialout"]
    assert instance.parameters["no_new_privs"] == ["1"]
    assert instance.parameters["reload_signal"] == ["HUP"]
    assert instance.parameters["stdout"] == instance.parameters["stderr"] == ["1"]
    assert "procfs" in instance.jail
    writable = {path for path, may_write in instance.mounts.items() if may_write}
    assert writable == {"/var/run/meterd", "/etc/meterd/state", "/dev/ttyS1"}
    # Folders, for a file that is put in another's place would stay the old one in the jail.
    assert {"/etc/meterd", "/etc/dlms", "/var/run/meterd-config"} <= set(instance.mounts) - writable


def test_json_files_alone_are_enough(scripts_root):
    (scripts_root / "etc" / "dlms" / "dlms.json").write_text("{}")
    instance, said, _ = start(scripts_root, "config meterd 'main'\n")
    assert said == []
    assert instance.parameters["command"][-2:] == [COPY, "/etc/dlms/dlms.json"]
    assert instance.parameters["file"] == [COPY, "/etc/dlms/dlms.json"]


def test_without_a_uci_file_json_files_are_enough(scripts_root):
    (scripts_root / "etc" / "meterd" / "site.json").write_text("{}")
    (scripts_root / "etc" / "config" / "meterd").unlink()
    assert script(scripts_root, "meterd", "start").returncode == 0
    assert recorded(scripts_root) is not None


def test_disabled_means_not_started(scripts_root):
    instance, said, _ = start(scripts_root, ONE_METER.replace("log_level '6'", "enabled '0'"))
    assert instance is None
    assert len(said) == 1
    assert "enabled" in said[0]


BROKEN = ONE_METER.replace("'PORT1'\n\toption serial", "'PORT1\n\toption serial")


def test_with_a_broken_uci_file_the_daemon_is_started_to_say_so_and_with_nothing_else(scripts_root):
    (scripts_root / "dev" / "ttyS1").touch()
    (scripts_root / "etc" / "dlms" / "dlms.json").write_text("{}")
    instance, said, configuration = start(scripts_root, BROKEN)
    assert said == []
    assert instance.parameters["file"] == [COPY]
    [error] = configuration.errors
    assert "line 10: the quote ' in column 16 is not closed in its line" in str(error)


@pytest.mark.parametrize("broken", [BROKEN, "<<<<<<< yours\n" + ONE_METER, ONE_METER + "opt unit 'kWh'\n"])
def test_a_file_broken_while_the_daemon_runs_leaves_it_running(scripts_root, broken):
    (scripts_root / "dev" / "ttyS1").touch()
    start(scripts_root, ONE_METER)
    uci = scripts_root / "etc" / "config" / "meterd"
    uci.write_text(broken)
    done = script(scripts_root, "meterd", "reload")
    assert (done.returncode, done.stderr) == (0, "")
    assert calls(scripts_root) == [["procd_send_signal", "meterd"]], "the daemon reads it and says what is wrong"
    assert (scripts_root / COPY.lstrip("/")).read_text() == broken
    uci.write_text(ONE_METER)
    assert script(scripts_root, "meterd", "reload").returncode == 0
    assert ["procd_kill", "meterd"] not in calls(scripts_root)
    assert recorded(scripts_root) is not None


def test_what_was_disabled_or_emptied_while_the_daemon_runs_is_ended(scripts_root):
    (scripts_root / "dev" / "ttyS1").touch()
    start(scripts_root, ONE_METER)
    for uci in (ONE_METER.replace("log_level '6'", "enabled '0'"), "config meterd 'main'\n"):
        (scripts_root / "etc" / "config" / "meterd").write_text(uci)
        done = script(scripts_root, "meterd", "reload")
        assert done.returncode == 0
        assert "not started" in done.stderr
        assert recorded(scripts_root) is None
        assert calls(scripts_root), "procd is told"


@pytest.mark.parametrize("there", [False, True])
def test_a_folder_for_what_is_kept_is_not_made_in_place_of_a_removed_card(scripts_root, there):
    (scripts_root / "dev" / "ttyS1").touch()
    kept = scripts_root / "mnt" / "sd" / "state"
    (kept if there else kept.parent).mkdir(parents=True)
    instance, said, _ = start(scripts_root, ONE_METER.replace("log_level '6'", "state '/mnt/sd/state'"))
    assert said == [], "the daemon says it"
    command = instance.parameters["command"]
    assert command[command.index("--state") + 1] == "/mnt/sd/state"
    assert kept.exists() == there == ("/mnt/sd/state" in instance.mounts)
    if there:
        assert kept.stat().st_uid == 871


def test_a_missing_port_is_one_message_and_the_rest_goes_on(scripts_root):
    instance, said, _ = start(scripts_root, ONE_METER)
    assert instance is not None
    assert said == [
        "meterd: port /dev/ttyS1 is not there: its meters stay silent until it is plugged in and meterd reloaded"
    ]


def test_a_removed_card_is_one_message_and_the_rest_goes_on(scripts_root):
    (scripts_root / "dev" / "ttyS1").touch()
    uci = ONE_METER.replace("option log_level '6'", "list config '/mnt/sd/meters.json'")
    instance, said, _ = start(scripts_root, uci)
    assert instance is not None
    assert len(said) == 1
    assert "/mnt/sd/meters.json" in said[0]


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("action", ["start", "stop", "status"])
def test_a_protocols_script_asks_the_one_daemon(scripts_root, protocol, action):
    with_a_daemon(scripts_root)
    start(scripts_root, ONE_METER)
    program = scripts_root / "usr" / "bin" / "meterd"
    program.write_text('#!/bin/sh\necho "asked: $*"\nexit 1\n')
    program.chmod(0o755)
    done = script(scripts_root, protocol, action)
    assert done.stdout == f"asked: {action} {protocol}\n"
    assert done.returncode == 1


def test_installing_makes_the_user_and_enables_the_scripts(scripts_root):
    assert "meterd:x:871:871:" in (scripts_root / "etc" / "passwd").read_text()
    assert "dialout:x:20:meterd\n" in (scripts_root / "etc" / "group").read_text()
    links = {path.name for path in (scripts_root / "etc" / "rc.d").iterdir()}
    assert links == {"S95meterd", "K10meterd", "S96dlms", "S96iec62056-21", "S96mbus", "S96elgama"}
    assert not (scripts_root / "etc" / "uci-defaults" / "60_meterd").exists()


def with_a_daemon(root: Path) -> Path:
    """A root in which the daemon seems to run; returns where its program writes down what it was asked."""
    for name in ("ttyS1",):
        (root / "dev" / name).touch()
    program = root / "usr" / "bin" / "meterd"
    program.write_text('#!/bin/sh\necho "$*" >>/tmp/asked\n')
    program.chmod(0o755)
    place = root / "var" / "run" / "meterd"
    place.mkdir(parents=True, exist_ok=True)
    os.mknod(place / "control.sock", stat.S_IFSOCK | 0o600)
    return root / "tmp" / "asked"


@pytest.mark.parametrize("manager", ["opkg", "apk"])
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("first", ["meterd", "meterd-wcclite"])
def test_installed_in_any_order_over_a_configuration_everything_is_read(tmp_path, manager, seed, first):
    gateway_root.scripts(tmp_path)
    with_a_daemon(tmp_path)
    (tmp_path / "etc" / "config" / "meterd").write_text(ONE_METER)
    for package in SYSTEM:
        path = tmp_path / INFO / f"{package}.list"
        names = path.read_text().splitlines()
        random.Random(seed).shuffle(names)
        path.write_text("".join(f"{name}\n" for name in names))
    for package in sorted(SYSTEM, key=lambda package: package != first):
        gateway_root.settle(tmp_path, package, manager=manager)
        if package == "meterd":
            assert "--stopped" not in recorded(tmp_path).parameters["command"]
    assert script(tmp_path, "meterd", "start").returncode == 0
    assert "--stopped" not in recorded(tmp_path).parameters["command"]


def test_removed_and_installed_again_it_reads_what_was_disabled_before(scripts_root):
    asked = with_a_daemon(scripts_root)
    start(scripts_root, ONE_METER)
    script(scripts_root, "mbus", "disable")
    for action in ("prerm", "postrm"):
        gateway_root.settle(scripts_root, "meterd-wcclite", action)
    assert not (scripts_root / "etc" / "meterd" / "disabled").exists()
    assert asked.read_text().splitlines()[-4:] == [f"start {protocol}" for protocol in PROTOCOLS]
    gateway_root.settle(scripts_root, "meterd")
    assert "--stopped" not in recorded(scripts_root).parameters["command"]


def test_a_mark_without_its_script_means_nothing(scripts_root):
    (scripts_root / "dev" / "ttyS1").touch()
    script(scripts_root, "mbus", "disable")
    assert "--stopped" in start(scripts_root, ONE_METER)[0].parameters["command"]
    (scripts_root / "etc" / "init.d" / "mbus").unlink()
    assert "--stopped" not in start(scripts_root, ONE_METER)[0].parameters["command"]


@pytest.mark.parametrize("manager", ["opkg", "apk"])
def test_an_upgrade_leaves_a_disabled_script_disabled(scripts_root, manager):
    with_a_daemon(scripts_root)
    script(scripts_root, "mbus", "disable")
    start(scripts_root, ONE_METER)
    for package in ("meterd-wcclite", "meterd"):
        for action in ("prerm", "postrm", "postinst") if manager == "opkg" else ("postinst",):
            gateway_root.settle(scripts_root, package, action, upgrade=True, manager=manager)
    assert script(scripts_root, "mbus", "enabled").returncode == 1
    assert script(scripts_root, "dlms", "enabled").returncode == 0
    command = start(scripts_root, ONE_METER)[0].parameters["command"]
    assert command[command.index("--stopped") :][:2] == ["--stopped", "mbus"]


def test_removing_ends_and_disables_everything(scripts_root):
    gateway_root.settle(scripts_root, "meterd-wcclite", "prerm")
    gateway_root.settle(scripts_root, "meterd", "prerm")
    assert list((scripts_root / "etc" / "rc.d").iterdir()) == []
    assert ["procd_kill", "meterd"] in calls(scripts_root)


@pytest.mark.parametrize("place", ["etc/init.d/dlms", "usr/bin/elgama"])
def test_a_makers_own_programs_are_left_alone_in_one_sentence(scripts_root, place):
    assert gateway_root.settle(scripts_root, "meterd-wcclite", "preinst") == "", "over its own files it installs"
    (scripts_root / place).write_text("#!/bin/sh\nexec /usr/sbin/collector\n")
    with pytest.raises(RuntimeError, match=f"exit 1: meterd-wcclite: /{place} is there already.*\n$"):
        gateway_root.settle(scripts_root, "meterd-wcclite", "preinst")


def test_the_serial_ports_that_are_there_are_named_at_the_first_installation(tmp_path):
    gateway_root.scripts(tmp_path)
    for number, name in enumerate(("ttyS7", "ttyUSB0")):
        try:
            os.mknod(tmp_path / "dev" / name, stat.S_IFCHR | 0o660, os.makedev(4, 71 + number))
        except PermissionError:
            pytest.skip("device nodes cannot be made here")
    gateway_root.settle(tmp_path, "meterd")
    text = (tmp_path / "etc" / "config" / "meterd").read_text()
    assert text.startswith((PROJECT / "openwrt" / "files" / "meterd.config").read_text()), "what it explains stays"
    for port, node in (("PORT1", "/dev/ttyS7"), ("PORT2", "/dev/ttyUSB0")):
        assert f"config port '{port}'\n\toption node '{node}'\n" in text


def test_a_protocols_script_is_enabled_by_its_link(scripts_root):
    assert script(scripts_root, "dlms", "enabled").returncode == 0
    script(scripts_root, "dlms", "disable")
    assert script(scripts_root, "dlms", "enabled").returncode == 1
    script(scripts_root, "dlms", "enable")
    assert script(scripts_root, "dlms", "enabled").returncode == 0


def test_a_protocols_start_waits_for_a_daemon_that_was_started_just_now_and_says_that_none_runs(scripts_root):
    (scripts_root / "dev" / "ttyS1").touch()
    done = script(scripts_root, "dlms", "start")
    assert done.returncode == 1
    assert "meterd does not run" in done.stderr
    start(scripts_root, ONE_METER)
    asked = with_a_daemon(scripts_root)
    assert script(scripts_root, "dlms", "start").returncode == 0
    assert asked.read_text() == "start dlms\n"


@pytest.mark.parametrize("answers", [True, False])
def test_running_is_answered_truly_by_each_script(scripts_root, answers):
    with_a_daemon(scripts_root)
    (scripts_root / "usr" / "bin" / "meterd").write_text(f"#!/bin/sh\necho running: dlms\nexit {int(not answers)}\n")
    done = script(scripts_root, "dlms", "running")
    assert (done.returncode == 0) == answers
    assert done.stdout == "", "its help text is not an answer"
    assert script(scripts_root, "meterd", "running").returncode == 1, "procd started nothing"
    (scripts_root / "tmp" / "procd.pid").write_text(f"{os.getpid()}\n")
    assert script(scripts_root, "meterd", "running").returncode == 0
    (scripts_root / "var" / "run" / "meterd" / "control.sock").unlink()
    assert script(scripts_root, "meterd", "running").returncode == 1, "what waits for a better configuration"


def test_status_is_the_daemons(scripts_root):
    asked = with_a_daemon(scripts_root)
    assert script(scripts_root, "meterd", "status").returncode == 0
    assert asked.read_text() == "status\n"


def test_what_waited_for_a_package_is_read_once_it_is_installed(scripts_root):
    info = scripts_root / INFO / "meterd-elgama.postinst"
    shutil.copy(gateway_root.FILES / "room.postinst", info)
    info.chmod(0o755)
    (scripts_root / "etc" / "config" / "meterd").write_text(ONE_METER)
    assert gateway_root.settle(scripts_root, "meterd-elgama") == ""
    assert calls(scripts_root) == [], "no daemon runs: it will find the package by itself"
    with_a_daemon(scripts_root)
    start(scripts_root, ONE_METER)
    gateway_root.settle(scripts_root, "meterd-elgama")
    assert ["procd_open_service", "meterd"] in calls(scripts_root), "the daemon is told to look again"


def test_restart_stops_and_starts_a_protocol_even_where_it_did_not_run(scripts_root):
    with_a_daemon(scripts_root)
    start(scripts_root, ONE_METER)
    program = scripts_root / "usr" / "bin" / "meterd"
    program.write_text('#!/bin/sh\necho "asked: $*"\n[ "$1" = start ]\n')
    program.chmod(0o755)
    done = script(scripts_root, "dlms", "restart")
    assert done.stdout == "asked: stop dlms\nasked: start dlms\n"
    assert done.returncode == 0


def test_disabled_protocols_wait_for_their_start(scripts_root):
    (scripts_root / "dev" / "ttyS1").touch()
    instance, _, _ = start(scripts_root, ONE_METER)
    assert "--stopped" not in instance.parameters["command"]
    for protocol in ("mbus", "dlms"):
        script(scripts_root, protocol, "disable")
    instance, _, _ = start(scripts_root, ONE_METER)
    command = instance.parameters["command"]
    assert command[command.index("--stopped") :][:4] == ["--stopped", "dlms", "mbus", "-c"]
    for protocol in ("mbus", "dlms"):
        script(scripts_root, protocol, "enable")
    assert "--stopped" not in start(scripts_root, ONE_METER)[0].parameters["command"]


def test_ports_that_json_files_name_are_in_the_jail_too(scripts_root):
    for name in ("ttyS1", "ttyUSB7", "ttyS9"):
        (scripts_root / "dev" / name).touch()
    (scripts_root / "etc" / "mbus" / "a.json").write_text('{"ports": {"PORT2": "\\/dev\\/ttyUSB7"}}')
    instance, said, _ = start(scripts_root, ONE_METER + "#\toption node '/dev/ttyS9'\n")
    assert said == []
    assert {"/dev/ttyS1", "/dev/ttyUSB7"} == {path for path in instance.mounts if path.startswith("/dev/")}


def test_a_loop_that_no_longer_turns_ends_the_process_that_procd_watches(scripts_root):
    instance, _, _ = start(scripts_root, ONE_METER)
    assert instance.parameters["env"] == ["WATCHDOG_USEC=120000000"]
    threshold = int(instance.parameters["respawn"][0])
    assert threshold < 120, "or five such ends in a row would be the last"


@pytest.mark.parametrize(
    ("change", "ended"),
    [
        (lambda root, uci: uci.write_text(ONE_METER + "\toption unit 'kWh'\n"), False),
        (lambda root, uci: uci.write_text(ONE_METER.replace("'6'", "'7'")), False),
        (lambda root, uci: uci.write_text(ONE_METER.replace("log_level '6'", "state '/etc/dlms'")), True),
        (lambda root, uci: uci.write_text(ONE_METER + "config port 'PORT2'\n\toption node '/dev/ttyS2'\n"), True),
        (lambda root, uci: (root / "etc" / "dlms" / "dlms.json").write_text("{}"), True),
        (lambda root, uci: script(root, "elgama", "disable"), True),
    ],
    ids=["signal", "log level", "state", "port", "file", "disabled"],
)
def test_a_reload_signals_unless_what_is_fixed_at_the_start_has_changed(scripts_root, change, ended):
    for name in ("ttyS1", "ttyS2"):
        (scripts_root / "dev" / name).touch()
    start(scripts_root, ONE_METER)
    change(scripts_root, scripts_root / "etc" / "config" / "meterd")
    for expected in (ended, False):  # the next reload finds it as it is
        assert script(scripts_root, "meterd", "reload").returncode == 0
        assert (["procd_kill", "meterd"] in calls(scripts_root)) == expected
        assert recorded(scripts_root) is not None


def test_a_start_after_a_stop_ends_nothing(scripts_root):
    (scripts_root / "dev" / "ttyS1").touch()
    start(scripts_root, ONE_METER)
    assert script(scripts_root, "meterd", "stop").returncode == 0
    script(scripts_root, "mbus", "disable")
    start(scripts_root, ONE_METER)
    assert ["procd_kill", "meterd"] not in calls(scripts_root)


def uci(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/sbin/uci", *words], preexec_fn=gateway_root.in_root(root), env={"PATH": "/usr/bin:/bin:/sbin"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("slip", "reason"),
    [
        ("option node '/dev/ttyS1", "EOF with unterminated '"),
        ('option node "/dev', 'EOF with unterminated "'),
        ("opption node x", "invalid command"),
        ("option a-b c", "invalid character in name field"),
        ("option", "invalid command"),
        ('option ""', "insufficient arguments"),
        ("config 'a b'", "invalid character in type field"),
        ("config signal cellar", "section of different type overwrites prior section with same name"),
        ("'option' a b", "invalid command"),
        ("option a b c", "too many arguments"),
    ],
)
def test_the_stand_in_of_uci_is_as_lenient_as_the_real_one_and_as_strict(scripts_root, slip, reason):
    (scripts_root / "etc" / "config" / "meterd").write_text(
        ONE_METER + f"config port 'PORT2'\n\t{slip}\nconfig port 'PORT9'\n\toption node '/dev/ttyS9'\n"
    )
    strict = uci(scripts_root, "show", "meterd")
    assert strict.returncode == 1
    assert strict.stdout == ""
    assert f"uci: Parse error ({reason}) at line " in strict.stderr
    lenient = uci(scripts_root, "-S", "show", "meterd")
    assert lenient.returncode == 0
    borne = reason.startswith(("too many", "section of different type"))
    assert lenient.stderr == "" if borne else lenient.stderr.startswith(f"Parse error ({reason}) at line ")
    assert "meterd.cellar.serialnumber='0'" in lenient.stdout
    assert ("meterd.PORT9.node='/dev/ttyS9'" in lenient.stdout) == ("EOF" not in reason), "what follows is kept"
    assert uci(scripts_root, "-q", "get", "meterd.main.log_level").returncode == 1


def test_all_that_the_sample_configuration_shows_may_stand_in_one_file(scripts_root):
    sample = (PROJECT / "openwrt" / "files" / "meterd.config").read_text()
    shown = "".join(
        line[1:] if line[1:].lstrip().startswith(("config ", "option ", "list ")) else line
        for line in sample.replace("\t#", "#\t").splitlines(keepends=True)
    )
    assert "\nconfig publish 'general'\n" in shown
    assert "\n\tlist config '/mnt/sd/meters.json'\n" in shown
    (scripts_root / "etc" / "config" / "meterd").write_text(shown)
    strict = uci(scripts_root, "show", "meterd")
    assert (strict.returncode, strict.stderr) == (0, "")
    found = Uci(shown)
    assert found.faults == []
    assert (found.content["ports"], found.content["publish"]["stdout"]) == (
        {"PORT1": "/dev/ttyS1", "PORT2": "/dev/ttyUSB0"},
        "none",
    )


def test_the_stand_in_of_uci_reads_what_the_daemon_reads(scripts_root):
    text = """config meterd main;
option log_level "3" ; # a comment
config device 'a'
\toption name 'it'\\''s \\ "x"' # comment
\toption description a\\ b"c d"
\tlist one 1
\tlist one '2 3'
"""
    (scripts_root / "etc" / "config" / "meterd").write_text(text)
    [row] = Uci(text).content["devices"]
    assert uci(scripts_root, "get", "meterd.a.name").stdout == row["name"] + "\n" == 'it\'s \\ "x"\n'
    assert uci(scripts_root, "get", "meterd.a.description").stdout == row["description"] + "\n"
    assert uci(scripts_root, "get", "meterd.a.one").stdout == " ".join(row["one"]) + "\n"
    assert uci(scripts_root, "get", "meterd.main.log_level").stdout == Uci(text).main["log_level"] + "\n"
