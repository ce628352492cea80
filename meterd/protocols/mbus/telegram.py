"""What a meter's answer says: who it is, how it feels, its alarms, and its data records.

The problem: six layouts of user data told apart by the CI field, two byte orders, and records that may be encrypted.
Assumption: the frame is whole and undamaged (`meterd._mbus`).
Standard: EN 13757-3 clause 5 (CI 70, 72, 76, 78, 7A; alarms 71, 74, 75), EN 1434-3:1997 (fixed data structure, CI 73
and 77).
Dirt it must survive: headers cut short, CI fields of a manufacturer (answers of a wrong meter or mode), records that
lie about their length.
"""

from __future__ import annotations

from ..._mbus_records import decode_records, fixed_record
from ..._mbus_telegram import Telegram, decode_telegram, know
from ..._mbus_values import UNSIGNED, Meaning
from ...errors import DecodeError, MeterdError, Refused
from .encryption import clear_text
from .vif import MEANINGS, fixed_meaning

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..._mbus import MbusFrame

LONG_HEADER = 12
SHORT_HEADER = 4
FIXED_SIZE = 16
FILLER = b"\x2f"
MAX_ALARM = 4  # bytes of alarm states: the standard has one, newer meters more
ALARM = Meaning("alarm", kind=UNSIGNED)
HISTORIC = 0x3E  # fixed structure: the second counter is of the first one's kind, stored at a fixed date

APPLICATION_ERRORS = (
    "Unspecified error",
    "Unimplemented CI-Field",
    "Buffer too long, truncated",
    "Too many records",
    "Premature end of record",
    "More than 10 DIFE's",
    "More than 10 VIFE's",
    "Reserved",
    "Application busy",
    "Too many readouts",
)


def other_layout(frame: MbusFrame, key: bytes | None, identity: bytes | None) -> Telegram:
    """The telegram in a frame that has no long header."""
    ci, data = frame.ci, frame.data
    if ci == 0x7A:
        return _short_header(data, key, identity)
    if ci == 0x78:
        return Telegram(decode_records(clear_text(data, 0, 0, None, key), 0, MEANINGS))
    if ci in (0x71, 0x74, 0x75):
        return _alarm(data, ci, key, identity)
    if ci in (0x73, 0x77):
        return _fixed(data, key, ci == 0x77)
    if ci == 0x70:
        raise _application_error(data)
    if ci < 0:
        raise DecodeError("the answer carries no user data")
    direction = "a command to a meter" if frame.from_master else "not a known kind of answer"
    raise DecodeError(f"CI {ci:02X} is {direction}")


def header_of(frame: MbusFrame) -> Telegram | None:
    """Who answered, without its records: known of encrypted telegrams and of damaged records too. None where unsaid."""
    data = frame.data
    if frame.ci == 0x72 and len(data) >= LONG_HEADER:
        return Telegram([], data[:8], data[8], data[9], data[10] | data[11] << 8)
    try:
        telegram = decode(frame)
    except MeterdError:
        return None
    return telegram if telegram.identity else None


def _short_header(data: bytes, key: bytes | None, identity: bytes | None) -> Telegram:
    if len(data) < SHORT_HEADER:
        raise DecodeError(f"the header has {len(data)} of its {SHORT_HEADER} bytes")
    configuration = data[2] | data[3] << 8
    records = decode_records(clear_text(data[SHORT_HEADER:], configuration, data[0], identity, key), 0, MEANINGS)
    return Telegram(records, None, data[0], data[1], configuration)


def _alarm(data: bytes, ci: int, key: bytes | None = None, identity: bytes | None = None) -> Telegram:
    """The alarm states as one number: bit by bit the manufacturer's own, 0 where all is well."""
    size = {0x71: 0, 0x74: SHORT_HEADER, 0x75: LONG_HEADER}[ci]
    header, states = data[:size], data[size:]
    own = header[:8] if ci == 0x75 else None
    if len(header) == size:
        access_number, configuration = (header[-4], header[-2] | header[-1] << 8) if size else (0, 0)
        states = clear_text(states, configuration, access_number, own or identity, key).rstrip(FILLER)
    if not 1 <= len(states) <= MAX_ALARM:
        raise DecodeError(f"{len(data)} bytes hold no alarm states of 1 to {MAX_ALARM} bytes behind {size} of a header")
    record = fixed_record(states.ljust(MAX_ALARM, b"\x00"), 0, ALARM, 0, False, False)
    return Telegram([record], own)


def _fixed(data: bytes, key: bytes | None, msb_first: bool) -> Telegram:
    """Identification, access number, status, medium and units, two counters of 4 bytes."""
    if len(data) != FIXED_SIZE:
        raise DecodeError(f"the fixed data structure has {FIXED_SIZE} bytes, not {len(data)}")
    clear_text(data, 0, 0, None, key)
    identification = data[3::-1] if msb_first else data[:4]
    status = data[5]
    units = [data[6] & 0x3F, data[7] & 0x3F]
    medium = data[6] >> 6 | (data[7] >> 6) << 2
    stored = status >> 1 & 1
    storages = [stored, stored]
    if units[1] == HISTORIC:
        units[1], storages[1] = units[0], 1
    records = [
        fixed_record(data, 8 + 4 * index, fixed_meaning(units[index]), storages[index], not status & 1, msb_first)
        for index in (0, 1)
    ]
    return Telegram(records, identification + bytes([0, 0, 0, medium]), data[4], status, fixed=True)


def _application_error(data: bytes) -> Refused:
    code = data[0] if data else 0
    words = APPLICATION_ERRORS[code] if code < len(APPLICATION_ERRORS) else f"Application error {code}"
    return Refused(words, code)


know(MEANINGS, clear_text, other_layout)
decode = decode_telegram

# What E5 says where alarms were asked for.
NO_ALARM = _alarm(b"\x00", 0x71)
