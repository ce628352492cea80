"""What a site of many meters keeps of its configuration: what sets each apart, and nothing twice."""

import json
import sys

import pytest

from meterd.config.files import load
from meterd.config.validation import MAX_ROWS, Table
from meterd.parameters import BOOLEAN, INTEGER, Parameter


def site(tmp_path, meters: int, period_ms: int = 5000):
    devices = [
        {"name": f"House {number}", "device_alias": f"h{number}", "protocol": "dlms", "mode": "DLMS-WRAPPER",
         "type": "LN", "client_address": 32, "ip": f"10.0.0.{number}", "port": 4059, "scan_rate_ms": period_ms,
         "description": "", "enable": "1", "timeout_ms": "2500"}
        for number in range(meters)
    ]  # fmt: skip
    signals = [
        {"signal_name": f"Tariff {tariff}", "device_alias": f"h{number}", "signal_alias": f"T{tariff}",
         "obis_job": f"1.0.2.8.{tariff}.255", "log": 0, "enable": True}
        for number in range(meters)
        for tariff in range(3)
    ]  # fmt: skip
    path = tmp_path / "site.json"
    path.write_text(json.dumps({"devices": devices, "signals": signals}))
    return load([str(path)])


def test_signals_that_are_alike_share_their_parameters_and_their_devices_alias(tmp_path):
    configuration = site(tmp_path, 5)
    assert not configuration.errors
    first, last = configuration.signals["h0"], configuration.signals["h4"]
    for one, other in zip(first, last, strict=True):
        assert one.parameters is other.parameters
        assert one.alias is other.alias
    assert {id(signal.device_alias) for signal in last} == {id(configuration.devices[4].alias)}
    assert [signal["obis_job"] for signal in last] == ["1.0.2.8.0.255", "1.0.2.8.1.255", "1.0.2.8.2.255"]
    assert last[0]["class_id"] is None and last[0]["enable"] is True


def test_what_is_the_default_is_the_same_given_or_left_out():
    table = Table((Parameter("a", INTEGER, "a", default=7), Parameter("b", BOOLEAN, "b", default=True)))

    def kept(**row):
        return table.kept(row, False, "", pytest.fail)

    assert kept(a="7", b=1) == kept() == kept(b="yes")
    assert kept(a="7", b=1).shape.names == ()
    assert kept(a=8) == kept(b=True, a="8") and kept(a=8) != kept() and kept(a=8) != kept(b=False)
    assert dict(kept(a=8).items()) == {"a": 8, "b": True} and kept(a=8)["a"] == 8
    assert "a" in kept() and "c" not in kept() and kept().get("c", 5) == 5
    with pytest.raises(KeyError):
        kept()["c"]


def test_the_order_of_columns_is_no_difference():
    rows = Table(tuple(Parameter(name, INTEGER, name) for name in "abc"))
    one, other = (rows.kept(row, False, "", pytest.fail) for row in ({"a": 1, "b": 2}, {"b": 2, "a": 1}))
    assert one == other and list(one) == list(other) == ["a", "b", "c"]


def test_more_different_rows_than_are_remembered():
    table = Table((Parameter("a", INTEGER, "a"),))
    rows = [table.kept({"a": number}, False, "", pytest.fail) for number in range(MAX_ROWS + 50)]
    assert [row["a"] for row in rows] == list(range(MAX_ROWS + 50))


def test_a_text_that_is_wrong_on_a_serial_line_is_wrong_there_after_it_was_let_pass_over_tcp():
    row = {"baudrate": "fast"}
    table = Table((Parameter("baudrate", INTEGER, "speed", default=9600, low=300),))
    told = []
    assert table.kept(row, True, "", pytest.fail)["baudrate"] == 9600
    assert table.kept(row, False, "", lambda *words: told.append(words))["baudrate"] is None
    assert [name for name, _ in told] == ["baudrate"]


def test_after_a_reload_what_did_not_change_is_there_once(tmp_path, rig, said):
    before, after = site(tmp_path, 3), site(tmp_path, 3)
    rig.daemon.configure(before)
    kept = before.devices[1], before.signals["h1"]
    rig.daemon.configure(after)
    assert (after.devices[1], after.signals["h1"]) == kept and after.devices[1] is kept[0]
    assert rig.daemon.jobs["h1"].plan.device is after.devices[1]
    changed = site(tmp_path, 3, period_ms=6000)
    rig.daemon.configure(changed)
    assert changed.devices[1] is not kept[0] and rig.daemon.jobs["h1"].plan.device is changed.devices[1]


def test_a_device_keeps_little_more_than_it_was_told(tmp_path):
    device = site(tmp_path, 2).devices[1]
    values = device.parameters._values
    assert len(values) < 12 < len(device.parameters)
    assert sys.getsizeof(values) + sys.getsizeof(device.parameters) < 256
