"""A foreign client, gurux_dlms in a process of its own, reads the simulated GAMA 300 as it reads real ones.

It addresses the meter by the rule that the public readers built on it use; block transfer under short names it cannot.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from meterd.simulate import elgama as simulated
from tests.conformance.test_dlms_foreign import GuruxReader
from tests.socket_meter import SocketMeter

SERIAL = 2141421
SERVER = 1 << 14 | SERIAL % 10000 + 1000  # both halves of 14 bits, as gurux_dlms writes them
REGISTERS = [["1.0.1.8.0.255", 0x0100], ["1.0.3.8.0.255", 0x0300], ["1.0.32.7.0.255", 0x4F00]]


@pytest.fixture
def gurux() -> Iterator[GuruxReader]:
    reader = GuruxReader()
    yield reader
    reader.process.communicate()


@pytest.mark.parametrize("password", ["", "OPERATOR"])
def test_gurux_reads_the_simulated_gama(gurux: GuruxReader, password: str) -> None:
    options = {"pdu": "65535", "password": password} if password else {"pdu": "65535"}
    with SocketMeter(simulated.meter(**options)) as meter:
        order = {
            "port": meter.port, "mode": "hdlc", "names": "SN", "server": SERVER, "registers": REGISTERS,
            "client": 32 if password else 16, "auth": "LOW" if password else "NONE", "password": password,
        }  # fmt: skip
        assert gurux.ask("read", **order) == [[14723840.5, 0.1, 30], [991234.5, 0.1, 32], [230.11, 0.01, 35]]
        listed = gurux.ask("objects", **order)
    assert ["1.0.1.8.0.255", 3] in listed
    assert ["1.0.0.0.0.255", 1] in listed
