"""The invocation counter is on record before it is used, or it is not used: a number used twice gives the key away."""

import pytest

from meterd.errors import Refused, SecurityError
from meterd.model import Memory
from meterd.protocols.dlms.memory import recall
from meterd.simulate import dlms as simulated
from tests.unit.dlms_pair import Random, device, scan, signal

KEYS = {"encryption_key": "000102030405060708090A0B0C0D0E0F", "authentication_key": "D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF"}
OURS = {"client_address": 48, "physical_address": 1, "type": "LN", "security": "both", "auth": "HighGmac",
        "system_title": "4D54440000000001", **KEYS}  # fmt: skip
METER = {"auth": "HighGmac", "security": "both", **KEYS}
ENERGY = "1.0.1.8.0.255"


def remembering(save):
    return Memory({}, save, Random())


def test_every_counter_used_was_on_record_first():
    records = []
    memory = remembering(lambda content: records.append(content["counter"]) or True)
    for _ in range(3):
        outcome = scan(device(**OURS), [signal(ENERGY)], METER, memory)
        assert outcome.error is None
    assert records == sorted(records)
    assert recall(memory).counter <= records[-1]


def test_a_restart_begins_behind_all_that_may_have_been_used():
    kept = {}
    memory = remembering(lambda content: kept.update(content) or True)
    assert scan(device(**OURS), [signal(ENERGY)], METER, memory).error is None
    used = recall(memory).counter
    restarted = Memory(dict(kept), lambda content: True, Random())
    assert scan(device(**OURS), [signal(ENERGY)], METER, restarted).error is None
    assert kept["counter"] >= used
    assert recall(restarted).counter > kept["counter"]


def test_a_counter_that_cannot_be_kept_is_not_used():
    outcome = scan(device(**OURS), [signal(ENERGY)], METER, remembering(lambda content: False))
    assert isinstance(outcome.error, SecurityError)
    assert "--state" in str(outcome.error)
    assert outcome.readings == []


@pytest.mark.parametrize("keeps", [True, False])
def test_one_that_the_meter_tells_needs_no_record(keeps):
    ours = device(**OURS, invocation_counter_obis="0.0.43.1.0.255")
    outcome = scan(ours, [signal(ENERGY)], METER, remembering(lambda content: keeps))
    assert outcome.error is None
    assert len(outcome.readings) == 1


def with_counter(first):
    memory = remembering(lambda content: True)
    memory.persistent["counter"] = first
    return memory


@pytest.mark.parametrize("learns", [True, False])
def test_another_client_that_counted_on_costs_one_scan_where_the_meter_tells(learns):
    meter = simulated.meter(**METER)
    ours = device(**OURS, **({"invocation_counter_obis": "0.0.43.1.0.255"} if learns else {}))
    kept = remembering(lambda content: True)
    assert scan(ours, [signal(ENERGY)], meter, kept).error is None
    before = recall(kept).counter
    assert scan(device(**OURS), [signal(ENERGY)], meter, with_counter(5000)).error is None
    refused = scan(ours, [signal(ENERGY)], meter, kept)
    assert isinstance(refused.error, Refused) and refused.error.reason == "key"
    outcome = scan(ours, [signal(ENERGY)], meter, kept)
    assert (outcome.error is None) == learns
    assert recall(kept).counter > (5000 if learns else before)
