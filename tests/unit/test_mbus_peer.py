"""pyMeterBus as the master of our simulated bus, over TCP and over a pty: an independent judge of the other role."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

meterbus = pytest.importorskip("meterbus")
serial = pytest.importorskip("serial")

from meterd.simulate.mbus import LINE, bus  # noqa: E402
from meterd.simulate.mbus_meters import built_in  # noqa: E402
from tests.system.rig import Site  # noqa: E402


@pytest.fixture
def site() -> Iterator[Site]:
    running = Site()
    yield running
    running.close()


# However busy the machine is, an answer comes within the one; that none comes is believed after the other.
ANSWER_S, SILENCE_S = 30.0, 0.3


def fleet() -> Any:
    return bus(
        [
            built_in("heat", 1, "12345678"),
            built_in("water", 2, "12345679"),
            built_in("electricity", 3, "20000000"),
        ]
    )


@pytest.fixture(params=["tcp", "pty"])
def line(request: pytest.FixtureRequest, site: Site, tmp_path: Path) -> Iterator[Any]:
    if request.param == "tcp":
        port = serial.serial_for_url(f"socket://127.0.0.1:{site.tcp(fleet())}", timeout=ANSWER_S)
    else:
        # A pty takes no parity: 8N1 carries the same bytes.
        site.pty(tmp_path / "bus", fleet(), LINE)
        port = serial.Serial(str(tmp_path / "bus"), LINE.baudrate, timeout=ANSWER_S)
    yield port
    port.close()


def values(telegram: Any) -> list[Any]:
    return [record.parsed_value for record in telegram.records]


def ask(line: Any, address: int) -> Any:
    meterbus.send_request_frame(line, address)
    return meterbus.load(meterbus.recv_frame(line, 1))


def test_primary_address(line: Any) -> None:
    meterbus.send_ping_frame(line, 1)
    assert isinstance(meterbus.load(meterbus.recv_frame(line, 1)), meterbus.TelegramACK)
    heat = ask(line, 1)
    assert heat.body.bodyHeader.id_nr == [0x12, 0x34, 0x56, 0x78]
    assert heat.body.bodyHeader.manufacturer_field.decodeManufacturer == "LUG"
    got = values(heat)
    assert [float(value) for value in got[:4]] == pytest.approx([12341000, 465.87, 13300, 0.327])
    assert float(got[5]) == pytest.approx(32.2)
    assert got[7] == "2026-11-22T11:42" and got[9] == "2025-12-31"
    water = values(ask(line, 2))
    assert float(water[0]) == pytest.approx(216.005) and float(water[1]) == pytest.approx(-0.012)
    assert water[6] == "KA012357"


def test_nobody_answers_for_an_address_that_is_free(line: Any) -> None:
    meterbus.send_ping_frame(line, 77)
    line.timeout = SILENCE_S
    assert not meterbus.recv_frame(line, 1)


def test_secondary_address(line: Any) -> None:
    meterbus.send_select_frame(line, "12345679FFFFFFFF")
    assert isinstance(meterbus.load(meterbus.recv_frame(line, 1)), meterbus.TelegramACK)
    assert float(values(ask(line, 253))[0]) == pytest.approx(216.005)
    meterbus.send_select_frame(line, "99999999FFFFFFFF")
    line.timeout = SILENCE_S
    assert not meterbus.recv_frame(line, 1)


def test_a_chain_with_toggling_fcb(line: Any) -> None:
    frame = meterbus.TelegramShort()
    frame.header.cField.parts, frame.header.aField.parts = [0x40], [3]
    meterbus.serial_send(line, frame)
    assert meterbus.recv_frame(line, 1)
    more = []
    for control in (0x7B, 0x5B, 0x7B):
        frame.header.cField.parts = [control]
        meterbus.serial_send(line, frame)
        telegram = meterbus.load(meterbus.recv_frame(line, 1))
        more.append(telegram.records[-1].more_records_follow)
    assert more == [True, True, False]
    assert float(telegram.records[0].parsed_value) == 8114711
