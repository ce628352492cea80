"""The package iec62056-21 (PyPI) reads the simulated meter over TCP: a foreign reader's word that it is one."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest
from iec62056_21 import client as foreign
from iec62056_21.messages import AnswerDataMessage, CommandMessage, DataSet

from meterd.ports._loop import Loop
from meterd.simulate.iec62056_21 import meter
from meterd.simulate.meter_host import MeterHost


class Served:
    """One simulated meter on TCP, its loop in a thread of its own."""

    def __init__(self, **options: str) -> None:
        self.loop = Loop()
        self.host = MeterHost(self.loop)
        self.port = self.host.on_tcp(0, meter(reaction_ms="0", **options))
        self.thread = threading.Thread(target=self.loop.run)
        self.thread.start()

    def close(self) -> None:
        self.loop.call_soon_from_thread(self.loop.stop)
        self.thread.join()
        self.host.close()
        self.loop.close()


@pytest.fixture
def reader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[foreign.Iec6205621Client]:
    """The foreign client, connected to a meter with the options of the test's parameter."""
    monkeypatch.setattr(foreign.time, "sleep", lambda seconds: None)  # its rests are for optical heads
    served = Served(**request.param)
    client = foreign.Iec6205621Client.with_tcp_transport(
        ("127.0.0.1", served.port), device_address="12345678", password="abc"
    )
    client.transport.socket.settimeout(10)
    client.connect()
    yield client
    client.disconnect()
    served.close()


def send_password(reader: foreign.Iec6205621Client) -> None:
    """What its own send_password means to send; that one forgets an argument."""
    data_set = DataSet(address="", value=reader.password)
    reader.transport.send(CommandMessage(command="P", command_type=1, data_set=data_set).to_bytes())


def rows(answer: AnswerDataMessage) -> dict[str, tuple[str, str | None]]:
    return {row.address: (row.value, row.unit) for row in answer.data if row.address}


@pytest.mark.parametrize("reader", [{}, {"partial": "5"}, {"serial": "0012345678"}], indirect=True)
def test_it_reads_the_list(reader: foreign.Iec6205621Client) -> None:
    found = rows(reader.standard_readout())
    assert reader.manufacturer_id == "MTd"
    assert reader.switchover_baudrate == 9600
    assert reader.use_short_reaction_time
    assert found["1.8.0"] == ("0147238.47", "kWh")
    assert found["1.8.0*24"] == ("0147238.4", "kWh")
    assert found["C.1.6"] == ("FDF5", None)


@pytest.mark.parametrize("reader", [{}], indirect=True)
def test_the_energies_move_from_reading_to_reading(reader: foreign.Iec6205621Client) -> None:
    energies = [rows(reader.standard_readout())["1.8.0"][0] for _ in range(3)]
    assert energies == ["0147238.47", "0147238.54", "0147238.61"]


@pytest.mark.parametrize("reader", [{"password": "abc", "registers": "C.9=(text)"}], indirect=True)
def test_it_reads_registers_in_programming_mode(reader: foreign.Iec6205621Client) -> None:
    question = reader.access_programming_mode()
    assert isinstance(question, CommandMessage)
    assert (question.command, question.command_type) == ("P", 0)
    send_password(reader)
    assert reader.transport.recv(1) == b"\x06"
    energy = reader.read_single_value("1.8.0")
    assert (energy.address, energy.value, energy.unit) == ("1.8.0", "0147238.40", "kWh")
    assert reader.read_single_value("C.9").value == "text"
    assert reader.read_single_value("9.9.9").value == "ER03"
    reader.send_break()
    assert "1.8.0" in rows(reader.standard_readout())


@pytest.mark.parametrize("reader", [{"password": "other"}], indirect=True)
def test_a_wrong_password_opens_nothing(reader: foreign.Iec6205621Client) -> None:
    reader.access_programming_mode()
    send_password(reader)
    assert reader.read_response().data[0].value == "ER01"
    assert reader.read_single_value("1.8.0").value == "ER02"


@pytest.mark.parametrize("reader", [{"serial": "87654321"}], indirect=True)
def test_another_address_gets_no_answer(reader: foreign.Iec6205621Client) -> None:
    reader.transport.socket.settimeout(0.5)
    reader.send_init_request()
    with pytest.raises(foreign.transports.TransportError) as caught:
        reader.read_identification()
    assert isinstance(caught.value.__cause__, socket.timeout)
