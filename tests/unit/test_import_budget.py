"""What a daemon that reads IEC 62056-21, or one reading by hand, may have loaded: each module costs a small gateway
memory and start-up time, and whoever waits for a reading most of that."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

# Runs `meterd run` in a process of its own, stops it in the loop, and prints what was loaded by then.
PROBE = """
import sys
from meterd.ports import _loop
class Probed(_loop.Loop):
    def run(self):
        self.call_soon_from_thread(self.stop)
        super().run()
        names = sorted(sys.modules)
        import json
        print(json.dumps(names))
from meterd.cli import run
run.Loop = Probed
from meterd.cli.main import main
sys.exit(main(sys.argv[1:]))
"""
UNAFFORDABLE = {
    "asyncio", "dataclasses", "typing", "logging", "argparse", "json", "re", "enum", "decimal", "socket", "threading",
    "inspect", "signal", "subprocess", "selectors", "random", "datetime", "difflib", "importlib.metadata",
    "array", "collections", "operator", "os", "_collections_abc",
}  # fmt: skip
# What pyserial and pyserial alone pulls in.
PYSERIAL = {"serial", "serial.serialposix", "serial.serialutil"}
MOST = 111  # modules in all, pyserial's included, ours that are compiled left out: a gateway has them in one object
OTHER_ROOMS = (
    "meterd.simulate",
    "meterd.protocols.dlms",
    "meterd.protocols.mbus",
    "meterd.protocols.elgama",
)


def loaded(tmp_path, **place) -> set[str]:
    device = {"name": "a", "device_alias": "a", "protocol": "IEC 62056-21", "serialnumber": 0, **place}
    signal = {"signal_name": "E", "device_alias": "a", "signal_alias": "E", "number_type": "DOUBLE"}
    signal |= {"job_todo": "1.8.0", "tag_job_todo": "1.8.0"}
    path = tmp_path / "meterd.json"
    path.write_text(json.dumps({"devices": [device], "signals": [signal], "ports": {"PORT1": "/nowhere/tty"}}))
    words = ["run", "-c", str(path), "--state", str(tmp_path), "--control", str(tmp_path / "control.sock")]
    command = [sys.executable, "-S", "-c", f"import sys; sys.path[:0] = {sys.path!r}\n{PROBE}", *words]
    outcome = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert outcome.returncode == 0, outcome.stderr
    return set(json.loads(outcome.stdout.splitlines()[-1]))


@pytest.mark.parametrize("place", [{"ip": "127.0.0.1", "port": 1}, {"device": "PORT1"}], ids=["tcp", "serial"])
def test_a_daemon_loads_what_it_needs(tmp_path, place):
    modules = loaded(tmp_path, **place)
    assert sorted(modules & UNAFFORDABLE) == []
    assert not [module for module in modules if module.startswith(OTHER_ROOMS)]
    assert "meterd.protocols.iec62056_21.driver" in modules
    assert modules & PYSERIAL == (PYSERIAL if "device" in place else set())
    compiled = [module for module in modules if module.startswith("meterd.") and module.rpartition(".")[2][0] == "_"]
    assert len(modules) - len(compiled) <= MOST


# One reading by hand: what it loads until it has asked a meter that does not answer.
BY_HAND = """
import sys
from meterd.cli.main import main
code = main(sys.argv[1:])
names = sorted(sys.modules)
import json
print(json.dumps([code, names]))
"""
NOT_BY_HAND = {
    "ujson", "meterd.config.nearest", "meterd.config.profiles", "meterd.config.publishing", "meterd.daemon.settling",
    "meterd.sinks.registry", "meterd.sinks.events", "meterd.sinks.format", "meterd.sinks.file", "meterd.cli.run",
    "meterd.log_syslog", "meterd.cli.reading_table", "select", "meterd.daemon.daemon", "meterd.daemon.line",
    "meterd.config.advice", "meterd.log_outputs", "meterd.masking", "meterd.ports.portions", "meterd.cli.configured",
}  # fmt: skip
MOST_BY_HAND = {"dlms": 84, "iec62056-21": 90, "mbus": 78}  # as above; three for what another Python has more


@pytest.mark.parametrize("words", [
    ["dlms", "type=LN", "client_address=32", "mode=DLMS-WRAPPER", "--", "1.0.1.8.0.255"],
    ["iec62056-21", "--", "1.8.0"],
    ["mbus", "address=1", "--", "1"],
], ids=["dlms", "iec62056-21", "mbus"])  # fmt: skip
def test_one_reading_by_hand_loads_what_it_needs(words, tmp_path):
    at = words.index("--")
    words = ["read", *words[:at], "ip=127.0.0.1", "port=1", *words[at:]]
    begin = f"import sys; sys.path[:0] = {sys.path!r}\n{BY_HAND}"
    command = [sys.executable, "-S", "-c", begin, *words[:1], "--state", str(tmp_path), *words[1:]]
    outcome = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert outcome.returncode == 0, outcome.stderr
    code, names = json.loads(outcome.stdout.splitlines()[-1])
    assert code in (10, 19), outcome.stderr  # nobody listens there
    assert sorted(set(names) & (UNAFFORDABLE | NOT_BY_HAND)) == []
    compiled = [name for name in names if name.startswith("meterd.") and name.rpartition(".")[2][0] == "_"]
    assert len(names) - len(compiled) <= MOST_BY_HAND[words[1]]
