"""A site of forty meters with twenty-three planted faults, and what a field engineer must be told of each.

The words were written down before the code was run. But for the serial ones and five sound ones all meters are made by
hand from the standards: agreeing with ourselves would prove little.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import Any

from .dlms_meter import OBJECTS, TIME, Chunks, Meter, obis
from .mbus_bus import Bus, Slave
from .secret_meter import Sealed
from .serve import Served

LIST = b"1.8.0(004711.25*kWh)\r\n2.8.0(000012.50*kWh)\r\n0.0.0(K7-2209)\r\n!\r\n"


def listed(text: bytes = LIST, wrong: int = 0) -> bytes:
    check = wrong
    for byte in text + b"\x03":
        check ^= byte
    return b"\x02" + text + b"\x03" + bytes([check])


class Lister:
    """An IEC 62056-21 meter in mode C without a change of speed; `block` is its list, `number` the address it hears."""

    def __init__(self, block: bytes = b"", number: bytes = b"") -> None:
        self.block = block or listed()
        self.number = number

    def hear(self, octets: bytes) -> Chunks:
        if octets.endswith(b"/?" + self.number + b"!\r\n"):
            return [(0.05, b"/STR0Lister\r\n")]
        return [(0.05, self.block)] if octets[:1] in (b"\x06", b"\x15") else []


class Noise:
    """A line without bias: whatever is asked, bytes of no sense come."""

    def hear(self, octets: bytes) -> Chunks:
        return [(0.0, bytes((at * 37 + 11) % 251 for at in range(60)))]


class Half(Meter):
    """The second half of each frame is lost."""

    def hear(self, octets: bytes) -> Chunks:
        return [(delay, frame[: len(frame) // 2]) for delay, frame in super().hear(octets)]


class OtherKeys(Sealed):
    """Its keys are not those that are configured: it cannot decipher, and says so (confirmedServiceError)."""

    def apdu(self, apdu: bytes) -> bytes:
        try:
            return super().apdu(apdu)
        except ValueError:
            return bytes.fromhex("0E010006")


class Silent:
    """It takes the connection, and says nothing."""

    def hear(self, octets: bytes) -> Chunks:
        return []


class Unasked:
    """A meter that sends its list again and again, whoever asks for what."""

    def hear(self, octets: bytes) -> Chunks:
        return [(0.0, b"/STR5Pusher\r\n\r\n" + LIST)] * 3


class Closing(Served):
    """A converter that takes each connection and ends it at once."""

    def __init__(self) -> None:
        super().__init__(lambda: None, idle=5.0)

    def _talk(self, connection: socket.socket) -> None:
        connection.recv(4096)
        time.sleep(0.05)


def without(*keys: tuple[int, str, int]) -> dict[Any, Any]:
    gone = {(class_id, obis(name), attribute) for class_id, name, attribute in keys}
    return {key: value for key, value in OBJECTS.items() if key not in gone}


IEC = {"protocol": "IEC 62056-21", "serialnumber": "0", "t2": 200, "retry_counter": 1, "poll_delay_ms": 0}
DLMS = {"protocol": "DLMS", "client_address": 16, "physical_address": 1, "mode": "DLMS-HDLC", "type": "LN"}
WRAPPED = {**DLMS, "mode": "DLMS-WRAPPER"}
MBUS = {"protocol": "mbus tcp", "address": "5", "retry_counter": 1}
KEYS = {"security": "both", "system_title": "4D54520000000001", "encryption_key": "0F" * 16,
        "authentication_key": "1F" * 16}  # fmt: skip


class Planted:
    """`make` serves the meter behind the fault (None: nothing is there), `row` is its device, `job` what is asked for;
    `reason` and `words` are what must be said.
    """

    def __init__(
        self, fault: str, make: Callable[[], Any] | None, row: dict[str, Any], job: str, reason: str, *words: str
    ) -> None:
        self.fault = fault
        self.make = make
        self.row = row
        self.job = job
        self.reason = reason
        self.words = words


def served(make: Callable[[], Any]) -> Callable[[], Any]:
    return lambda: Served(make)


ENERGY = "1.0.1.8.0.255"
CLOCK = (8, obis("0.0.1.0.0.255"), 2)
DOUBTED = b"\x09\x0c" + TIME[:-1] + b"\x01"  # clock status: invalid value
FAULTS = [
    Planted("wrong speed", None, {**IEC, "device": "PACED1", "baudrate": 9600, "databits": 7, "parity": "EVEN"},
            "1.8.0", "no_bytes", "no answer within"),
    Planted("wrong parity", None, {**IEC, "device": "PACED2", "baudrate": 300, "databits": 7, "parity": "ODD"},
            "1.8.0", "no_bytes", "no answer within"),
    Planted("wrong address", served(lambda: Lister(number=b"4711")), {**IEC, "serialnumber": "4712"}, "1.8.0",
            "no_bytes", "no answer within"),
    Planted("dead meter", served(lambda: Bus()), MBUS, "0", "no_bytes", "no answer within"),
    Planted("wrong password", served(lambda: Meter(password=b"Qx-Richtig")),
            {**DLMS, "auth": "Low", "password": "Qx-Falsch1"}, ENERGY, "auth", "authentication failure"),
    Planted("wrong key", served(lambda: OtherKeys(wrapped=True)), {**WRAPPED, **KEYS}, ENERGY, "key", "decipher"),
    Planted("another meter at the address", served(lambda: Bus(Slave(serial="20000001"))),
            {**MBUS, "expect_serial": "20000002"}, "0", "wrong_meter", "20000001", "answered, not 20000002"),
    Planted("noise", served(Noise), MBUS, "0", "bad_frame", "none of them made a frame"),
    Planted("half frames", served(Half), DLMS, ENERGY, "timeout", "of a frame came"),
    Planted("client not known to the meter", served(lambda: Meter(diagnostic=(1, 1, 3))), DLMS, ENERGY, "refused",
            "calling AP-title not recognised"),
    Planted("object not there", served(Meter), DLMS, "1.0.99.99.0.255", "not_found",
            "the meter does not know this object"),
    Planted("scaler unreadable", served(lambda: Meter(objects=without((3, ENERGY, 3)))), DLMS, ENERGY, "not_found",
            "scaler_unit"),
    Planted("clock wrong, as the meter says itself", served(lambda: Meter(objects={**OBJECTS, CLOCK: DOUBTED})), DLMS,
            "0.0.1.0.0.255", "clock", "the meter's time for it is not known"),
    Planted("address not in the list", served(Lister), IEC, "1.8.9", "not_found",
            "1.8.9 is not in the read-out; nearest: 1.8.0"),
    Planted("TCP refused", None, {**DLMS, "ip": "127.0.0.1", "port": "FREE"}, ENERGY, "disconnected",
            "Connection refused"),
    Planted("TCP accepts and is silent", served(Silent), DLMS, ENERGY, "no_bytes", "no answer within"),
    Planted("host unknown", None, {**DLMS, "ip": "meter.invalid", "port": 4059}, ENERGY, "disconnected",
            "meter.invalid:4059", "the name cannot be resolved"),
    Planted("port missing", None, {**IEC, "device": "ABSENT", "baudrate": 300, "databits": 7, "parity": "EVEN"},
            "1.8.0", "disconnected", "No such file or directory"),
    Planted("port busy", None, {**IEC, "device": "BUSY", "baudrate": 300, "databits": 7, "parity": "EVEN"}, "1.8.0",
            "disconnected", "the port is in use: process", "has it open"),
    Planted("converter that closes", Closing, DLMS, ENERGY, "disconnected", "closed"),
    Planted("meter that sends unasked", served(Unasked), IEC, "1.8.0", "good", 'put "type": "D"'),
    Planted("list cut short", served(lambda: Lister(listed()[:30])), IEC, "1.8.0", "timeout", "of a frame came"),
    Planted("block check wrong", served(lambda: Lister(listed(wrong=1))), IEC, "1.8.0", "bad_frame",
            "the block check was wrong"),
]  # fmt: skip
SOUND: list[tuple[Callable[[], Any], dict[str, Any], str]] = [
    *[(served(Meter), DLMS, ENERGY)] * 6,
    *[(served(lambda: Bus(Slave())), MBUS, "0")] * 6,
]
SIMULATED = 5
