"""luci-app-meterd: its forms come from the tables, change nothing by themselves, and speak three languages.

Its views are run by node with a stand-in for LuCI's own JavaScript (luci_standin.js). What a browser and LuCI itself do
with them is not seen here.
"""

from __future__ import annotations

import json
import re
import shutil
import struct
import subprocess
from pathlib import Path
from typing import Any

import pytest

from meterd.config import luci_tables
from meterd.config.files import load
from meterd.config.uci import Uci
from meterd.parameters import BOOLEAN, Parameter
from meterd.protocols import registry
from tests.needs import needs
from tools.gateway.package import luci

ROOT = Path(__file__).parents[2]
APP = ROOT / "openwrt" / "luci-app-meterd"
RESOURCES = APP / "htdocs" / "luci-static" / "resources"
STANDIN = Path(__file__).with_name("luci_standin.js")
VIEWS = sorted(path.stem for path in (RESOURCES / "view" / "meterd").glob("*.js"))
MISSING_SHARE = 0.05  # of the tables' texts: whoever adds a parameter need not speak three languages at once


def run(view: str, uci: str = "", **scenario: Any) -> dict[str, Any]:
    """What came of a scenario; `uci` is the text of /etc/config/meterd."""
    node = needs("node", "nodejs")
    content = json.dumps({"view": view, "uci": sections_of(uci), **scenario})
    done = subprocess.run([node, STANDIN, RESOURCES], input=content, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def sections_of(text: str) -> list[dict[str, str]]:
    """As rpcd gives them; of a file without lists and escapes."""
    sections: list[dict[str, str]] = []
    for line in text.splitlines():
        words = re.findall(r"'([^']*)'|(\S+)", line)
        words = [quoted or plain for quoted, plain in words]
        if words[:1] == ["config"]:
            number = len(sections)
            name = words[2] if len(words) > 2 else f"cfg{number:02x}{number:04x}"
            sections.append({".type": words[1], ".name": name, ".anonymous": len(words) < 3})  # type: ignore[dict-item]
        elif words[:1] == ["option"]:
            sections[-1][words[1]] = words[2]
    return sections


def written(sections: list[dict[str, Any]]) -> str:
    """As `uci commit` would write it."""
    lines = []
    for section in sections:
        name = "" if section[".anonymous"] else f" '{section['.name']}'"
        lines.append(f"config {section['.type']}{name}")
        lines += [f"\toption {option} '{value}'" for option, value in section.items() if option[0] != "."]
    return "\n".join([*lines, ""])


def parameters(package: str, kind: str) -> tuple[Parameter, ...]:
    tables = registry.tables(package)
    return tuple(tables.DEVICE if kind == "device" else tables.SIGNAL)


SITE = """\
config meterd 'main'
	option enabled '1'

config port 'PORT1'
	option node '/dev/ttyS1'

config device 'stair'
	option protocol 'iec 62056-21'
	option device 'PORT1'
	option baudrate '300'
	option parity 'EVEN'
	option serialnumber '0'
	option enable 'yes'

config device 'pump'
	option name 'Pump house'
	option protocol 'DLMS/COSEM'
	option ip '192.0.2.9'
	option port '4059'
	option type 'ln'
	option client_address '0x10'
	option auth 'LOW'
	option password_file '/etc/meterd/pump'
	option logical_address '1'

config device 'heat'
	option protocol 'mbus tcp'
	option ip '192.0.2.10'
	option port '10001'
	option address '7'
	option timeout_ms '3000'

config signal 'stair_import'
	option device_alias 'stair'
	option signal_name 'Import'
	option number_type 'double'
	option job_todo '1.8.0'
	option tag_job_todo '1.8.0'
	option multiply '0,001'

config signal
	option device_alias 'pump'
	option signal_name 'Import'
	option signal_alias 'pump_import'
	option obis_job '1.0.1.8.0.255'

config signal 'elsewhere_volume'
	option device_alias 'of_another_file'
	option number_type 'DOUBLE'
	option tag_job_todo '0'
"""


def test_the_tables_are_the_programs() -> None:
    kept = (ROOT / luci_tables.PLACE).read_text("ascii")
    assert kept == luci_tables.text(), "`python -m meterd.config.luci_tables` makes it anew"


# ---- forms


@pytest.mark.parametrize("package", registry.installed())
def test_a_device_has_every_field_of_its_table_and_no_other(package: str) -> None:
    spelling = luci_tables.registry.PROTOCOL_NAMES
    name = next(name for name, found in spelling.items() if found == package)
    site = f"config device 'one'\n\toption protocol '{name.upper()}'\n"
    steps = [["open", "device", "one"], ["fields"], *(["about", each.name] for each in parameters(package, "device"))]
    [_, fields, *about] = run("devices", site, steps=steps)["results"]
    expected = {each.name for each in parameters(package, "device")}
    expected |= {f"{each.name}_file" for each in parameters(package, "device") if each.secret}
    assert set(fields) == expected and len(fields) == len(expected)
    for parameter, shown in zip(parameters(package, "device"), about, strict=True):
        if parameter.name == "protocol":
            continue
        assert parameter.help in shown["help"] and shown["password"] >= parameter.secret
        if parameter.choices and shown["choices"]:
            assert {str(choice) for choice in parameter.choices} <= set(shown["choices"])
        if parameter.kind == BOOLEAN and shown["choices"]:
            assert {"0", "1"} <= set(shown["choices"])
        if parameter.default not in (None, "") and parameter.kind != BOOLEAN:
            assert str(parameter.default) in shown["placeholder"]
        for bound in (parameter.low, parameter.high):
            assert bound is None or parameter.choices or str(bound) in shown["help"]


@pytest.mark.parametrize("package", registry.installed())
def test_a_signal_has_every_field_of_its_devices_table(package: str) -> None:
    name = next(name for name, found in registry.PROTOCOL_NAMES.items() if found == package)
    site = f"config device 'one'\n\toption protocol '{name}'\nconfig signal 'two'\n\toption device_alias 'one'\n"
    [_, fields] = run("signals", site, steps=[["open", "signal", "two"], ["fields"]])["results"]
    assert set(fields) == {each.name for each in parameters(package, "signal")} and len(fields) == len(set(fields))


def test_what_is_saved_unchanged_is_unchanged() -> None:
    for view, kind in (("devices", "device"), ("signals", "signal")):
        names = [section[".name"] for section in sections_of(SITE) if section[".type"] == kind]
        steps = [step for name in names for step in (["open", kind, name], ["save"])]
        came = run(view, SITE, steps=steps)
        assert came["results"][1::2] == [{}] * len(names)
        assert came["uci"] == sections_of(SITE)
        assert Uci(written(came["uci"])).content == Uci(SITE).content


def test_what_is_set_is_what_our_reader_finds(tmp_path: Path) -> None:
    steps = [["open", "device", "stair"], ["set", "baudrate", "9600"], ["set", "serialnumber", "12345678"]]
    steps += [["set", "parity", ""], ["set", "enable", "0"], ["save"]]
    came = run("devices", SITE, steps=steps)
    [row, *_] = Uci(written(came["uci"])).content["devices"]
    assert row == {
        "device_alias": "stair", "name": "stair", "protocol": "iec 62056-21", "device": "PORT1", "baudrate": "9600",
        "serialnumber": "12345678", "enable": "0",
    }  # fmt: skip


def test_another_protocol_takes_the_fields_of_the_old_one_away() -> None:
    steps = [["open", "device", "pump"], ["set", "protocol", "IEC 62056-21"], ["set", "serialnumber", "0"], ["save"]]
    wrong = run("devices", SITE, steps=steps)["results"][-1]
    assert set(wrong) == {"type"}, "what both have is held against the new one's table"
    came = run("devices", SITE, steps=[*steps[:-1], ["set", "type", "C"], ["save"]])
    assert came["results"][-1] == {}
    [_, row, _] = Uci(written(came["uci"])).content["devices"]
    assert set(row) <= {each.name for each in parameters("iec62056_21", "device")} | {"password_file"}
    assert row["protocol"] == "IEC 62056-21" and "client_address" not in row and row["ip"] == "192.0.2.9"


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("baudrate", "301", "allowed: one of 300"),
        ("scan_rate_ms", "soon", "allowed: a whole number"),
        ("databits", "12", "allowed:"),
        ("serialnumber", "", "must be given"),
        ("device_alias", "", None),
        ("scan_rate_ms", "0x10", None),
        ("scan_rate_ms", "+900", None),
        ("scan_rate_ms", "900,0", None),
    ],
)
def test_a_value_is_held_against_the_table(name: str, value: str, told: str | None) -> None:
    came = run("devices", SITE, steps=[["open", "device", "stair"], ["set", name, value], ["save"]])
    wrong = came["results"][-1]
    if told is None:
        assert wrong == {}
    else:
        assert set(wrong) == {name} and told in wrong[name] and came["uci"] == sections_of(SITE)


def test_a_number_of_sixteen_digits_is_compared_exactly() -> None:
    site = "config device 'one'\n\toption protocol 'Elgama'\n"
    row = next(each for each in parameters("elgama", "device") if each.name == "id")
    assert row.high is not None and row.high > 1 << 53
    for value, fits in ((row.high, True), (row.high + 1, False)):
        came = run("devices", site, steps=[["open", "device", "one"], ["set", "id", str(value)], ["save"]])
        assert ("id" not in came["results"][-1]) == fits


def test_what_no_table_allows_is_shown_and_not_taken_for_absent() -> None:
    site = SITE.replace("'EVEN'", "'sideways'").replace("'mbus tcp'", "'m-bus'")
    came = run("devices", site, steps=[["open", "device", "stair"], ["save"], ["open", "device", "heat"], ["save"]])
    assert set(came["results"][1]) == {"parity"} and set(came["results"][3]) == {"protocol"}
    assert came["uci"] == sections_of(site)


def test_a_secret_in_a_file_will_do() -> None:
    site = "config device 'one'\n\toption protocol 'mbus tcp'\n\toption ip '192.0.2.1'\n\toption port '1'\n"
    site += "\toption address '1'\n\toption timeout_ms '1000'\n"
    came = run("devices", site, steps=[["open", "device", "one"], ["set", "key_file", "/etc/meterd/key"], ["save"]])
    assert came["results"][-1] == {} and came["uci"][0]["key_file"] == "/etc/meterd/key"


def test_signals_of_one_device_at_a_time_where_there_are_many() -> None:
    site = "".join(
        f"config device 'm{number}'\n\toption protocol 'DLMS'\n"
        + "".join(f"config signal 'm{number}_{each}'\n\toption device_alias 'm{number}'\n" for each in range(60))
        for number in range(2)
    )
    came = run("signals", site)
    assert len(came["rows"]) == 60 and all(row.startswith("m0_") for row in came["rows"])
    assert len(run("signals", SITE)["rows"]) == 3


# ---- pages


STATUS = {
    "ok": True, "devices_all": 2, "matching": 120, "from": 0, "lines_all": 1, "states": {"timeout": 1, "good": 1},
    "lines": [{"line": "PORT1", "devices": 2, "open": True, "load": 0.42}],
    "devices": [
        {"device": "a", "reason": "timeout", "signals": 4, "signals_ok": 0, "last_good_age_s": None, "line": "PORT1",
         "trouble": "no answer within 800 ms"},
        {"device": "b", "reason": "good", "signals": 4, "signals_ok": 4, "last_good_age_s": 200, "line": "PORT1",
         "trouble": ""},
    ],
}  # fmt: skip


def test_the_overview_shows_the_worst_first_and_values_on_demand() -> None:
    readings = {"ok": True, "signals_all": 1, "readings": [
        {"signal": "e", "value": "41.50", "unit": "kWh", "time_ms": 1, "quality": "good", "words": None}]}  # fmt: skip
    answers = {"status": STATUS, "readings": readings, "read": {"ok": True, "readings": [1, 2]}}
    steps = [
        ["click", "Values", 1],
        ["click", "Read now", 0],
        ["click", "Next"],
        ["change", "change", "PORT 1"],
        ["poll"],
    ]
    came = run("overview", answers=answers, steps=steps)
    assert "a | timeout | 0/4 | never | PORT1 | no answer within 800 ms" in came["rows"][1]
    assert "b | good | 4/4 | 3 min | PORT1" in came["rows"][2] and "PORT1 | 42 % | 2 | open" in came["rows"][4]
    assert "e | 41.50 | kWh" in came["modal"][0][1]
    assert came["happened"]["said"] == ["a was read: 2 values"]
    calls = [(method, given) for _, method, given in came["happened"]["calls"]]
    first = {"sort": "state", "match": "", "from": 0, "count": 50}
    assert calls[:3] == [
        ("status", first),
        ("readings", {"device": "b", "from": 0, "count": 50}),
        ("read", {"device": "a"}),
    ]
    assert calls[4] == ("status", {**first, "from": 50}) and calls[5] == ("status", {**first, "match": "PORT1"})


def test_without_a_daemon_or_a_plugin_the_overview_says_so() -> None:
    assert "is it installed" in run("overview")["text"]
    refusal = {"ok": False, "error": "no daemon answers"}
    assert "no daemon answers" in run("overview", answers={"status": refusal})["text"]


def test_the_log_is_newest_first_and_filtered() -> None:
    came = run("log", log="one\ntwo\nThree\n", steps=[["poll"]])
    assert "Three\ntwo\none" in came["text"]
    assert ["exec", "/sbin/logread", ["-e", "meterd"]] in came["happened"]["calls"]
    assert run("log", log="one\ntwo\n", steps=[["change", "keyup", "TW"]])["text"].endswith("two")
    assert "Nothing yet." in run("log")["text"]


def test_what_a_search_finds_becomes_configuration(tmp_path: Path) -> None:
    found = {
        "devices": [{"name": "x-1", "device_alias": "x-1", "protocol": "IEC 62056-21", "device": "/dev/ttyUSB0",
                     "baudrate": 300, "serialnumber": "0", "enable": True, "description": None},
                    {"device_alias": "stair", "protocol": "DLMS"}],
        "signals": [{"signal_name": "E", "device_alias": "x-1", "signal_alias": "e", "number_type": "DOUBLE",
                     "job_todo": "1.8.0", "tag_job_todo": "1.8.0"}],
    }  # fmt: skip
    idle = {"ok": True, "running": False, "place": "", "said": "", "found": "", "ports": ["/dev/ttyUSB0"]}
    begun = {**idle, "running": True, "place": "/dev/ttyUSB0", "said": "looking"}
    over = {**begun, "running": False, "found": json.dumps(found)}
    steps = [["enter", "place", " /dev/ttyUSB0 "], ["click", "Scan"], ["poll"], ["click", "Add to the configuration"]]
    came = run("scan", SITE, answers={"scan": [idle, begun, over]}, steps=steps)
    assert ["meterd", "scan", {"place": "/dev/ttyUSB0", "stop": False}] in came["happened"]["calls"]
    assert "x-1 (IEC 62056-21): 1 signals" in came["text"] and "is over" in came["text"]
    assert came["happened"]["said"] == [
        "2 sections were added; Save & Apply above puts them in force. There already, and left as they are: stair."
    ]
    added = [section for section in came["uci"] if section[".name"].startswith("x_1")]
    path = tmp_path / "meterd"
    path.write_text(written(added))
    configuration = load([str(path)])
    assert not configuration.errors and [device.alias for device in configuration.devices] == ["x-1"]
    assert configuration.devices[0]["baudrate"] == 300 and len(configuration.signals["x-1"]) == 1


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_stands_in_the_menu_and_asks_only_for_what_may_be_called(view: str) -> None:
    menu = json.loads((APP / "root/usr/share/luci/menu.d/luci-app-meterd.json").read_text())
    assert f"meterd/{view}" in [entry["action"].get("path") for entry in menu.values()]
    access = json.loads((APP / "root/usr/share/rpcd/acl.d/luci-app-meterd.json").read_text())["luci-app-meterd"]
    granted = {*access["read"]["ubus"]["meterd"], *access["write"]["ubus"]["meterd"]}
    text = (RESOURCES / "view" / "meterd" / f"{view}.js").read_text()
    assert set(re.findall(r"method: '(\w+)'", text)) <= granted
    assert set(re.findall(r"object: '(\w+)'", text)) <= {"meterd"}


def test_who_may_only_read_changes_nothing() -> None:
    access = json.loads((APP / "root/usr/share/rpcd/acl.d/luci-app-meterd.json").read_text())["luci-app-meterd"]
    plugin = subprocess.run(["sh", ROOT / "openwrt/files/rpcd.sh", "list"], capture_output=True, text=True, check=True)
    methods = set(json.loads(plugin.stdout))
    assert set(access["read"]["ubus"]["meterd"]) == {"status", "readings"}
    assert methods == {*access["read"]["ubus"]["meterd"], *access["write"]["ubus"]["meterd"]}
    assert access["read"]["cgi-io"] == ["exec"], "which hands on what a program says"
    assert access["read"]["file"] == {"/sbin/logread -e meterd": ["exec"]} and "file" not in access["write"]


# ---- languages


def test_the_template_and_the_catalogues_have_every_text_of_the_pages() -> None:
    template = (APP / "po" / "templates" / "meterd.pot").read_text("utf-8")
    helps = set(luci.helps())
    texts = [text for text in luci.messages() if text not in helps]
    assert len(texts) > 50
    for text in texts:
        assert f'msgid "{luci._quoted(text)}"\n' in template, "`python -m tools.gateway.package.luci` writes it"
    for language in luci.LANGUAGES:
        known = luci.catalogue(language)
        assert [text for text in texts if text not in known] == []
        missing = [text for text in helps if text not in known]
        assert len(missing) <= MISSING_SHARE * len(helps), missing


@pytest.mark.parametrize("language", luci.LANGUAGES)
def test_a_translation_takes_what_the_original_takes(language: str) -> None:
    for original, told in luci.catalogue(language).items():
        marks = re.compile(r"%(?:[sdh])")
        assert marks.findall(original) == marks.findall(told) or original in luci.helps(), original
        assert told == told.strip() and told
        for word in re.findall(r"\b[a-z]+_[a-z_]+\b|/[?#]\w*|\b\d+\.\d+\.\d+\b", original):
            assert word in told, (original, word)
    if language != "en":
        same = [text for text, told in luci.catalogue(language).items() if text == told]
        assert len(same) <= 5, same


def test_a_catalogue_as_luci_reads_it() -> None:
    """The hashes are those that LuCI's own sfh() gives."""
    assert luci.sfh(b"Enabled") == 0x27F2A07B and luci.sfh(b"Meters") == 0x2B01C43E and luci.sfh(b"a") == 0x115EA782
    assert luci.sfh("Zähler lesen — jetzt".encode()) == 0xC9136778 and luci.sfh("abcé".encode()) == 0xE8F6F75E
    assert luci.sfh("abé".encode()) == 0x8F08A63C and luci.sfh(b"All signals of the device") == 0x900BB91E
    data = luci.lmo({"Enabled": "Eingeschaltet", "Meters": "Zähler", "same": "same"})
    [start] = struct.unpack(">I", data[-4:])
    index = [struct.unpack_from(">IIII", data, at) for at in range(start, len(data) - 4, 16)]
    assert [row[0] for row in index] == sorted((0x27F2A07B, 0x2B01C43E)) and start % 4 == 0
    told = {row[0]: data[row[2] : row[2] + row[3]].decode() for row in index}
    assert told == {0x27F2A07B: "Eingeschaltet", 0x2B01C43E: "Zähler"}


def test_the_package() -> None:
    package = luci.package("0.1.0-r1")
    assert package.architecture == "all" and package.depends[0] == "luci-base"
    assert "/www/luci-static/resources/view/meterd/overview.js" in package.files
    assert "/usr/share/rpcd/acl.d/luci-app-meterd.json" in package.files
    assert {f"/usr/lib/lua/luci/i18n/meterd.{language}.lmo" for language in ("de", "lt")} <= set(package.files)
    assert shutil.which("sh") and "killall -HUP rpcd" in package.scripts["postinst"]
