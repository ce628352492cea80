"""Names in plain words: codes of every form, units that contradict, M-Bus records, makers, Home Assistant's classes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meterd.names import home_assistant, makers, obis, quantities, records
from meterd.names.home_assistant import describe
from meterd.protocols.mbus.vif import quantities as quantities_of_mbus


@pytest.mark.parametrize(
    ("code", "unit", "words", "kind", "direction", "course"),
    [
        ("1.8.0", "kWh", "Active energy import, total", "energy", "import", "total"),
        ("1-0:2.8.3*255", "Wh", "Active energy export, tariff 3", "energy", "export", "total"),
        ("1.0.1.9.0.255", "Wh", "Active energy import in this billing period, total", "energy", "import", "other"),
        ("1.8.2*04", "kWh", "Active energy import, tariff 2, billing period 4", "energy", "import", "other"),
        ("5.8.0", "kvarh", "Reactive energy quadrant 1, total", "reactive energy", "import", "total"),
        ("9.8.0", "VAh", "Apparent energy import, total", "apparent energy", "import", "total"),
        ("16.7.0", "W", "Active power net", "power", "net", "momentary"),
        ("41.7.0", "W", "Active power import, phase L2", "power", "import", "momentary"),
        ("62.8.0", "Wh", "Active energy export, phase L3, total", "energy", "export", "total"),
        ("1.6.1", "kW", "Maximum active power import, tariff 1", "power", "import", "other"),
        ("1.0.72.7.0.255", "V", "Voltage, phase L3", "voltage", "", "momentary"),
        ("31.7", "A", "Current, phase L1", "current", "", "momentary"),
        ("1.0.32.7.5.255", "V", "Voltage, phase L1, harmonic 5", "voltage", "", "momentary"),
        ("1-0:52.36.0", None, "Number of times of high voltage, phase L2", "count", "", "other"),
        ("14.7.0", "Hz", "Frequency", "frequency", "", "momentary"),
        ("6-0:1.0.0", "kWh", "Heat energy", "energy", "", "total"),
        ("6.0.10.0.0.255", "°C", "Heat flow temperature", "temperature", "", "momentary"),
        ("7-0:3.2.0", "m³", "Gas volume, at base conditions", "volume", "", "total"),
        ("8-0:1.0.0", "m³", "Cold water volume", "volume", "", "total"),
        ("C.1.0", None, "Device number", "text", "", "other"),
        ("0.0.96.1.2.255", None, "Device number 2", "text", "", "other"),
        ("F.F", None, "Errors", "state", "", "other"),
        ("0-0:96.14.0", None, "Tariff in force", "state", "", "other"),
        ("0.9.2", None, "Date of the meter", "time", "", "other"),
        ("0-0:1.0.0*255", None, "Clock", "time", "", "other"),
    ],
)
def test_obis(code: str, unit: str | None, words: str, kind: str, direction: str, course: str) -> None:
    name = obis.name_of(code, unit)
    assert name is not None
    assert (name.words, name.kind, name.direction, name.course) == (words, kind, direction, course)


@pytest.mark.parametrize(
    ("code", "unit"),
    [
        ("6.8", "GJ"),  # a heat meter's own short code, reactive energy elsewhere
        ("1.8.0", "m³"),
        ("32.7.0", "kWh"),
        ("199.8.0", None),
        ("1.200.0", None),
        ("128.7.0", "W"),
        ("1.8.0.0.0.0.0", None),
        ("1.256.0", None),
        ("energy", None),
        ("", None),
        ("1.8.٣", None),
    ],
)
def test_what_is_not_known_or_contradicted_has_no_name(code: str, unit: str | None) -> None:
    assert obis.name_of(code, unit) is None


@given(st.text(max_size=40), st.sampled_from([None, "kWh", "V", "m³", "x"]))
def test_any_text_is_survived(code: str, unit: str | None) -> None:
    name = obis.name_of(code, unit)
    assert name is None or (name.words and name.words[0] == name.words[0].upper() and "{" not in name.words)


def test_every_code_of_the_grid_has_words_of_its_own() -> None:
    words: dict[str, str] = {}
    for c in range(1, 93):
        for d in (*obis.INTEGRALS, *obis.MEASURED, *obis.LIMITS):
            for e in (0, 1):
                code = f"1.0.{c}.{d}.{e}.255"
                name = obis.name_of(code)
                if name is not None and d not in obis.LIMITS:
                    assert words.setdefault(name.words, code) == code
    assert len(words) > 1000


@pytest.mark.parametrize(
    ("place", "words", "kind", "direction", "course"),
    [
        (("energy", "Wh"), "Energy", "energy", "", "total"),
        (("energy", "J", "instantaneous", 0, 2), "Energy, tariff 2", "energy", "", "total"),
        (("energy", "Wh", "instantaneous", 1, 0, 0, (), "heat"), "Heat energy, stored value 1", "energy", "", "other"),
        (("power", "W", "maximum", 3), "Power, maximum, stored value 3", "power", "", "other"),
        (
            ("energy", "Wh", "instantaneous", 0, 0, 1, ("backward",)),
            "Energy, backward, unit 1",
            "energy",
            "export",
            "total",
        ),
        (("voltage", "V", "instantaneous", 0, 0, 0, ("phase L2",)), "Voltage, phase L2", "voltage", "", "momentary"),
        (("power", None, "maximum", 0, 0, 0, ("end of last",)), "Power, end of last, maximum", "state", "", "other"),
        (("volume", "m³", "instantaneous", 0, 0, 0, (), "cold water"), "Cold water volume", "volume", "", "total"),
        (("volume", "m³", "instantaneous", 0, 0, 0, (), "heat"), "Volume", "volume", "", "total"),
        (("RF level", "dBm"), "RF level", "signal strength", "", "momentary"),
        (("unknown VIF 6F",), "Unknown VIF 6F", "state", "", "other"),
        (("energy", "K"), "Energy", "state", "", "other"),
    ],
)
def test_records(place: tuple[object, ...], words: str, kind: str, direction: str, course: str) -> None:
    name = records.name_of(*place)  # type: ignore[arg-type]
    assert (name.words, name.kind, name.direction, name.course) == (words, kind, direction, course)


def test_records_are_named_as_the_tables_name_them() -> None:
    assert set(records.KINDS) - {"temperature"} <= set(quantities_of_mbus())


@pytest.mark.parametrize(
    ("plate", "expected"),
    [
        (makers.from_identification("/ISk5MT174-0001\r\n"), ("ISK", "Iskraemeco", "MT174-0001", "", "")),
        (makers.from_identification("/LGZ5\\2ZMD3104100.B32"), ("LGZ", "Landis+Gyr", "ZMD3104100.B32", "", "")),
        (makers.from_identification("/QQQ4x"), ("QQQ", "QQQ", "x", "", "")),
        (makers.from_identification("/1234x"), ("", "", "", "", "")),
        (makers.from_identification("no identification"), ("", "", "", "", "")),
        (makers.from_system_title(b"KAM\x00\x00\x01\x02\x03"), ("KAM", "Kamstrup", "", "", "66051")),
        (makers.from_system_title(b"K4M\x00\x00\x01\x02\x03"), ("", "", "", "", "")),
        (makers.from_system_title(b"KAM"), ("", "", "", "", "")),
        (makers.from_logical_device_name("LGZ1030770815"), ("LGZ", "Landis+Gyr", "", "", "1030770815")),
        (makers.from_logical_device_name("\0\0"), ("", "", "", "", "")),
        (
            makers.from_mbus("HYD", 34, "heat", "60012345"),
            ("HYD", "Diehl Metering (Hydrometer)", "heat meter", "34", "60012345"),
        ),
        (makers.from_mbus("@@@", None, "other", "1"), ("", "", "", "", "1")),
    ],
)
def test_plates(plate: makers.Plate, expected: tuple[str, ...]) -> None:
    assert (plate.letters, plate.maker, plate.model, plate.version, plate.serial) == expected
    assert plate.words() == " ".join(word for word in (plate.maker, plate.model, plate.serial) if word)


@given(st.binary(max_size=12), st.text(max_size=40))
def test_plates_of_any_bytes(title: bytes, text: str) -> None:
    for plate in (
        makers.from_system_title(title),
        makers.from_identification(text),
        makers.from_logical_device_name(text),
    ):
        assert len(plate.words()) < 100 and (plate.maker or not plate.letters)


@pytest.mark.parametrize(
    ("name", "unit", "medium", "expected"),
    [
        (obis.name_of("1.8.0"), "kWh", "", ("energy", "total_increasing", "kWh")),
        (obis.name_of("16.8.0"), "Wh", "", ("energy", "total", "Wh")),
        (obis.name_of("3.8.0"), "kvarh", "", ("reactive_energy", "total_increasing", "kvarh")),
        (obis.name_of("3.8.0"), "Mvarh", "", (None, "total_increasing", "Mvarh")),  # Home Assistant has no Mvarh
        (obis.name_of("9.8.0"), "VAh", "", (None, "total_increasing", "VAh")),
        (obis.name_of("1.7.0"), "kW", "", ("power", "measurement", "kW")),
        (obis.name_of("1.6.0"), "kW", "", ("power", None, "kW")),
        (obis.name_of("13.7.0"), None, "", ("power_factor", "measurement", None)),
        (obis.name_of("0.9.1"), None, "", (None, None, None)),
        (obis.name_of("8-0:1.0.0"), "m3", "", ("water", "total_increasing", "m³")),
        (obis.name_of("7-0:3.0.0"), "m³", "", ("gas", "total_increasing", "m³")),
        (records.name_of("volume", "m³", medium="heat"), "m³", "heat", ("volume", "total_increasing", "m³")),
        (records.name_of("volume", "m³", medium="water"), "m³", "water", ("water", "total_increasing", "m³")),
        (records.name_of("volume", "m³", storage=1), "m³", "water", ("water", None, "m³")),
        (records.name_of("energy", "J", medium="heat"), "J", "heat", ("energy", "total_increasing", "J")),
        (records.name_of("volume flow", "m³/h"), "m³/h", "heat", ("volume_flow_rate", "measurement", "m³/h")),
        (records.name_of("temperature difference", "K"), "K", "heat", ("temperature_delta", "measurement", "K")),
        (records.name_of("flow temperature", "°F"), "°F", "heat", ("temperature", "measurement", "°F")),
        (records.name_of("operating time", "s"), "s", "", ("duration", None, "s")),
        (records.name_of("error flags"), None, "", (None, None, None)),
        (records.name_of("power", "J/h"), "J/h", "heat", (None, "measurement", "J/h")),
    ],
)
def test_home_assistant(
    name: quantities.Name, unit: str | None, medium: str, expected: tuple[str | None, str | None, str | None]
) -> None:
    told = describe(name, unit, medium)
    assert (told.device_class, told.state_class, told.unit) == expected


def test_counters_are_never_measurements() -> None:
    """What Home Assistant refuses: its classes of counters take `total` and `total_increasing` alone."""
    for kind in quantities.COUNTERS:
        for course in (quantities.TOTAL, quantities.MOMENTARY, quantities.OTHER):
            for direction in (quantities.IMPORT, quantities.NET, quantities.NO_DIRECTION):
                told = describe(quantities.Name("x", kind, direction, course), "kWh")
                assert told.state_class in ("total", "total_increasing", None)
    assert set(home_assistant.CLASSES) <= set(quantities.UNITS) | {"power factor", "duration"}
