"""What is done with readings before they leave: arithmetic, units, bits, and what is held back."""

import json

import pytest

from meterd._number import Number
from meterd.config.files import load
from meterd.model import Reading, Signal, failed
from meterd.recalculation import Recalculation
from meterd.sinks.format import json_line, msgpack_fields, wcc_line
from meterd.sinks.hub import Hub


class Kept:
    """A sink that keeps what it is given."""

    def __init__(self):
        self.readings = []

    def accept(self, reading):
        self.readings.append(reading)

    def flush(self):
        pass


def signal_with(**parameters):
    signal = Signal("house", "power", parameters)
    signal.recalculation = Recalculation(parameters)
    return signal


def passed(signal, *values, unit="Wh", step_ms=1000):
    """What leaves of these readings, one every `step_ms`."""
    sink = Kept()
    hub = Hub([sink], lambda: 1_700_000_000_000)
    for number, value in enumerate(values):
        reading = failed(signal, "timeout") if value is None else Reading(signal, value, unit)
        reading.time_ms = 1_700_000_000_000 + number * step_ms
        hub.publish(reading)
    return sink.readings


@pytest.mark.parametrize(
    ("value", "parameters", "printed"),
    [
        (1472384, {"multiply": "0.001"}, "1472.384"),
        (Number.parse("147238.40"), {"multiply": "0.001"}, "147.23840"),  # the meter's last zero is still there
        (Number.parse("21.5"), {"add": "-273.15"}, "-251.65"),
        (7, {"multiply": "2", "add": "0.5"}, "14.5"),  # first the factor
        (7, {"multiply": "-1"}, "-7"),
        (10**30 + 1, {"multiply": "1000"}, str((10**30 + 1) * 1000)),
        (0.1, {"multiply": "3"}, "0.3"),  # in binary it would be 0.30000000000000004
        (1.5e-7, {"multiply": "1000"}, "0.00015"),
        (0b1010, {"bit_select": 3}, "1"),
        (0b1010, {"bit_select": 2}, "0"),
        (Number.parse("10.0"), {"bit_select": 1}, "1"),
        (5, {"multiply": "2", "bit_select": 1}, "1"),
        (5, {"add": "0"}, "5"),
    ],
)
def test_arithmetic_is_exact(value, parameters, printed):
    (reading,) = passed(signal_with(**parameters), value)
    assert (reading.quality, reading.reason) == ("good", None)
    assert str(reading.value) == printed or float(reading.value) == float(printed) == reading.value
    assert reading.raw.value == value and reading.raw.unit == "Wh"


@pytest.mark.parametrize(
    ("parameters", "unit"),
    [
        ({"multiply": "0.001", "units": "kWh"}, "kWh"),
        ({"units": "kWh"}, "kWh"),
        ({"multiply": "0.001"}, None),  # it is no longer Wh, and of what it is nobody has told
        ({"bit_select": 0}, None),
        ({"add": "100"}, "Wh"),
    ],
)
def test_a_value_never_leaves_in_a_unit_that_is_not_its_own(parameters, unit):
    (reading,) = passed(signal_with(**parameters), 5000)
    assert reading.unit == unit


@pytest.mark.parametrize(
    ("value", "parameters", "said"),
    [
        ("A-42", {"multiply": "2"}, "the value is text"),
        (Number.parse("10.5"), {"bit_select": 1}, "bit_select needs a whole number, and the value is 10.5"),
        (Number(1, -60), {"multiply": "0.0000000001"}, "power of ten -70 is out of range"),
    ],
)
def test_what_cannot_be_calculated_is_no_number(value, parameters, said):
    (reading,) = passed(signal_with(**parameters), value)
    assert (reading.value, reading.quality, reading.reason) == (None, "invalid", "type")
    assert reading.words.startswith(said)
    assert reading.raw.value == value


def test_the_last_known_value_is_recalculated_too():
    good, stale = passed(signal_with(multiply="0.001", units="kWh"), 5000, None)
    assert (good.value, stale.value) == (Number(5000, -3), Number(5000, -3))
    assert (stale.quality, stale.reason, stale.unit) == ("stale", "timeout", "kWh")


def values(readings):
    return [reading.value if reading.quality == "good" else None for reading in readings]


def test_only_what_differs_enough_leaves():
    found = passed(signal_with(absolute_threshold="0.5"), 10, Number.parse("10.4"), Number.parse("10.5"), 10, 11, 11)
    assert [str(value) for value in values(found)] == ["10", "10.5", "10", "11"]


def test_small_differences_add_up_with_the_time_that_they_stand():
    # 0.2 over five seconds is 1.0; the sum begins anew with what left.
    found = passed(signal_with(integral_threshold="1"), *[10] * 3, *[Number.parse("10.2")] * 7)
    assert values(found) == [10, Number.parse("10.2")]
    assert [reading.time_ms % 100_000 for reading in found] == [0, 7000]


def test_a_failure_and_its_end_are_never_held_back():
    found = passed(signal_with(absolute_threshold="5"), 10, 10, None, None, 10, 10)
    assert [reading.quality for reading in found] == ["good", "stale", "stale", "good"]


def test_a_value_to_suppress_leaves_once_it_has_stood():
    signal = signal_with(suppression_values="0 3", suppression_time_ms=2000)
    assert values(passed(signal, 1, 0, 2, 0, 0, 0, 0, 1, 3)) == [1, 2, 0, 0, 1]


def test_a_clock_that_was_set_back_holds_nothing_back_for_ever():
    signal = signal_with(suppression_values="0", suppression_time_ms=2000)
    sink = Kept()
    hub = Hub([sink], lambda: 1)
    for time_ms in (10_000_000, 1000, 2000, 3000):
        reading = Reading(signal, 0)
        reading.time_ms = time_ms
        hub.publish(reading)
    assert [reading.time_ms for reading in sink.readings] == [3000]


def test_both_are_to_be_had_in_every_shape():
    (reading,) = passed(signal_with(multiply="0.001", units="kWh"), 5000)
    line = json.loads(json_line(reading))
    assert (line["value"], line["unit"], line["raw_value"], line["raw_unit"]) == (5.0, "kWh", 5000, "Wh")
    assert '"value":5.000,' in json_line(reading)
    packed = msgpack_fields(reading)
    assert (packed["value"], packed["raw_value"]) == (5.0, 5000)
    assert wcc_line(reading).split("\n") == [
        "tag/house/power/rin 5000,1700000000000,",
        "tag/house/power/out 5.000,1700000000000,",
    ]


def test_a_signal_without_any_of_it_is_as_it_was():
    (reading,) = passed(Signal("house", "power", {}), 5000)
    assert reading.raw is None
    assert "raw" not in json_line(reading) and "raw_value" not in msgpack_fields(reading)


def configured(tmp_path, **columns):
    path = tmp_path / "site.json"
    device = {"name": "h", "device_alias": "house", "protocol": "MBus TCP", "ip": "192.0.2.1", "port": 1,
              "timeout_ms": 1000, "address": "1"}  # fmt: skip
    signal = {"signal_name": "s", "device_alias": "house", "signal_alias": "power", "number_type": "DOUBLE",
              "job_todo": "0", "tag_job_todo": "0"}  # fmt: skip
    path.write_text(json.dumps({"devices": [device], "signals": [{**signal, **columns}]}))
    return load([str(path)])


@pytest.mark.parametrize("factor", [0.001, "0,001", "1e-3", "0.001"])
def test_a_factor_as_people_and_spreadsheets_write_it(tmp_path, factor):
    found = configured(tmp_path, multiply=factor, units="kWh")
    assert found.errors == []
    (signal,) = found.signals["house"]
    (reading,) = passed(signal, 5000)
    assert (str(reading.value), reading.unit) == ("5.000", "kWh")


def test_a_signal_that_asks_for_nothing_keeps_nothing_of_it(tmp_path):
    (signal,) = configured(tmp_path).signals["house"]
    assert signal.recalculation is None and "multiply" not in signal.parameters


@pytest.mark.parametrize(
    ("column", "found", "said"),
    [
        ("multiply", "a lot", "allowed: a decimal number, such as 0.001"),
        ("multiply", "1e99", "allowed: a decimal number, such as 0.001"),
        ("bit_select", 64, "allowed: a whole number, 0 to 63"),
        ("suppression_values", "1;2", "allowed: decimal numbers with blanks between, such as 0 2.5"),
        ("absolute_threshold", "-1", "allowed: a decimal number that is not negative, such as 0.5"),
    ],
)
def test_slips_are_told(tmp_path, column, found, said):
    (error,) = configured(tmp_path, **{column: found}).errors
    assert said in str(error) and column in str(error)


@pytest.mark.parametrize(
    ("columns", "doubt"),
    [
        ({"multiply": "2"}, "house: a signal has multiply and no units"),
        ({"multiply": "2", "units": "kWh"}, None),
        ({"suppression_values": "0"}, "house: suppression_values and suppression_time_ms work together only"),
        ({"suppression_time_ms": 5}, "house: suppression_values and suppression_time_ms work together only"),
    ],
)
def test_what_is_rarely_meant_is_told(tmp_path, columns, doubt):
    warnings = configured(tmp_path, **columns).warnings
    found = [each for each in warnings if "multiply" in each or "suppression" in each]
    assert [each.startswith(doubt) for each in found] == [True] if doubt else not found
