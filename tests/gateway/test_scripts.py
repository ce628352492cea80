"""The init scripts under busybox ash, with stand-ins for procd's and UCI's functions."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from tools.gateway.prove import gateway_root
from tools.gateway.prove.service import calls, recorded, script

PROJECT = Path(__file__).resolve().parents[2]
SCRIPTS = [
    *sorted((PROJECT / "openwrt" / "files").glob("*.init")),
    *sorted((PROJECT / "openwrt" / "files").glob("*.sh")),
    *sorted((PROJECT / "openwrt" / "files").glob("meterd.p*")),
    PROJECT / "openwrt" / "files" / "meterd.uci-defaults",
    *sorted((PROJECT / "tools" / "gateway" / "prove" / "standin").iterdir()),
]

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
    """Run the start action on this UCI file; returns (what procd was told, what was said, the generated JSON)."""
    (root / "etc" / "config" / "meterd").write_text(uci)
    done = script(root, "meterd", "start")
    assert done.returncode == 0, done.stderr
    generated = root / "var" / "run" / "meterd" / "uci.json"
    return recorded(root), done.stderr.splitlines(), json.loads(generated.read_text()) if generated.exists() else None


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


def test_uci_becomes_the_configuration_option_for_option(scripts_root):
    (scripts_root / "dev" / "ttyS1").touch()
    instance, said, found = start(scripts_root, ONE_METER)
    assert said == []
    assert found["ports"] == {"PORT1": "/dev/ttyS1"}
    assert found["devices"] == [
        {"protocol": "IEC 62056-21", "device": "PORT1", "serialnumber": "0", "device_alias": "cellar", "name": "cellar"}
    ]
    assert found["signals"] == [
        {
            "device_alias": "cellar",
            "number_type": "DOUBLE",
            "job_todo": "1.8.0",
            "tag_job_todo": "1.8.0",
            "signal_alias": "energy",
            "signal_name": "energy",
        }
    ]
    assert instance.parameters["command"][0] == "/usr/lib/meterd/service"
    assert instance.parameters["command"][-1] == "/var/run/meterd/uci.json"


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


def test_passwords_in_the_generated_file_are_the_daemons_alone(scripts_root):
    start(scripts_root, ONE_METER)
    generated = scripts_root / "var" / "run" / "meterd" / "uci.json"
    assert generated.stat().st_mode & 0o777 == 0o600
    assert generated.stat().st_uid == 871


def test_text_keeps_its_quotes_and_backslashes(scripts_root):
    uci = ONE_METER.replace("option serialnumber '0'", """option name 'a "b" \\c/ ż'\n\toption password '"$(id)`'""")
    _, _, found = start(scripts_root, uci)
    assert found["devices"][0]["name"] == 'a "b" \\c/ ż'
    assert found["devices"][0]["password"] == '"$(id)`'


def test_an_unnamed_section_gets_no_made_up_alias(scripts_root):
    _, _, found = start(scripts_root, ONE_METER.replace("config signal 'energy'", "config signal"))
    assert "signal_alias" not in found["signals"][0]


def test_publish_sections_are_one_object(scripts_root):
    uci = ONE_METER + "config publish 'main'\n\toption stdout 'none'\nconfig publish 'socket'\n\toption path '/a'\n"
    _, _, found = start(scripts_root, uci)
    assert found["publish"] == {"stdout": "none", "socket": {"path": "/a"}}


def test_a_hundred_signals_are_all_there(scripts_root):
    signal = ONE_METER[ONE_METER.index("config signal") :]
    uci = ONE_METER + "".join(signal.replace("'energy'", f"'e{number}'") for number in range(100))
    _, _, found = start(scripts_root, uci)
    assert len(found["signals"]) == 101


def test_json_files_alone_are_enough(scripts_root):
    (scripts_root / "etc" / "dlms" / "dlms.json").write_text("{}")
    instance, said, _ = start(scripts_root, "config meterd 'main'\n")
    assert said == []
    assert instance.parameters["command"][-2:] == ["/var/run/meterd/uci.json", "/etc/dlms/dlms.json"]
    assert instance.parameters["file"] == ["/var/run/meterd/uci.json", "/etc/dlms/dlms.json"]


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


@pytest.mark.parametrize(
    ("uci", "line"),
    [
        ("config meterd 'main'\nopption log_level 5\n", "line 2"),
        ("config meterd 'main'\n\toption log_level '5\n", "line 2"),
        ("<<<<<<< yours\n" + ONE_METER, "line 1"),
    ],
)
def test_a_broken_uci_file_is_one_message_with_its_line(scripts_root, uci, line):
    instance, said, _ = start(scripts_root, uci)
    assert instance is None
    assert len(said) == 1
    assert "/etc/config/meterd" in said[0]
    assert line in said[0]


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (ONE_METER + "opt unit 'kWh'\n", ["goes on as before.* line 18"]),
        (ONE_METER.replace("'6'", "'99'"), ["log_level=99 ", "goes on as before.* section main"]),
    ],
    ids=["grammar", "range"],
)
def test_a_file_broken_while_the_daemon_runs_leaves_it_running(scripts_root, broken, said):
    (scripts_root / "dev" / "ttyS1").touch()
    _, _, before = start(scripts_root, ONE_METER)
    uci = scripts_root / "etc" / "config" / "meterd"
    uci.write_text(broken)
    done = script(scripts_root, "meterd", "reload")
    assert done.returncode == 1
    assert calls(scripts_root) == []
    lines = done.stderr.splitlines()
    assert len(lines) == len(said)
    assert all(re.search(pattern, line) for pattern, line in zip(said, lines, strict=True)), lines
    run = scripts_root / "var" / "run" / "meterd"
    assert json.loads((run / "uci.json").read_text()) == before, "meterd reload would read it"
    assert sorted(path.name for path in run.iterdir()) == ["started", "uci.json"]
    uci.write_text(ONE_METER)
    assert script(scripts_root, "meterd", "reload").returncode == 0
    assert ["procd_kill", "meterd"] not in calls(scripts_root)


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


def test_an_option_out_of_range_is_named(scripts_root):
    instance, said, _ = start(scripts_root, ONE_METER.replace("log_level '6'", "log_level 'loud'"))
    assert instance is None
    assert "log_level=loud" in said[0]
    assert "not started" in said[-1]


def test_a_section_of_unknown_kind_is_named_and_left_out(scripts_root):
    instance, said, found = start(scripts_root, ONE_METER + "config divice 'attic'\n\toption protocol 'DLMS'\n")
    assert instance is not None
    assert len(found["devices"]) == 1
    assert any("divice attic" in line for line in said)


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


@pytest.mark.parametrize("protocol", ["dlms", "iec62056-21", "mbus", "elgama"])
@pytest.mark.parametrize("action", ["start", "stop", "status"])
def test_a_protocols_script_asks_the_one_daemon(scripts_root, protocol, action):
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


def test_installing_once_more_says_only_what_a_start_says(scripts_root):
    said = gateway_root.settle(scripts_root, "meterd").splitlines()
    assert len(said) == 1
    assert "no meter is configured" in said[0]


def test_an_upgrade_leaves_a_disabled_script_disabled(scripts_root):
    script(scripts_root, "mbus", "disable")
    gateway_root.settle(scripts_root, "meterd", "prerm", upgrade=True)
    gateway_root.settle(scripts_root, "meterd", upgrade=True)
    assert script(scripts_root, "mbus", "enabled").returncode == 1
    assert script(scripts_root, "dlms", "enabled").returncode == 0


def test_removing_ends_and_disables_everything(scripts_root):
    gateway_root.settle(scripts_root, "meterd", "prerm")
    assert list((scripts_root / "etc" / "rc.d").iterdir()) == []
    assert ["procd_kill", "meterd"] in calls(scripts_root)


def test_the_serial_ports_that_are_there_are_named_at_the_first_installation(tmp_path):
    gateway_root.scripts(tmp_path)
    for number, name in enumerate(("ttyS7", "ttyUSB0")):
        try:
            os.mknod(tmp_path / "dev" / name, stat.S_IFCHR | 0o660, os.makedev(4, 71 + number))
        except PermissionError:
            pytest.skip("device nodes cannot be made here")
    gateway_root.settle(tmp_path, "meterd")
    text = (tmp_path / "etc" / "config" / "meterd").read_text()
    for port, node in (("PORT1", "/dev/ttyS7"), ("PORT2", "/dev/ttyUSB0")):
        assert f"config port '{port}'\n\toption node '{node}'\n" in text


def test_a_protocols_script_is_enabled_by_its_link(scripts_root):
    assert script(scripts_root, "dlms", "enabled").returncode == 0
    script(scripts_root, "dlms", "disable")
    assert script(scripts_root, "dlms", "enabled").returncode == 1
    script(scripts_root, "dlms", "enable")
    assert script(scripts_root, "dlms", "enabled").returncode == 0


def test_restart_stops_and_starts_a_protocol_even_where_it_did_not_run(scripts_root):
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


@pytest.mark.parametrize(
    ("change", "ended"),
    [
        (lambda root, uci: uci.write_text(ONE_METER + "\toption unit 'kWh'\n"), False),
        (lambda root, uci: uci.write_text(ONE_METER.replace("'6'", "'7'")), True),
        (lambda root, uci: uci.write_text(ONE_METER + "config port 'PORT2'\n\toption node '/dev/ttyS2'\n"), True),
        (lambda root, uci: (root / "etc" / "dlms" / "dlms.json").write_text("{}"), True),
        (lambda root, uci: script(root, "elgama", "disable"), True),
    ],
    ids=["signal", "log level", "port", "file", "disabled"],
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
