"""Configuration files: joined, checked against the tables, every error named with its place."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meterd.config import nearest
from meterd.config.effective import effective
from meterd.config.files import Configuration, load
from meterd.config.json_places import Careful
from meterd.config.source import Source
from meterd.config.validation import Table
from meterd.gateway.json_text import dumps
from meterd.ports.work import at_once
from meterd.protocols import registry
from meterd.sinks.registry import SINKS

IEC = {
    "name": "House",
    "device_alias": "M1",
    "protocol": "IEC 62056-21",
    "device": "PORT1",
    "baudrate": 300,
    "databits": 7,
    "parity": "EVEN",
    "serialnumber": "0",
}
ENERGY = {
    "signal_name": "Energy",
    "device_alias": "M1",
    "signal_alias": "E",
    "number_type": "FLOAT",
    "job_todo": "1.8.0",
    "tag_job_todo": "1.8.0",
}
DLMS = {
    "name": "Flat",
    "device_alias": "D1",
    "protocol": "dlms",
    "ip": "192.0.2.1",
    "port": 4059,
    "client_address": "0x10",
    "physical_address": 1,
    "auth": "LOW",
    "password": "geheim",
}
VOLTAGE = {"signal_name": "U", "device_alias": "D1", "signal_alias": "U", "obis_job": "1.0.32.7.0.255"}
PORTS = {"PORT1": "/dev/ttyATH0"}


class Files:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, content: Any, name: str = "meterd.json") -> str:
        path = self.folder / name
        text = content if isinstance(content, str) else json.dumps(content, indent=1)
        path.write_text(text, encoding="utf-8")
        return str(path)

    def load(self, content: Any, careful: bool = False) -> Configuration:
        return load([self.write(content)], careful)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def whole(**changes: Any) -> dict[str, Any]:
    return {"devices": [IEC, DLMS], "signals": [ENERGY, VOLTAGE], "ports": PORTS, **changes}


def device(**changes: Any) -> dict[str, Any]:
    return whole(devices=[{**IEC, **changes}, DLMS])


def alone(**changes: Any) -> dict[str, Any]:
    return whole(devices=[{**IEC, **changes}, DLMS], signals=[VOLTAGE])


def signal(**changes: Any) -> dict[str, Any]:
    return whole(signals=[{**ENERGY, **changes}, VOLTAGE])


def errors(configuration: Configuration) -> list[str]:
    return [str(error) for error in configuration.errors]


def test_a_good_file_gives_devices_signals_and_defaults(files: Files) -> None:
    configuration = files.load(whole())
    assert errors(configuration) == []
    assert configuration.warnings == []
    iec, dlms = configuration.devices
    assert (iec.alias, iec.protocol, iec.line, iec["timeout_ms"], iec["parity"]) == (
        "M1", "iec62056_21", "PORT1", 2500, "even",
    )  # fmt: skip
    assert (dlms.alias, dlms.protocol, dlms.line, dlms["client_address"], dlms["auth"]) == (
        "D1", "dlms", "192.0.2.1:4059", 16, "Low",
    )  # fmt: skip
    assert dlms["protocol"] == "DLMS"
    assert [one.alias for one in configuration.signals["M1"]] == ["E"]
    assert configuration.signals["M1"][0]["tag_job_todo"] == "1.8.0"
    assert configuration.protocols == ["dlms", "iec62056_21"]


def test_several_files_are_joined(files: Files) -> None:
    first = files.write({"devices": [IEC], "signals": [VOLTAGE]}, "a.json")
    second = files.write({"devices": [DLMS], "signals": [ENERGY], "ports": PORTS}, "b.json")
    configuration = load([first, second])
    assert errors(configuration) == []
    assert {alias: len(found) for alias, found in configuration.signals.items()} == {"M1": 1, "D1": 1}


@pytest.mark.parametrize(
    ("content", "place", "message"),
    [
        (device(baudrate=301), "line 8, devices[0], device M1, parameter baudrate", "found 301, allowed: one of 300"),
        (device(databits=9), "devices[0], device M1, parameter databits", "found 9, allowed: 6, 7 or 8"),
        (device(databits="x"), "device M1, parameter databits", 'found "x", allowed: a whole number, 6 to 9'),
        (device(parity="evn"), "parameter parity", 'did you mean even?'),
        (device(t2=100), "parameter t2", "found 100, allowed: a whole number, 200 to 1500"),
        (device(timeout_ms=None, timeout_mss=5), "timeout_mss", "is not known here; did you mean timeout_ms?"),
        (device(serialnumber=None), "device M1, parameter serialnumber", "is missing, allowed: text"),
        (device(enable=0.5), "parameter enable", "found 0.5, allowed: 0 or 1"),
        (device(enable="perhaps"), "parameter enable", 'found "perhaps", allowed: 0 or 1'),
        (device(device="PORT2"), "device", 'found "PORT2", which is not among the ports; did you mean PORT1?'),
        (device(device=None), "parameter device", "is missing (required on a serial line)"),
        (device(ip="192.0.2.9"), "device M1, parameter port", "is missing (required over TCP)"),
        (device(port=4059), "device M1, parameter ip", "is missing (required over TCP)"),
        (device(ip="192.0.2.9", port=0), "parameter port", "found 0, allowed: 1 to 65535"),
        (alone(device_alias="M 1"), "device M 1, parameter device_alias", "allowed: letters, digits, '-' and '_'"),
        (device(name=["x"]), "parameter name", "found a list, allowed: text"),
        (device(name={"x": 1}), "parameter name", "found an object, allowed: text"),
        (device(timeout_ms=1e999), "parameter timeout_ms", "found inf, allowed: a whole number"),
        (signal(number_type="FLOT"), "signals[0], device M1, signal E, parameter number_type", "did you mean FLOAT?"),
        (signal(job_todo=""), "signal E, parameter job_todo", "is missing, allowed: text"),
        (signal(signal_alias=None), "signals[0], device M1, parameter signal_alias", "is missing"),
        (signal(log=-1), "parameter log", "found -1, allowed: a whole number, at least 0"),
    ],
)  # fmt: skip
def test_one_wrong_cell_is_one_error_and_stops_its_protocol_alone(
    files: Files, content: dict[str, Any], place: str, message: str
) -> None:
    configuration = files.load(content)
    found = errors(configuration)
    assert len(found) == 1, found
    assert f"{place}: " in found[0]
    assert message in found[0]
    assert configuration.errors[0].place.startswith(str(files.folder / "meterd.json"))
    assert ", line " in found[0]
    assert configuration.broken == {"iec62056_21"}
    assert [one.alias for one in configuration.devices] == ["D1"]
    assert list(configuration.signals) == ["D1"]


def test_all_errors_are_collected_in_the_order_of_the_lines(files: Files) -> None:
    content = whole(devices=[{**IEC, "t2": 1, "type": "Z"}, {**DLMS, "client_address": "x"}], ports={"PORT1": 5})
    configuration = files.load(content)
    lines = [int(error.place.split("line ")[1].split(",")[0]) for error in configuration.errors]
    assert len(lines) == 4
    assert lines == sorted(lines)
    assert configuration.broken == {"iec62056_21", "dlms"}
    assert configuration.devices == []


def test_an_unknown_protocol_concerns_no_other(files: Files) -> None:
    configuration = files.load(whole(devices=[{**IEC, "protocol": "IEC 62056-12"}, DLMS]))
    assert len(configuration.errors) == 1
    assert 'found "IEC 62056-12"' in errors(configuration)[0]
    assert errors(configuration)[0].endswith("did you mean IEC 62056-21?")
    assert configuration.protocols == ["dlms"]
    assert len(files.load(whole(devices=[{**IEC, "protocol": None}, DLMS])).errors) == 1


def test_duplicates_count_against_both(files: Files) -> None:
    configuration = files.load(whole(devices=[IEC, {**DLMS, "device_alias": "M1"}], signals=[ENERGY]))
    assert errors(configuration)[0].endswith('parameter device_alias: found "M1", which another device has already')
    assert configuration.broken == {"iec62056_21", "dlms"}
    twice = files.load(whole(signals=[ENERGY, ENERGY, VOLTAGE]))
    assert errors(twice)[0].endswith('found "E", which another signal of this device has already')
    assert twice.protocols == ["dlms"]


def test_a_signal_of_no_device_counts_against_the_nearest_one(files: Files) -> None:
    configuration = files.load(whole(signals=[{**ENERGY, "device_alias": "M11"}, VOLTAGE]))
    assert errors(configuration)[0].endswith('found "M11", allowed: the alias of a device; did you mean M1?')
    assert configuration.broken == {"iec62056_21"}
    far = files.load(whole(signals=[ENERGY, {**VOLTAGE, "device_alias": "zzz"}]))
    assert far.broken == set()
    assert len(far.errors) == 1
    only = files.load({"devices": [DLMS], "signals": [{**VOLTAGE, "device_alias": "zzz"}]})
    assert only.broken == {"dlms"}


def test_a_file_that_is_not_json_names_the_line_and_leaves_the_others_running(files: Files) -> None:
    broken = files.write('{"devices": [\n{"name": "x",\n "oops }\n]}', "dlms.json")
    good = files.write({"devices": [IEC], "signals": [ENERGY, VOLTAGE], "ports": PORTS}, "iec.json")
    configuration = load([broken, good])
    assert len(configuration.errors) == 1
    assert errors(configuration)[0].startswith(f"{broken}, line 3: is not JSON: ")
    assert configuration.protocols == ["iec62056_21"]


@pytest.mark.parametrize(
    "text", ["", "[]", "3", "null", "nul", "{", '{"devices": {}}', '{"devices": [3]}', "[" * 100000]
)
def test_strange_files_are_errors_and_nothing_runs(files: Files, text: str) -> None:
    configuration = files.load(text)
    assert len(configuration.errors) == 1
    assert configuration.devices == []


def test_files_that_cannot_be_read_are_errors(files: Files) -> None:
    (files.folder / "latin").write_bytes(b'{"devices": [\xe4]}')
    configuration = load([str(files.folder / "absent.json"), str(files.folder / "latin"), str(files.folder)])
    assert [error.message for error in configuration.errors] == [
        "cannot be read: No such file or directory",
        "is not UTF-8 text (byte 13)",
        "cannot be read: Is a directory",
    ]


def test_a_byte_order_mark_is_no_error(files: Files) -> None:
    assert files.load("\ufeff" + json.dumps(whole())).errors == []


def test_an_unknown_part_stops_what_the_file_configures(files: Files) -> None:
    configuration = files.load({"devices": [IEC], "signal": [ENERGY], "ports": PORTS, "#": "comment", "_note": 1})
    assert errors(configuration)[0].endswith("signal: is not known here; did you mean signals?")
    assert configuration.devices == []


def test_what_is_given_twice_is_found_without_care(files: Files) -> None:
    iec = json.dumps(IEC)
    parts = files.load(f'{{"devices": [],\n"devices": [{iec}], "ports": {json.dumps(PORTS)}}}')
    assert errors(parts)[0].endswith("line 2, devices: is given twice")
    assert parts.devices == []
    doubled = f'{{"devices": [{iec[:-1]},\n"t2": 300, "t2": 400}}], "ports": {json.dumps(PORTS)}}}'
    for careful in (False, True):
        found = files.load(doubled, careful=careful)
        assert errors(found)[0].endswith("line 2, devices[0], device M1, parameter t2: is given twice")
        assert found.broken == {"iec62056_21"}


@pytest.mark.parametrize("text", ["1-0:1.8.0", "a:b:c", '":"', "::"])
def test_a_colon_in_a_text_is_no_name(files: Files, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []
    monkeypatch.setattr(Source, "_look_carefully", lambda source: looked.append(source.path))
    assert errors(files.load(whole(devices=[{**IEC, "description": text, f"_{text}": text}, DLMS]))) == []
    assert looked == []


def test_rows_in_order_give_what_stands_in_them_and_the_defaults(files: Files) -> None:
    signals = [{**ENERGY, "_note": "in the cellar"}, {**VOLTAGE, "log": "1"}]
    configuration = files.load(whole(devices=[IEC, DLMS], signals=signals))
    assert errors(configuration) == []
    energy, voltage = configuration.signals["M1"][0], configuration.signals["D1"][0]
    assert (energy.alias, energy.log, energy["tag_job_todo"]) == (ENERGY["signal_alias"], 0, ENERGY["tag_job_todo"])
    assert (voltage.alias, voltage.log, voltage["obis_job"]) == (VOLTAGE["signal_alias"], 1, VOLTAGE["obis_job"])


def test_disabled_rows_are_checked_and_not_run(files: Files) -> None:
    configuration = files.load(
        whole(devices=[{**IEC, "enable": 0}, DLMS], signals=[ENERGY, {**VOLTAGE, "enable": "0"}])
    )
    assert errors(configuration) == []
    assert [one.alias for one in configuration.devices] == ["D1"]
    assert configuration.signals == {"D1": []}
    assert configuration.warnings == ["D1: no enabled signal, so nothing is read"]
    assert files.load(device(enable=0, t2=1)).broken == {"iec62056_21"}


def test_comments_and_older_names_are_accepted(files: Files) -> None:
    configuration = files.load(device(retry_count="5", _note="kitchen", **{"#": "x"}))
    assert errors(configuration) == []
    assert configuration.devices[0]["retry_counter"] == 5


def test_over_tcp_serial_settings_are_ignored(files: Files) -> None:
    configuration = files.load(device(ip="192.0.2.9", port=8000, databits=9, baudrate="fast", device=""))
    assert errors(configuration) == []
    assert configuration.devices[0].line == "192.0.2.9:8000"
    assert configuration.devices[0].over_tcp()


def test_ports_map_names_to_nodes(files: Files) -> None:
    lower = files.load(device(device="port1"))
    assert lower.devices[0].line == "PORT1"
    node = files.load(device(device="/dev/ttyATH0"))
    assert node.devices[0].line == "PORT1"
    other = files.load(device(device="/dev/ttyUSB7"))
    assert (errors(other), other.devices[0].line) == ([], "/dev/ttyUSB7")
    wrong = files.load(whole(ports={"PORT1": ""}))
    assert len(wrong.errors) == 1
    assert wrong.protocols == ["dlms"]
    same = files.load(whole(ports={"PORT1": "/dev/ttyS0", "PORT2": "/dev/ttyS0"}))
    assert "another port is mapped" in errors(same)[0]


def test_a_secret_may_come_from_a_file_and_is_never_shown(files: Files) -> None:
    (files.folder / "password").write_text("geheim-im-file\n")
    content = whole(devices=[IEC, {**DLMS, "password": None, "password_file": "password"}])
    configuration = files.load(content)
    assert errors(configuration) == []
    assert configuration.devices[1]["password"] == "geheim-im-file"
    shown = dumps(effective(configuration))
    assert "geheim" not in shown
    assert '"password":"***"' in shown
    (files.folder / "password").write_text("")
    assert "which is empty" in errors(files.load(content))[0]
    (files.folder / "password").unlink()
    assert "parameter password_file: found" in errors(files.load(content))[0]
    assert "No such file" in errors(files.load(content))[0]


@pytest.mark.parametrize("secret", ["(geheim)", "x" * 40, ["geheim"], True])
def test_a_wrong_secret_is_not_in_its_error(files: Files, secret: Any) -> None:
    configuration = files.load(device(password=secret))
    assert len(configuration.errors) == 1
    assert "found a value" in errors(configuration)[0]
    assert "geheim" not in errors(configuration)[0]
    assert "xxxx" not in errors(configuration)[0]


def test_a_dlms_meter_without_an_address_is_a_doubt(files: Files) -> None:
    nowhere = {name: value for name, value in DLMS.items() if name != "physical_address"}
    for address, doubtful in (({}, True), ({"serial_number": 12345678}, False), ({"logical_address": 1}, False)):
        path = files.write({"devices": [{**nowhere, **address}], "signals": [VOLTAGE]})
        warnings = load([path]).warnings
        assert [("physical_address 1600" in warning) for warning in warnings] == [True] * doubtful


def test_doubtful_settings_are_told_once(files: Files) -> None:
    fast = [{**IEC, "device_alias": f"M{number}", "baudrate": 9600, "serialnumber": number + 1} for number in range(20)]
    signals = [{**ENERGY, "device_alias": f"M{number}"} for number in range(20)]
    configuration = files.load({"devices": fast, "signals": signals, "ports": PORTS})
    assert len(configuration.warnings) == 1
    assert configuration.warnings[0].startswith("M0, M1, ")
    assert "baudrate 300" in configuration.warnings[0]


def test_publish_defaults_and_sinks(files: Files) -> None:
    assert files.load(whole()).publish == {
        **dict.fromkeys(SINKS),
        "stdout": "json",
        "status_interval_s": 60,
        "events": {"path": None, "size": 1000},
    }
    sinks = {"file": {"path": "/tmp/r", "format": "LINES"}, "socket": {"path": "/run/m"}, "events": {"size": 5}}
    publish = files.load(whole(publish=sinks)).publish
    assert publish["stdout"] is None
    assert publish["file"] == {"path": "/tmp/r", "format": "lines"}
    assert publish["events"] == {"path": None, "size": 5}
    assert files.load(whole(publish={"stdout": "none"})).publish["stdout"] is None


@pytest.mark.parametrize(
    ("publish", "message"),
    [
        ({"stdoutt": "json"}, "stdoutt: is not known here; did you mean stdout?"),
        ({".stdout": "json"}, "parameter .stdout: is not known here; did you mean stdout?"),
        ({"file": {"path": "/x", "a.b": 1}}, "parameter file.a.b: is not known here"),
        ({"stdout": "xml"}, 'stdout: found "xml", allowed: one of json, lines, none'),
        ({"file": {"format": "json"}}, "file.path: is missing"),
        ({"file": {"path": "/x", "formt": "json"}}, "file.formt: is not known here; did you mean format?"),
        ({"socket": "/run/x"}, 'socket: found "/run/x", allowed: an object'),
        ({"socket": {"path": "/" + "x" * 200}}, "allowed: text, 1 to 107 characters"),
        ({"status_interval_s": 0}, "status_interval_s: found 0, allowed: a whole number, 1 to 86400"),
        ([], "publish: found a list, allowed: an object"),
    ],
)  # fmt: skip
def test_an_error_under_publish_stops_everything(files: Files, publish: Any, message: str) -> None:
    configuration = files.load(whole(publish=publish))
    assert len(configuration.errors) == 1
    assert message in errors(configuration)[0]
    assert "line " in errors(configuration)[0]
    assert configuration.devices == []


def test_a_sink_in_two_files_is_an_error(files: Files) -> None:
    first = files.write(whole(publish={"stdout": "json"}), "a.json")
    second = files.write({"publish": {"stdout": "lines"}}, "b.json")
    assert errors(load([first, second]))[0].endswith(f"publish.stdout: is given in {first} already")


def test_the_effective_configuration_is_a_configuration(files: Files) -> None:
    before = files.load(whole(devices=[IEC, {**DLMS, "password": None, "auth": "none"}]))
    again = files.load(dumps(effective(before)))
    assert errors(again) == []
    assert dumps(effective(again)) == dumps(effective(before))


def test_a_good_file_loads_without_dear_imports(files: Files) -> None:
    path = files.write(whole())
    program = (
        "import sys; sys.path[:0] = [sys.argv[1]]\n"
        "from meterd.config.files import load\n"
        "assert not load([sys.argv[2]]).errors\n"
        "print(' '.join(sys.modules))"
    )
    root = str(Path(__file__).parents[2])
    site = str(Path(sys.modules["ujson"].__file__ or "").parent)
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.append({site!r})\n" + program, root, path],
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(done.stdout.split())
    dear = {"re", "json", "decimal", "logging", "typing", "enum", "difflib", "socket", "dataclasses", "collections"}
    assert not loaded & {*dear, "os"}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None)
@given(name=st.sampled_from(sorted({*IEC, "t2", "enable", "password", "password_file", "ip"})), value=json_values)
def test_any_value_in_any_cell_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, name: str, value: Any
) -> None:
    folder = tmp_path_factory.getbasetemp()
    configuration = Files(folder).load(device(**{name: value}))
    for error in configuration.errors:
        assert error.place
        assert "\n" not in error.place
    assert configuration.devices


def _kept(told: list[object]) -> Callable[[str | None, str], None]:
    return lambda name, message: told.append((name, message))


@settings(max_examples=300, deadline=None)
@given(
    over_tcp=st.booleans(),
    base=st.sampled_from([IEC, DLMS, ENERGY, VOLTAGE]),
    changes=st.dictionaries(
        st.sampled_from(["device", "ip", "port", "baudrate", "retry_count", "enable", "name", "signal_alias", "log",
                         "type", "number_type", "password", "password_file", "_note", "obis_job", "scan_rate_ms"]),
        json_values | st.sampled_from(["", "a", "M1", "1", "yes", "EVEN", "LN", "FLOAT", "1.0.1.8.0.255", 1, True]),
        max_size=3,
    ),
)  # fmt: skip
def test_a_row_read_straight_is_as_if_read_thoroughly(
    over_tcp: bool, base: dict[str, Any], changes: dict[str, Any]
) -> None:
    row = {**base, **changes}
    for package in ("iec62056_21", "dlms"):
        for parameters in (registry.tables(package).DEVICE, registry.tables(package).SIGNAL):
            table = Table(parameters)
            told: list[object] = []
            expected = table._thoroughly(row, over_tcp, "/nowhere", _kept(told))
            straight = [table.straight(row, over_tcp) for _ in range(2)]  # the second time by what was remembered
            assert straight[0] == straight[1]
            if straight[0] is None:
                continue
            assert not told
            held = table.shared(straight[0], over_tcp)
            for values in (table.read(row, over_tcp, "/nowhere", _kept(told)), dict(held.items()), {**held}):
                assert values == expected
                assert {name: type(value) for name, value in values.items()} == {
                    name: type(value) for name, value in expected.items()
                }
            assert [held[name] for name in held] == list(expected.values()) and len(held) == len(expected)
            assert held == table.kept({**expected, **row}, over_tcp, "/nowhere", _kept(told))


@settings(max_examples=100, deadline=None)
@given(
    content=st.dictionaries(st.sampled_from(["devices", "signals", "ports", "publish", "x"]), json_values, max_size=4)
)
def test_any_json_is_survived(tmp_path_factory: pytest.TempPathFactory, content: dict[str, Any]) -> None:
    configuration = Files(tmp_path_factory.getbasetemp()).load(content)
    assert configuration.devices == []


def test_a_protocol_that_is_not_installed_concerns_no_other(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    assert registry.is_installed("iec62056_21")
    assert not registry.is_installed("nothing")
    monkeypatch.setattr(registry, "is_installed", lambda package: package != "dlms")
    configuration = files.load(whole())
    assert 'parameter protocol: found "dlms", which needs the package meterd' in errors(configuration)[0]
    assert configuration.protocols == ["iec62056_21"]


@settings(max_examples=100, deadline=None)
@given(
    content=st.dictionaries(st.text(max_size=4), json_values, max_size=4), indent=st.sampled_from([None, 0, 1, "\t"])
)
def test_the_careful_reader_finds_every_value_on_its_line(content: dict[str, Any], indent: int | str | None) -> None:
    text = json.dumps(content, indent=indent)
    reader = Careful(text)
    at_once(reader.look())
    assert reader.content == content
    assert reader.twice == []
    lines = text.split("\n")
    for name, value in content.items():
        assert json.dumps(name) in lines[reader.line((name,)) - 1]
        if isinstance(value, list):
            for number, row in enumerate(value):
                begins = json.dumps(row, indent=indent).split("\n")[0]
                assert begins in lines[reader.line((name, number)) - 1]
    assert reader.line(("no such", 3, "name")) == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "line 1: is not JSON: the file is empty"),
        (" \n", "the file is empty"),
        ('{"devices": [],\n}', "there is a comma before the closing }; take it out"),
        ('{"devices": [1,\n]}', "there is a comma before the closing ]; take it out"),
        ("{“devices”: []}", "typographic quotation mark “"),
        ("{'devices': []}", 'write "double ones"'),
        ('{"devices": [] // none\n}', "JSON has no comments"),
        ('{\n# mine\n"devices": []}', "line 2: is not JSON: JSON has no comments"),
        ('{"devices": None}', "write null"),
        ('{"devices": []\n"signals": []}', 'line 2: is not JSON: a comma is missing before "signals": []}'),
        ("{devices: []}", "a name in double quotation marks is missing before devices: []}"),
        ('{"devices" []}', "a colon is missing before []}"),
        ('{"devices": []} x', "something stands behind its end: x"),
        ('{"devices": "\n"}', "a text is not closed on its line"),
        ('{"devices": "C:\\d"}', "a backslash in a text is written twice"),
        ('{"devices": [', "it ends in the middle"),
        ('{"devices": "x', "it ends in the middle"),
    ],
)
def test_a_slip_in_the_json_is_a_sentence(files: Files, text: str, words: str) -> None:
    found = errors(files.load(text, careful=True))
    assert len(found) == 1
    assert words in found[0]


def test_ten_thousand_rows_with_one_slip_are_searched_once(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    import difflib

    searches: list[str] = []
    search = difflib.get_close_matches

    def counted(word: str, possibilities: list[str], *rest: Any) -> list[str]:
        searches.append(word)
        assert len(possibilities) <= nearest.RAREST * nearest.MOST_SHARING
        return search(word, possibilities, *rest)

    monkeypatch.setattr(difflib, "get_close_matches", counted)
    known = [{**DLMS, "device_alias": f"meter{number:04}", "port": 4000 + number} for number in range(600)]
    wrong = [
        {**VOLTAGE, "device_alias": f"metr{number % 600:04}", "signal_alias": f"U{number}"} for number in range(3000)
    ]
    found = errors(files.load(whole(devices=known, signals=wrong)))
    assert len(found) == 3000
    assert "did you mean meter0017?" in found[17]
    assert len(searches) == nearest.MOST_SEARCHES


@pytest.mark.parametrize(
    "ip", ["http://192.0.2.1", "192.0.2.1:4059", "meter.example/data", "tcp://meter", "192.0.2.1 ", "a b"]
)
def test_what_a_browser_shows_is_no_address(files: Files, ip: str) -> None:
    found = errors(files.load(whole(devices=[{**DLMS, "ip": ip}], signals=[])))
    assert (found == []) == (ip == "192.0.2.1 "), "blanks around it do no harm"
    assert all("an address or a host name alone: no http://" in error for error in found)


@pytest.mark.parametrize("ip", ["2001:db8::7", "[2001:db8::7]", "meter-17.example"])
def test_addresses_of_all_kinds(files: Files, ip: str) -> None:
    configuration = files.load(whole(devices=[{**DLMS, "ip": ip}], signals=[]))
    assert errors(configuration) == []
    assert configuration.devices[0]["ip"] == ip.strip("[]")


@pytest.mark.parametrize("name", ["_flat", "_connected", "_"])
def test_names_that_are_meterds_own_are_refused(files: Files, name: str) -> None:
    of_device = errors(files.load(whole(devices=[{**DLMS, "device_alias": name}], signals=[])))
    of_signal = errors(files.load(whole(devices=[DLMS], signals=[{**VOLTAGE, "signal_alias": name}])))
    assert [error.partition("allowed: ")[2][:11] for error in (*of_device, *of_signal)] == ["letters, di"] * 2


@pytest.mark.parametrize(
    ("parameter", "value"),
    [("scan_rate_ms", 10**12), ("reconnect_time", 10**9), ("timeout_ms", 10**7)],
)
def test_times_have_bounds(files: Files, parameter: str, value: int) -> None:
    found = errors(files.load(whole(devices=[{**DLMS, parameter: value}], signals=[])))
    assert len(found) == 1 and f"parameter {parameter}: found {value}, allowed: a whole number" in found[0]


@pytest.mark.parametrize("value", [0, -1, "-250"])
def test_a_scan_rate_of_0_or_less_is_no_time_frame_for_every_protocol(files: Files, value: object) -> None:
    """As the manual says it: only a positive one sets a time frame."""
    tcp = {"ip": "192.0.2.9", "port": 23, "timeout_ms": 900}
    rows = [{"device_alias": "P1", "protocol": "P1", **tcp}, {**MBUS, "protocol": "mbus tcp", **tcp}, MBUS, DLMS, IEC]
    rows += [{"device_alias": "G1", "protocol": "elgama", "id": 12, "meter_model": 2, **tcp}]
    rows += [{**IEC, "type": "D", "serialnumber": "5", "device_alias": "M2"}]
    for row in rows:
        assert errors(files.load(whole(devices=[{"name": "x", **row, "scan_rate_ms": value}], signals=[]))) == []


MBUS = {
    "name": "Heat",
    "device_alias": "B1",
    "protocol": "mbus serial",
    "device": "PORT1",
    "baudrate": 2400,
    "parity": "even",
    "address": "5",
    "scan_rate_ms": 10000,
    "timeout_ms": 1000,
}


@pytest.mark.parametrize(
    ("row", "other", "words"),
    [
        (IEC, {"serialnumber": "00123"}, "M1, X2: ask the same meter (PORT1, serialnumber 123)"),
        (MBUS, {}, "B1, X2: ask the same meter (PORT1, address 5)"),
        (MBUS, {"address": "6"}, ""),
        (IEC, {"serialnumber": "124"}, ""),
    ],
)
def test_two_devices_that_ask_one_meter(files: Files, row: dict[str, Any], other: dict[str, Any], words: str) -> None:
    one = {**row, "serialnumber": "123"} if row is IEC else row
    configuration = files.load(whole(devices=[one, {**one, "device_alias": "X2", **other}], signals=[]))
    assert errors(configuration) == []
    told = [warning for warning in configuration.warnings if "ask the same meter" in warning]
    assert [words in warning for warning in told] == ([True] if words else [])


def test_one_port_of_a_serial_server_in_two_ways(files: Files) -> None:
    over = {key: value for key, value in MBUS.items() if key != "device"}
    over |= {"ip": "192.0.2.1", "port": 4001, "protocol": "mbus tcp"}
    raw = {**over, "device_alias": "B2", "address": "6"}
    configuration = files.load(whole(devices=[{**over, "serial_server": "rfc2217"}, raw], signals=[]))
    assert errors(configuration) == []
    told = [warning for warning in configuration.warnings if "serial_server rfc2217" in warning]
    assert len(told) == 1 and told[0].startswith("B1, B2: talk to 192.0.2.1:4001 both with and without")
