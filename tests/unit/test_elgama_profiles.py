"""Profile files: what may stand in them, how a site's lie over the shipped ones, and what a wrong one is told."""

from __future__ import annotations

import copy
import json
import os
import posix
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meterd.cli import check
from meterd.config import profiles as files
from meterd.config.files import load
from meterd.protocols.elgama.parameters import MODELS, profile_faults, profile_merge
from meterd.protocols.elgama.profile import Profile, decimal
from meterd.protocols.elgama.raw import parse_raw

SHIPPED = Path(files.__file__).parents[1] / "protocols" / "elgama" / "profiles"


@pytest.fixture
def site(tmp_path, monkeypatch):
    """The site's directory of Elgama profiles, empty."""
    monkeypatch.setitem(posix.environ, files.ENVIRONMENT.encode(), str(tmp_path / "profiles").encode())
    directory = tmp_path / "profiles" / "elgama"
    directory.mkdir(parents=True)
    return directory


def write(path: Path, content: Any) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content, indent=1), encoding="utf-8")
    return path


def device(alias: str = "m", **given: Any) -> dict[str, Any]:
    return {"name": alias, "device_alias": alias, "protocol": "Elgama", "device": "/dev/ttyS0", "timeout_ms": 500,
            "id": 2141421, "meter_model": 2, **given}  # fmt: skip


def signal(alias: str = "E", job: str = "1.8.0", of: str = "m", **given: Any) -> dict[str, Any]:
    return {"signal_name": alias, "signal_alias": alias, "device_alias": of, "number_type": "DOUBLE", "job_todo": job,
            "tag_job_todo": job, **given}  # fmt: skip


def configured(tmp_path: Path, *devices: dict[str, Any], signals: tuple[dict[str, Any], ...] = ()) -> Any:
    path = write(tmp_path / "meterd.json", {"devices": list(devices), "signals": list(signals)})
    return load([str(path)])


# ---- what is shipped


def test_every_model_has_a_profile_that_is_in_order() -> None:
    known = files.Profiles(careful=True)
    known.check_all("elgama")
    assert known.errors == []
    assert set(MODELS) <= {path.stem for path in SHIPPED.glob("*.json")}
    for number, name in enumerate(MODELS):
        content = known.load("elgama", name)
        assert content is not None
        assert content["meter_model"] == number


@pytest.mark.parametrize("careful", [False, True])
def test_a_shipped_profile_that_was_spoilt_on_the_spot_is_told(tmp_path: Path, monkeypatch, careful: bool) -> None:
    content = json.loads((SHIPPED / "gama300.json").read_text(encoding="utf-8"))
    del content["transport"]
    write(tmp_path / "gama300.json", content)
    monkeypatch.setattr(files, "shipped_directory", lambda tables: str(tmp_path))
    path = write(tmp_path / "meterd.json", {"devices": [device()], "signals": [signal()]})
    configuration = load([str(path)], careful)
    assert [str(error) for error in configuration.errors] == [
        f"{tmp_path}/gama300.json, line 1, transport: is missing",
        f"{tmp_path}/gama300.json, line 1, transport.protocol: is missing, allowed: one of dlms-hdlc, "
        "iec62056-21, iec62056-31, none",
    ]
    assert configuration.devices == []


def test_everything_shipped_says_where_it_is_from_and_holds_no_password() -> None:
    for path in SHIPPED.glob("*.json"):
        content = json.loads(path.read_text(encoding="utf-8"))
        assert content["about"]
        for name in ("transport", "address", "association", "identity", "clock"):
            if content.get(name):
                assert content[name]["source"], (path.name, name)
        for name, entry in content.get("registers", {}).items():
            assert entry["source"] and entry["confidence"], (path.name, name)
            assert "scale" not in entry, "scalers are read, not assumed"
        assert '"password"' not in path.read_text(encoding="utf-8")


def test_shipped_profiles_are_found_beside_byte_code_alone(tmp_path: Path) -> None:
    root = tmp_path / "meterd"
    subprocess.run([sys.executable, "-c", BYTE_CODE, str(Path(files.__file__).parents[1]), str(root)], check=True)
    assert not list(root.rglob("elgama/*.py"))
    asked = "from meterd.config.profiles import Profiles; print(Profiles().load('elgama', 'gama100')['meter_model'])"
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-P", "-c", asked], capture_output=True, text=True, env=environment, cwd=tmp_path
    )
    assert done.stdout.strip() == "3", done.stderr


BYTE_CODE = """
import pathlib, py_compile, shutil, sys
source, target = map(pathlib.Path, sys.argv[1:])
for path in source.rglob("*"):
    place = target / path.relative_to(source)
    if path.suffix in (".so", ".json"):
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, place)
    elif path.suffix == ".py":
        place.parent.mkdir(parents=True, exist_ok=True)
        py_compile.compile(str(path), str(place) + "c", doraise=True)
"""


def test_the_examples_of_the_document_are_in_order(site: Path, tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "docs" / "elgama.md").read_text(encoding="utf-8")
    configuration, profile = (json.loads(block.partition("```")[0]) for block in text.split("```json\n")[1:])
    write(site / "gama300.json", profile)
    path = write(tmp_path / "meterd.json", {**configuration, "ports": {"PORT1": "/dev/ttyS0"}})
    found = load([str(path)], careful=True)
    assert found.errors == []
    assert "temperature" in found.devices[0].profile["registers"]


# ---- merging


def test_a_sites_file_is_laid_over_the_shipped_one(site: Path) -> None:
    write(site / "gama300.json", {
        "_note": "ours", "profile": "site", "association": {"client": 32},
        "registers": {"1.8.2": {"read": "sn:0x0138"}, "4.8.0": None}, "aliases": {"A+": "1.8.0", "part": "1.8.2"},
    })  # fmt: skip
    content = files.Profiles().load("elgama", "gama300")
    assert content is not None
    profile = Profile(content)
    assert profile.part("association")["client"] == 32
    assert profile.part("association")["max_info"] == 128
    assert set(profile.aliases) == {"A+", "part"}
    assert "4.8.0" not in profile.entries
    assert profile.register("1.8.2").infers_scaler
    assert str(profile.register("1.8.0").scaler) == "sn:0x0110"
    assert profile.file == str(site / "gama300.json")
    gama100 = files.Profiles().load("elgama", "gama100")
    assert gama100 is not None
    assert "1.8.2" in gama100["registers"], "what extends it has it too"
    assert gama100["file"] == str(site / "gama100.json")


def test_a_new_scale_or_place_means_a_register_anew() -> None:
    base = {"registers": {"a": {"read": "sn:0x0108", "scaler": "sn:0x0110", "unit": "Wh"}}}
    scaled = profile_merge(base, {"registers": {"a": {"scale": 0.1}}})["registers"]["a"]
    assert scaled == {"read": "sn:0x0108", "scale": 0.1, "unit": "Wh"}
    moved = profile_merge(base, {"registers": {"a": {"read": "sn:0x0208"}}})["registers"]["a"]
    assert moved == {"read": "sn:0x0208", "unit": "Wh"}
    named = profile_merge(base, {"registers": {"a": {"unit": "kWh"}}})["registers"]["a"]
    assert named["scaler"] == "sn:0x0110"
    assert base["registers"]["a"]["unit"] == "Wh", "nothing below is changed"


def test_profiles_by_name_and_by_path(site: Path, tmp_path: Path) -> None:
    write(site / "gama300-ct.json", {"profile": "ct", "extends": "gama300", "aliases": {"x": "1.8.0"}})
    write(tmp_path / "mine.json", {"profile": "mine", "extends": "gama300-ct", "aliases": {"y": "x#1"}})
    faulty = configured(tmp_path, device(profile="mine.json"))
    assert "x" in str(faulty.errors[0]), "an alias does not stand for another one"
    write(tmp_path / "mine.json", {"profile": "mine", "extends": "gama300-ct", "aliases": {"y": "2.8.0"}})
    found = configured(tmp_path, device(profile="mine.json"), device("n", profile="gama300-ct", id=1))
    assert found.errors == []
    assert [set(one.profile["aliases"]) for one in found.devices] == [{"x", "y"}, {"x"}]
    (tmp_path / "deeper").mkdir()
    write(tmp_path / "deeper" / "own.json", {"profile": "own", "extends": "../mine.json"})
    [one] = configured(tmp_path, device(profile="deeper/own.json")).devices
    assert set(one.profile["aliases"]) == {"x", "y"}
    assert one.profile["file"] == str(tmp_path / "deeper" / "own.json")


def test_a_broken_file_is_told_once_whoever_begins_from_it(site: Path, tmp_path: Path) -> None:
    write(site / "gama300.json", {"profile": "site", "status": "tested"})
    found = configured(
        tmp_path, device(), device("n", meter_model=3, id=1), device("o", profile="gama300-optical", id=2)
    )
    assert len(found.errors) == 1
    assert found.devices == []


def test_a_profile_that_there_is_not(site: Path, tmp_path: Path) -> None:
    found = configured(tmp_path, device(profile="gamma"))
    assert "parameter profile" in str(found.errors[0])
    assert "gama300" in str(found.errors[0])
    missing = configured(tmp_path, device(profile="./none.json"))
    assert "none.json" in str(missing.errors[0])


def test_profiles_that_extend_each_other(site: Path) -> None:
    write(site / "a.json", {"profile": "a", "extends": "b"})
    write(site / "b.json", {"profile": "b", "extends": "a"})
    known = files.Profiles()
    assert known.load("elgama", "a") is None
    assert "without end" in str(known.errors[0])


# ---- what is wrong

BROKEN = [
    ({"registers": {"1.8.0": {"read": "sn:0x01O8"}}}, "registers.1.8.0, parameter read", "short name"),
    ({"registers": {"1.8.0": {"reed": "sn:0x0108"}}}, "parameter reed", "not known"),
    ({"registers": {"x": {}}}, "registers.x", "is missing"),
    ({"registers": {"x": {"read": "sn:0x0108"}}}, "registers.x, parameter read", "1.8.0 reads already"),
    ({"registers": {"1.0.1.8.0.255": {"read": "sn:0x0999"}}}, "registers.1.0.1.8.0.255", "another way"),
    ({"registers": {"x": {"read": "r5:1.8.0"}}}, "parameter read", "sn:…"),
    ({"registers": {"x": {"read": "sn:0x0999", "unit": "kwh"}}}, "parameter unit", "Wh"),
    ({"registers": {"x": {"read": "sn:0x0999", "scale": 0}}}, "parameter scale", "other than 0"),
    ({"registers": {"x": {"read": "sn:0x0999", "scale": 1, "scaler": "sn:0x0110"}}}, "parameter scale", "beside"),
    ({"registers": {"clock": {"read": "sn:0x0999"}}}, "registers.clock", "meaning"),
    ({"registers": []}, "registers", "an object"),
    ({"address": {"lower": "__import__('os')"}}, "address.lower", "formula"),
    ({"address": {"lower": "sn % 0"}}, "address.lower", "divides by zero"),
    ({"address": {"lower": "sn % 100000"}}, "address.lower", "0 to 16383"),
    ({"address": {"scheme": "iec-serial"}}, "address.scheme", "hdlc-serial"),
    ({"aliases": {"x": "7.7.7"}}, "aliases.x", "no register"),
    ({"aliases": {"1.8.0": "2.8.0"}}, "aliases.1.8.0", "already"),
    ({"transport": {"line": {"baudrate": 9601}}}, "transport.line, parameter baudrate", "one of"),
    ({"transport": {"opening": "programming"}}, "transport.opening", "direct"),
    ({"association": {"conformance": "12345"}}, "association.conformance", "six hex digits"),
    ({"identity": {"required": 1}}, "identity.required", "true or false"),
    ({"status": "tested"}, "status", "one of"),
    ({"unlisted": "r5"}, "unlisted", "ln"),
    ({"extends": "gama900"}, "extends", "gama300"),
]


@pytest.mark.parametrize(("content", "place", "words"), BROKEN)
def test_a_broken_profile_is_told_by_file_line_and_key(
    site: Path, tmp_path: Path, content: dict[str, Any], place: str, words: str
) -> None:
    path = write(site / "gama300.json", {"profile": "site", **content})
    found = configured(
        tmp_path, device(), device("q", meter_model=1, id=5), signals=(signal(), signal(of="q", job="r5:1.8.0"))
    )
    assert len(found.errors) == 1, found.errors
    error = str(found.errors[0])
    assert error.startswith(f"{path}, line ")
    assert int(error.split("line ")[1].split(",")[0]) > 1
    assert place in error
    assert words in error
    assert [one.alias for one in found.devices] == ["q"], "only those that use it stop"
    assert list(found.signals) == ["q"]


@pytest.mark.parametrize(
    ("content", "place"),
    [
        ({}, "profile: is missing"),
        ({"profile": "x"}, "transport: is missing"),
        ({"profile": "x", "transport": {}}, "transport.protocol: is missing"),
        ({"profile": "x", "transport": {"protocol": "dlms-hdlc"}}, "address.scheme"),
        (
            {"profile": "x", "transport": {"protocol": "dlms-hdlc"}, "address": {"scheme": "hdlc-serial"}},
            "address.lower",
        ),
        ({"profile": "x", "extends": "gama300", "identity": {"read": None}}, "identity.read"),
        ({"profile": "x", "extends": "epqs", "clock": {"date": "r5:0.9.2"}}, "clock.read"),
        ({"profile": "x", "extends": "epqs", "registers": {" y": {"read": "r5:1"}}}, "without outer blanks"),
        ({"profile": "x", "extends": "epqs", "registers": {"y": {"read": "r5:1", "obis": "?"}}}, "an OBIS code"),
        ({"profile": "x", "extends": "gama300", "address": {"lower": []}}, "a rule such as"),
    ],
)
def test_a_profile_of_a_sites_own_must_be_whole(site: Path, content: dict[str, Any], place: str) -> None:
    write(site / "own.json", content)
    known = files.Profiles()
    assert known.load("elgama", "own") is None
    assert place in " ".join(map(str, known.errors)), known.errors


def test_an_opening_is_for_dlms(site: Path, tmp_path: Path) -> None:
    write(site / "epqs.json", {"profile": "site", "transport": {"opening": "direct"}})
    assert "transport.opening: is for dlms-hdlc only" in str(configured(tmp_path, device(meter_model=1)).errors[0])


def test_a_profile_that_is_no_json(site: Path, tmp_path: Path) -> None:
    path = write(site / "gama300.json", '{"profile": "x",\n "registers": {\n  "1.8.1" {}\n }}')
    found = configured(tmp_path, device())
    assert str(found.errors[0]).startswith(f"{path}, line 3")
    path.write_bytes(b"\xff\xfe")
    assert "UTF-8" in str(configured(tmp_path, device()).errors[0])


def test_check_finds_names_that_are_given_twice(site: Path, tmp_path: Path, capsys: Any) -> None:
    path = write(site / "gama300.json", '{"profile": "x", "aliases": {\n "a": "1.8.0",\n "a": "2.8.0"}}')
    configuration = write(tmp_path / "meterd.json", {"devices": [device()], "signals": []})
    assert check.main(["check", "-q", str(configuration)]) == 3
    assert f"{path}, line 3, aliases.a: is given twice" in capsys.readouterr().err


def test_check_takes_profile_files_and_looks_at_unused_ones(site: Path, tmp_path: Path, capsys: Any) -> None:
    good = write(tmp_path / "good.json", {"profile": "good", "extends": "gama300"})
    assert check.main(["check", str(good)]) == 0
    bad = write(site / "spare.json", {"profile": "bad", "extends": "gama300", "registers": {"x": {"read": "y"}}})
    assert check.main(["check", str(bad)]) == 3
    configuration = write(tmp_path / "meterd.json", {"devices": [device()], "signals": [signal()]})
    assert check.main(["check", "-q", str(configuration)]) == 3
    assert capsys.readouterr().err.count(f"{bad}, line 6, registers.x, parameter read") == 2
    bad.unlink()
    assert check.main(["check", "-q", str(configuration)]) == 0


def test_check_names_the_file_to_edit_for_an_unknown_name(site: Path, tmp_path: Path, capsys: Any) -> None:
    configuration = write(tmp_path / "meterd.json", {"devices": [device()], "signals": [signal(job="1.8.2")]})
    assert check.main(["check", "-q", str(configuration)]) == 3
    assert f"add it to {site / 'gama300.json'}" in capsys.readouterr().err


# ---- devices together


def test_ids_that_share_an_address_are_an_error_of_the_configuration(site: Path, tmp_path: Path) -> None:
    found = configured(tmp_path, device(), device("n", id=12_341_421))
    assert len(found.errors) == 1
    assert "devices[1], device n, parameter id" in str(found.errors[0])
    assert found.broken == {"elgama"}
    other_line = configured(tmp_path, device(), device("n", id=12_341_421, device="/dev/ttyS1"))
    assert other_line.errors == []
    other_engine = configured(tmp_path, device(), device("n", meter_model=1))
    assert other_engine.errors == []


def test_warnings_of_devices(site: Path, tmp_path: Path) -> None:
    found = configured(tmp_path, device(id=0), device("its", meter_model=4, id=9))
    assert found.errors == []
    assert any(words.startswith("m: id 0") for words in found.warnings)
    assert any("its: meter_model 4 (ITS cl): no profile is public" in words for words in found.warnings)


def test_the_manuals_parameters_and_defaults(site: Path, tmp_path: Path) -> None:
    found = configured(tmp_path, device())
    parameters = found.devices[0].parameters
    assert (parameters["baudrate"], parameters["serial_close_delay"], parameters["use_time"]) == (9600, 400, False)
    needed = ("timeout_ms", "id", "meter_model")
    for name in needed:
        row = device()
        del row[name]
        assert f"parameter {name}" in str(configured(tmp_path, row).errors[0])
    assert "parameter meter_model" in str(configured(tmp_path, device(meter_model=5)).errors[0])
    over_tcp = {**device(ip="10.0.0.1", port=4001)}
    del over_tcp["device"]
    assert configured(tmp_path, over_tcp).devices[0].line == "10.0.0.1:4001"


def test_an_edited_profile_is_another_device(site: Path, tmp_path: Path) -> None:
    before = configured(tmp_path, device()).devices[0]
    assert configured(tmp_path, device()).devices[0].profile == before.profile
    write(site / "gama300.json", {"profile": "site", "aliases": {"x": "1.8.0"}})
    assert configured(tmp_path, device()).devices[0].profile != before.profile


# ---- whatever stands in a file

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 99999) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_no_content_breaks_the_check(data: Any) -> None:
    content = copy.deepcopy(json.loads((SHIPPED / "gama300.json").read_text(encoding="utf-8")))
    for _ in range(data.draw(st.integers(1, 3))):
        place: Any = content
        for _ in range(3):
            if not isinstance(place, dict) or not place:
                break
            key = data.draw(st.sampled_from(sorted(place)))
            if data.draw(st.booleans()):
                place[key] = data.draw(ANYTHING)
                break
            place = place[key]
    found = profile_faults(content, False)
    whole = {} if found else profile_merge({}, content)
    if whole and not profile_faults(whole, True):
        Profile(whole).registers()
    for steps, message in found:
        assert steps == () or steps[0] in content
        assert message


@given(st.text(max_size=30))
def test_raw_forms_are_raw_forms_or_errors(text: str) -> None:
    try:
        raw = parse_raw(text)
    except ValueError:
        return
    assert parse_raw(str(raw)) == raw


@pytest.mark.parametrize(
    ("given", "expected"),
    [(0.1, "0.1"), (10, "10"), (1e-05, "0.00001"), ("0,001", "0.001"), (1000.0, "1000.0"), ("-1", "-1")],
)
def test_scales_are_exact(given: Any, expected: str) -> None:
    assert str(decimal(given)) == expected


@pytest.mark.parametrize("given", [True, None, "x", 0, "0.0", [], float("inf")])
def test_what_is_no_scale(given: Any) -> None:
    with pytest.raises(ValueError):
        decimal(given)
