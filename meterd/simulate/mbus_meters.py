"""One simulated M-Bus meter: its telegrams, and what it does with a frame.

It behaves as EN 13757-2 wants: it repeats its last telegram when the FCB did not change, goes on to the next when it
did, begins anew after SND_NKE, and listens at 253 only while it is selected.
"""

from __future__ import annotations

from ..protocols.mbus import link as wire
from ..protocols.mbus.encryption import BLOCK, PROOF, start_vector

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._mbus import MbusFrame

ACKNOWLEDGE = b"\xe5"
LONG_ANSWER = 0x72
SEND_DATA = 0x51
NEW_PRIMARY = b"\x01\x7a"  # record that sets the primary address
FILLER = 0x2F
MODE_5 = 0x05

# Records of the built-in meters: kind → (medium, manufacturer, telegrams, each a list of records).
KINDS: dict[str, tuple[int, str, tuple[tuple[str, ...], ...]]] = {
    "heat": (
        0x04,
        "LUG",
        (
            (
                "0C 06 41 23 01 00",  # energy 12341 kWh
                "0C 14 87 65 04 00",  # volume 465.87 m³
                "0B 2D 33 01 00",  # power 13.3 kW
                "0B 3B 27 03 00",  # volume flow 0.327 m³/h
                "0A 5A 41 06",  # flow temperature 64.1 °C
                "0A 5E 22 03",  # return temperature 32.2 °C
                "0B 61 90 31 00",  # temperature difference 31.90 K
                "04 6D 2A 0B 56 3B",  # 2026-11-22T11:42
                "4C 06 00 20 01 00",  # energy at the due date 12000 kWh
                "42 6C 3F 3C",  # due date 2025-12-31
                "1B 2D 12 08 00",  # highest power 81.2 kW
                "0F 01 02 03",
            ),
        ),
    ),
    "water": (
        0x07,
        "KAM",
        (
            (
                "04 13 C5 4B 03 00",  # volume 216.005 m³
                "02 3B F4 FF",  # volume flow -0.012 m³/h
                "44 13 40 0D 03 00",  # volume at the due date 200.000 m³
                "42 6C 3F 3C",
                "04 6D 2A 0B 56 3B",
                "02 FD 17 00 00",  # error flags
                "0D 78 08 37 35 33 32 31 30 41 4B",  # fabrication number KA012357
            ),
        ),
    ),
    "electricity": (
        0x02,
        "ABB",
        (
            (
                "8E 10 04 05 49 17 26 03 00",  # energy of tariff 1, 10 Wh
                "8E 20 04 11 02 08 07 01 00",  # energy of tariff 2
                "04 2A 64 00 00 00",  # power 10.0 W
                "1F",
            ),
            (
                "02 FD 48 F9 08",  # voltage 229.7 V
                "04 FD 59 10 27 00 00",  # current 10.000 A
                "01 FD 17 00",
                "1F",
            ),
            ("0C 78 11 47 11 08", "01 FD 0E 03"),
        ),
    ),
}


def long_header(identity: bytes, access_number: int, status: int = 0, configuration: int = 0) -> bytes:
    """The 12 bytes before the records of a CI 72 telegram."""
    return identity + bytes([access_number & 0xFF, status]) + configuration.to_bytes(2, "little")


def identity_of(identification: str, manufacturer: str, version: int, medium: int) -> bytes:
    """The 8 bytes of a long header; `manufacturer` three letters."""
    code = 0
    for letter in manufacturer.upper():
        code = code << 5 | (ord(letter) - 64) & 0x1F
    return bytes.fromhex(identification)[::-1] + code.to_bytes(2, "little") + bytes([version, medium])


class Meter:
    """`telegrams`: records of each telegram of a readout; or, with `ci` 0, whole user data, CI first.

    `key` encrypts the records (mode 5). `alarms`: user data for REQ_UD1, CI first; none is answered by E5.
    """

    __slots__ = (
        "_last", "access_number", "alarms", "baudrate", "ci", "identity", "key", "next", "primary", "received",
        "selected", "telegrams",
    )  # fmt: skip

    def __init__(
        self,
        primary: int,
        identity: bytes,
        telegrams: tuple[bytes, ...],
        ci: int = LONG_ANSWER,
        key: bytes | None = None,
        alarms: bytes = b"",
    ) -> None:
        self.primary = primary
        self.identity = identity
        self.telegrams = telegrams
        self.ci = ci
        self.key = key
        self.alarms = alarms
        self.access_number = 0
        self.baudrate = 0
        self.received: list[tuple[int, bytes]] = []
        self.selected = False
        self.next = 0
        self._last: tuple[int, bytes] | None = None  # FCB and answer

    def hears(self, frame: MbusFrame) -> bool:
        if frame.address in (self.primary, wire.ANY_WITH_ANSWER, wire.BROADCAST):
            return True
        return frame.address == wire.NETWORK and (self.selected or frame.ci == wire.SELECT)

    def answer(self, frame: MbusFrame) -> bytes:
        """What the meter sends; nothing where it does not."""
        if not frame.from_master or not self.hears(frame):
            return b""
        kind = frame.control & ~wire.FCB
        if kind == wire.SND_NKE:
            self._last, self.next = None, 0
            if frame.address == wire.NETWORK:
                self.selected = False
            reply = ACKNOWLEDGE
        elif kind in (wire.REQ_UD2, wire.REQ_UD1):
            reply = self._data(frame, kind)
        elif kind == wire.SND_UD:
            reply = self._take(frame)
        else:
            reply = b""
        return b"" if frame.address == wire.BROADCAST else reply

    def _data(self, frame: MbusFrame, kind: int) -> bytes:
        count = frame.control & wire.FCB
        if self._last is not None and self._last[0] == count:
            return self._last[1]
        if kind == wire.REQ_UD1:
            reply = self._framed(self.alarms) if self.alarms else ACKNOWLEDGE
        else:
            reply = self._framed(self._user_data(self.telegrams[self.next]))
            self.next = (self.next + 1) % len(self.telegrams)
        self._last = (count, reply)
        return reply

    def _user_data(self, records: bytes) -> bytes:
        self.access_number = (self.access_number + 1) & 0xFF
        if not self.ci:
            return records
        configuration = 0
        if self.key:
            plain = PROOF + records
            plain += bytes([FILLER]) * (-len(plain) % BLOCK)
            configuration = MODE_5 << 8 | (len(plain) // BLOCK) << 4
            records = _encrypt(self.key, start_vector(self.identity, self.access_number), plain)
        return bytes([self.ci]) + long_header(self.identity, self.access_number, 0, configuration) + records

    def _framed(self, user_data: bytes) -> bytes:
        return wire.long_frame(wire.RSP_UD, self.primary, user_data[0], user_data[1:])

    def _take(self, frame: MbusFrame) -> bytes:
        if frame.ci == wire.SELECT:
            self.selected = len(frame.data) >= 8 and wire.matches(_mask(frame.data), self.identity)
            self._last, self.next = None, 0
            return ACKNOWLEDGE if self.selected else b""
        self._last = None
        if frame.ci == wire.APPLICATION_RESET:
            self.next = 0
        elif frame.ci in wire.SET_BAUDRATE.values():
            self.baudrate = next(baud for baud, ci in wire.SET_BAUDRATE.items() if ci == frame.ci)
        elif frame.ci == SEND_DATA and frame.data[:2] == NEW_PRIMARY and len(frame.data) == 3:
            self.primary = frame.data[2]
        self.received.append((frame.ci, frame.data))
        return ACKNOWLEDGE


def _mask(data: bytes) -> str:
    """The secondary address, with its wildcards, that a selection carries."""
    return data[3::-1].hex().upper() + data[4:8].hex().upper()


def _encrypt(key: bytes, vector: bytes, data: bytes) -> bytes:
    from Cryptodome.Cipher import AES

    return bytes(AES.new(key, AES.MODE_CBC, vector).encrypt(data))


def built_in(kind: str, primary: int, identification: str, key: bytes | None = None) -> Meter:
    """A meter of one of KINDS."""
    medium, manufacturer, telegrams = KINDS[kind]
    identity = identity_of(identification, manufacturer, 1, medium)
    return Meter(primary, identity, tuple(bytes.fromhex("".join(records)) for records in telegrams), key=key)
