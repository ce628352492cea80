"""Shards: whose a line is, for ever; what each keeps for itself; and that no counter is ever in two hands."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import types
from collections import Counter as Tally
from pathlib import Path

import pytest

from meterd.cli.main import main
from meterd.cli.options import UsageError, parse
from meterd.cli.run import OPTIONS, _control_path, shard_named
from meterd.config.files import load
from meterd.daemon.shard import MOST, Shard, hash_of, jump, numbered, shard_of
from meterd.daemon.shard_state import ShardState
from meterd.daemon.state import StateDirectory
from meterd.errors import ConfigError, SecurityError
from meterd.ports._loop import Loop
from meterd.sinks import registry

LINES = [f"10.{a}.{b}.{c}:4059" for a in range(2) for b in range(5) for c in range(200)]
LINES += [f"192.0.2.1:{port}" for port in range(10000, 12000)]


# ---- the hash


def test_the_jump_hash_is_the_one_that_was_published():
    """As Guava's own tests have it (consistentHash of 0 to 19 into 100, and three that are large)."""
    golden = [0, 55, 62, 8, 45, 59, 86, 97, 82, 59, 73, 37, 17, 56, 86, 21, 90, 37, 38, 83]
    assert [jump(key, 100) for key in range(20)] == golden
    large = {10863919174838991: 6, 2016238256797177309: 3, 1673758223894951030: 5}
    assert {key: jump(key, 11) for key in large} == large


def unmixed(value: int) -> int:
    """The end of MurmurHash3 backwards: FNV-1a is what was mixed."""
    for factor in (0xC4CEB9FE1A85EC53, 0xFF51AFD7ED558CCD):
        value ^= value >> 33
        value = value * pow(factor, -1, 1 << 64) % (1 << 64)
    return value ^ value >> 33


@pytest.mark.parametrize(
    ("text", "published"),
    [("", 0xCBF29CE484222325), ("a", 0xAF63DC4C8601EC8C), ("foobar", 0x85944171F73967E8)],
)
def test_a_line_is_hashed_by_fnv_1a(text, published):
    assert unmixed(hash_of(text)) == published


def test_where_a_line_belongs_never_changes():
    """A release that changes these moves every meter of every site."""
    assert [shard_of(line, 16) for line in ("PORT1", "10.0.0.1:4059", "rfc2217://10.0.0.1:4059", "/dev/ttyUSB0")] == [
        shard_of_by_hand(line, 16) for line in ("PORT1", "10.0.0.1:4059", "rfc2217://10.0.0.1:4059", "/dev/ttyUSB0")
    ]
    assert (hash_of("PORT1"), hash_of("10.0.0.1:4059")) == (13462450334629525836, 719843581193998555)


def shard_of_by_hand(line: str, count: int) -> int:
    """The jump hash as its paper has it, with floating point."""
    key, last, following = hash_of(line), -1, 0
    while following < count:
        last = following
        key = (key * 2862933555777941757 + 1) % (1 << 64)
        following = int((last + 1) * (float(1 << 31) / float((key >> 33) + 1)))
    return last + 1


def test_every_line_is_in_one_shard_and_shards_are_of_a_size():
    shards = [Shard(f"{number}/16") for number in range(1, 17)]
    owners = [[shard.number for shard in shards if shard.has(line)] for line in LINES]
    assert all(len(owner) == 1 for owner in owners)
    sizes = Tally(owner[0] for owner in owners)
    fair = len(LINES) / 16
    assert all(0.7 * fair < sizes[number] < 1.3 * fair for number in range(1, 17))


@pytest.mark.parametrize("count", [1, 3, 16, 100])
def test_one_shard_more_takes_its_share_and_nothing_else_moves(count):
    moved = [line for line in LINES if shard_of(line, count) != shard_of(line, count + 1)]
    assert {shard_of(line, count + 1) for line in moved} == {count + 1}
    share = len(LINES) / (count + 1)
    assert 0.6 * share < len(moved) < 1.5 * share


# ---- what stands behind --shard


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("3", "--shard takes NUMBER/COUNT, such as 3/16, not '3'"),
        ("", "--shard takes NUMBER/COUNT, such as 3/16, not ''"),
        ("a/b", "--shard takes NUMBER/COUNT, such as 3/16, not 'a/b'"),
        ("-1/3", "--shard takes NUMBER/COUNT, such as 3/16, not '-1/3'"),
        ("1/2/3", "--shard takes NUMBER/COUNT, such as 3/16, not '1/2/3'"),
        ("²/3", "--shard takes NUMBER/COUNT, such as 3/16, not '²/3'"),
        ("0/16", "--shard 0/16: 16 shards are numbered 1 to 16"),
        ("17/16", "--shard 17/16: 16 shards are numbered 1 to 16"),
        ("1/0", "--shard 1/0: there can be 1 to 1024 shards"),
        ("1/1025", "--shard 1/1025: there can be 1 to 1024 shards"),
    ],
)
def test_what_is_wrong_with_a_shard_is_one_sentence(text, told):
    with pytest.raises(UsageError) as error:
        shard_named(text)
    assert str(error.value) == told


def test_without_its_package_a_shard_is_said_to_be_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "meterd.daemon.shard", None)
    with pytest.raises(UsageError, match="opkg install meterd-fleet"):
        shard_named("1/2")
    assert shard_named(None) is None


def test_each_shard_has_a_control_socket_of_its_own(monkeypatch, tmp_path):
    (tmp_path / "meterd").mkdir()
    monkeypatch.setitem(os.environb, b"RUNTIME_DIRECTORY", bytes(tmp_path / "meterd"))
    program = "from meterd.daemon.control import default_path; print(default_path(), default_path('3'))"
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert said == [f"{tmp_path}/meterd/control.sock", f"{tmp_path}/meterd/control-3.sock"]
    assert _control_path(parse(["--shard", "3/4", "--control", "/x"], OPTIONS)) == "/x"


# ---- its part of a configuration


def configuration(tmp_path, publish=None):
    rows = [
        {"name": f"m{n}", "device_alias": f"m{n}", "protocol": "DLMS", "type": "LN", "client_address": 16,
         "physical_address": 1 + n % 2, "mode": "DLMS-WRAPPER", "ip": f"10.1.0.{n // 2}", "port": 4059}
        for n in range(60)
    ]  # fmt: skip
    signals = [
        {"signal_name": "e", "device_alias": f"m{n}", "signal_alias": "e", "obis_job": "1.0.1.8.0.255", "class_id": 3}
        for n in range(60)
    ]
    path = tmp_path / "meterd.json"
    path.write_text(json.dumps({"devices": rows, "signals": signals, "publish": publish or {}}))
    return load([str(path)])


def test_each_device_is_read_by_one_shard_and_a_line_is_never_split(tmp_path):
    seen: Tally[str] = Tally()
    lines: dict[str, set[int]] = {}
    for number in range(1, 5):
        found = configuration(tmp_path)
        Shard(f"{number}/4").narrow(found)
        assert set(found.signals) == {device.alias for device in found.devices}
        seen.update(device.alias for device in found.devices)
        for device in found.devices:
            lines.setdefault(device.line, set()).add(number)
    assert set(seen.values()) == {1} and len(seen) == 60
    assert all(len(numbers) == 1 for numbers in lines.values()) and len(lines) == 30


def test_a_shard_without_a_line_waits_for_one(tmp_path):
    shards = [Shard(f"{number}/512") for number in range(1, 513)]
    for shard in shards:
        shard.narrow(configuration(tmp_path)) if shard.number < 9 else None
    assert any(shard.waits for shard in shards)
    nothing = configuration(tmp_path)
    nothing.devices = []
    shard = Shard("1/2")
    shard.narrow(nothing)
    assert not shard.waits, "where nothing is configured at all there is nothing to wait for"


@pytest.mark.parametrize(
    ("text", "own"),
    [
        ("readings.store", "readings-3.store"),
        ("/var/lib/meterd/readings.store", "/var/lib/meterd/readings-3.store"),
        ("/var/lib.d/meterd/readings", "/var/lib.d/meterd/readings-3"),
        ("/data/{shard}/readings.store", "/data/3/readings.store"),
        (".hidden", ".hidden-3"),
        ("/dev/null", "/dev/null"),
        ("north", "north-3"),
    ],
)
def test_a_name_for_one_shard(text, own):
    assert numbered(text, 3) == own


def test_every_sink_has_its_own_place_in_each_shard(tmp_path):
    publish = {
        "store": {"path": "/x/r.store"}, "file": {"path": "/x/out.json"}, "socket": {"path": "/x/m.sock"},
        "handover": {"path": "/x/h.sock"}, "metrics": {}, "mqtt": {"host": "b", "gateway": "north", "client_id": "c"},
    }  # fmt: skip
    found = configuration(tmp_path, publish)
    assert not found.errors
    Shard("3/4").part(found.publish)
    assert found.publish["store"]["path"] == "/x/r-3.store"
    assert found.publish["file"]["path"] == "/x/out-3.json"
    assert found.publish["socket"]["path"] == "/x/m-3.sock"
    assert found.publish["handover"]["path"] == "/x/h-3.sock"
    assert found.publish["metrics"]["port"] == 9586
    assert (found.publish["mqtt"]["gateway"], found.publish["mqtt"]["client_id"]) == ("north-3", "c-3")
    assert found.publish["mqtt"]["host"] == "b" and found.publish["mqtt"]["port"] is None


def test_what_sinks_have_that_two_daemons_cannot_share_is_known():
    """A parameter that names a place or who one is: each is either a shard's own or another's (the far end's)."""
    far = {("redis", "port"), ("mqtt", "port"), ("redis", "path")}
    for name in registry.SINKS:
        rows = {row.name for row in registry.table(name).PARAMETERS}
        listens = {"address", "port"} <= rows
        for row in rows & {"path", "port", "gateway", "client_id", "folder", "directory"}:
            assert row in ("path", "gateway", "client_id") or listens or (name, row) in far, (name, row)


def test_a_gateway_without_a_name_gets_the_machines_and_the_number(tmp_path):
    found = configuration(tmp_path, {"mqtt": {"host": "b"}})
    Shard("2/3").part(found.publish)
    assert found.publish["mqtt"]["gateway"].endswith("-2") and len(found.publish["mqtt"]["gateway"]) > 2


def test_shards_that_mqtt_could_not_tell_apart_do_not_start(tmp_path):
    found = configuration(tmp_path, {"mqtt": {"host": "b", "base_topic": "site"}})
    with pytest.raises(ConfigError, match=r"lacks \{gateway\}"):
        Shard("2/3").part(found.publish)


@pytest.mark.parametrize(
    ("page", "metrics", "count", "meets"),
    [
        ({}, {}, 1, False),
        ({}, {}, 2, True),  # 9585 and 9584 as they are from the beginning
        ({"port": 9600}, {"port": 9584}, 16, False),
        ({"port": 9600}, {"port": 9584}, 17, True),
        ({"port": 9584}, {"port": 9600}, 17, True),
        ({"port": 9590, "address": "127.0.0.2"}, {"port": 9584}, 17, False),
        ({"port": 9590, "address": "0.0.0.0"}, {"port": 9584, "address": "127.0.0.2"}, 17, True),
        ({"path": "/x/page.sock"}, {}, 17, False),
    ],
)
def test_two_that_listen_in_different_shards_do_not_meet(tmp_path, page, metrics, count, meets, capsys):
    found = configuration(tmp_path, {"page": page, "metrics": metrics})
    assert not found.errors
    told = ""
    try:
        Shard(f"1/{count}").part(found.publish)
    except ConfigError as error:
        told = str(error)
    assert (f"with {count} shards their ports must be {count} apart" in told) is meets, told
    path = str(tmp_path / "shown.json")
    Path(path).write_text(json.dumps({"devices": [], "publish": {"page": page, "metrics": metrics}}))
    main(["check", path, "--shard", f"1/{count}"])
    assert (told or "apart") in capsys.readouterr().err or not meets


# ---- state


def state_of(path: Path, number: int, count: int = 3) -> ShardState:
    return ShardState(StateDirectory(str(path)), number)


def test_whoever_finds_a_shards_folder_taken_is_told_where_to_ask(tmp_path):
    common = StateDirectory(str(tmp_path))
    common.folder.control = "/run/control-2.sock"
    assert ShardState(common, 2).taken() == ""
    assert (tmp_path / "shard-2" / "owner").read_text() == f"{os.getpid()}\n/run/control-2.sock\n"


def test_two_daemons_cannot_be_one_shard(tmp_path):
    first, second = state_of(tmp_path, 2), state_of(tmp_path, 2)
    assert first.taken() == ""
    assert (tmp_path / "shard-2" / "owner").read_text().startswith(f"{os.getpid()}\n")
    assert second.taken() == f"is run by another process (process {os.getpid()}) already"
    assert state_of(tmp_path, 3).taken() == ""


def test_shards_and_a_daemon_without_do_not_share_a_folder(tmp_path):
    alone = StateDirectory(str(tmp_path))
    assert alone.folder.own() == ""
    assert "in use by a meterd without --shard" in state_of(tmp_path, 1).taken()
    alone.folder.release()
    shard = state_of(tmp_path, 1)
    assert shard.taken() == ""
    assert "in use by another meterd" in StateDirectory(str(tmp_path)).folder.own()


def test_nothing_is_made_in_place_of_a_card_that_was_pulled(tmp_path):
    (tmp_path / "card").mkdir()
    state = state_of(tmp_path / "card" / "state", 1)
    assert state.taken() == ""  # it runs, and says what it cannot keep
    assert not (tmp_path / "card" / "state").exists()
    (tmp_path / "card" / "lost+found").mkdir()
    assert state.taken() == "" and (tmp_path / "card" / "state" / "shard-1").is_dir()


def test_a_change_of_the_number_of_shards_is_told_with_what_came(tmp_path, said):
    for count in (3, 3, 4):
        found = configuration(tmp_path)
        shard = Shard(f"4/{count}" if count == 4 else f"1/{count}")
        (tmp_path / "state").mkdir(exist_ok=True)
        (tmp_path / "state" / "x").touch()
        shard.take(found, StateDirectory(str(tmp_path / "state")))
        shard._state.folder.release()
        if count == 3:
            (tmp_path / "state" / "shard-4").mkdir(exist_ok=True)
            (tmp_path / "state" / "shard-4" / "shards").write_text("3\n")
    told = [line for line in said if "there were" in line]
    assert len(told) == 1
    assert f"there were 3 and are 4 now; devices that came from another one: {len(found.devices)} (" in told[0]
    assert (tmp_path / "state" / "shard-4" / "shards").read_text() == "4\n"


# ---- counters: locks of fcntl are a process's, so the other shard is one

OTHER = """
import sys
from meterd.daemon.shard_state import ShardState
from meterd.daemon.state import StateDirectory
from meterd.errors import SecurityError
state = ShardState(StateDirectory(sys.argv[1]), int(sys.argv[2]))
assert not state.taken()
for line in sys.stdin:
    word, name = line.split()
    if word == "keep":
        state.counters(state.folder).keep_only([name])
        print("kept", flush=True)
        continue
    try:
        print(state.counter(name).spend(), flush=True)
    except SecurityError as error:
        print(f"refused: {error}", flush=True)
"""


class Other:
    def __init__(self, path: Path, number: int) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", OTHER, str(path), str(number)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def ask(self, words: str) -> str:
        self.process.stdin.write(words + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def shards(tmp_path):
    both = [Other(tmp_path, 1), Other(tmp_path, 2)]
    yield both
    for each in both:
        each.end()


NAME, NAME_2 = "0123456789abcdef" * 2, "fedcba9876543210" * 2


def test_a_counter_goes_from_shard_to_shard_and_back_and_never_down(shards):
    one, two = shards
    spent = [int(one.ask(f"spend {NAME}")) for _ in range(5)]
    assert "held by another shard" in two.ask(f"spend {NAME}")
    assert two.ask(f"spend {NAME_2}").isdigit(), "others are free"
    assert one.ask(f"keep {NAME_2}") == "kept"
    spent += [int(two.ask(f"spend {NAME}")) for _ in range(150)]
    assert "held by another shard" in one.ask(f"spend {NAME}")
    assert two.ask(f"keep {NAME_2}") == "kept"
    spent += [int(one.ask(f"spend {NAME}")) for _ in range(5)]
    assert spent == sorted(set(spent)), "a number that is spent twice breaks the key"


def test_a_counter_of_a_shard_that_was_killed_is_free_and_goes_on(shards):
    one, two = shards
    before = int(one.ask(f"spend {NAME}"))
    one.end()
    assert int(two.ask(f"spend {NAME}")) > before


def test_who_still_has_a_counter_in_hand_spends_nothing_of_it(tmp_path):
    state = state_of(tmp_path, 1)
    assert state.taken() == ""
    counter = state.counter(NAME)
    counter.spend()
    state.counters(state.folder).keep_only([])
    with pytest.raises(SecurityError, match="was let go"):
        counter.spend()
    counter.trouble = ""
    with pytest.raises(SecurityError, match="another shard may use"):
        for _ in range(200):
            counter.spend()


def test_counters_of_devices_that_went_are_let_go_once_goodbyes_are_over(tmp_path):
    state, loop = state_of(tmp_path, 1), Loop()
    assert state.taken() == ""
    first, second = state.counter(NAME), state.counter(NAME_2)
    shard = Shard("1/3")
    shard._state = state
    closing = [True]

    def names():
        return [NAME]

    def unmade():
        raise ConfigError("", "its title is yet to be made")

    jobs = {
        str(n): types.SimpleNamespace(plan=types.SimpleNamespace(counter_names=each))
        for n, each in enumerate((names, unmade, None))
    }
    shard.reloaded(types.SimpleNamespace(loop=loop, jobs=jobs, is_closing=lambda: closing[0]))
    state._let_go()
    assert not second.trouble, "a goodbye may need it still"
    closing[0] = False
    state._let_go()
    assert second.trouble and not first.trouble
    assert state._timer.deadline is not None
    loop.close()


def test_there_are_not_more_shards_than_can_be():
    assert Shard(f"{MOST}/{MOST}").number == MOST
