"""HDLC control fields, and the parameters of SNRM and UA (IEC 62056-46, 6.4.3 and 6.4.4.4.3.2), for both roles."""

from __future__ import annotations

from ....errors import DecodeError

FINAL = 0x10
SNRM = 0x83
DISC = 0x43
UA = 0x63
DM = 0x0F
FRMR = 0x87
UI = 0x03

DEFAULT_INFO = 128
DEFAULT_WINDOW = 1
MAX_WINDOW = 7

# Format identifier and group identifier of the negotiation, and its four parameters as their sender sees them.
_HEADER = b"\x81\x80"
_INFO_TRANSMIT, _INFO_RECEIVE, _WINDOW_TRANSMIT, _WINDOW_RECEIVE = 5, 6, 7, 8


def information(send_seq: int, recv_seq: int) -> int:
    """Control of an I frame, P/F clear."""
    return recv_seq << 5 | send_seq << 1


def receive_ready(recv_seq: int) -> int:
    """Control of RR, P/F clear."""
    return recv_seq << 5 | 0x01


def receive_not_ready(recv_seq: int) -> int:
    """Control of RNR, P/F clear."""
    return recv_seq << 5 | 0x05


def is_information(control: int) -> bool:
    return not control & 1


def is_supervisory(control: int) -> bool:
    return control & 3 == 1


def is_receive_not_ready(control: int) -> bool:
    return control & 0x0F == 0x05


def encode_parameters(max_info: int, window: int) -> bytes:
    """The same limits (octets, frames) for both directions."""
    info = max_info.to_bytes(1 if max_info < 256 else 2, "big")
    items = b"".join(
        bytes((item, len(value))) + value
        for item, value in (
            (_INFO_TRANSMIT, info),
            (_INFO_RECEIVE, info),
            (_WINDOW_TRANSMIT, window.to_bytes(4, "big")),
            (_WINDOW_RECEIVE, window.to_bytes(4, "big")),
        )
    )
    return _HEADER + bytes((len(items),)) + items


def parse_parameters(field: bytes) -> tuple[int, int, int, int]:
    """What the sender of `field` takes and gives: (info it takes, info it sends, window it sends, window it takes).

    Octets, octets, frames, frames; a parameter that is missing or zero has its default. Raises: DecodeError.
    """
    found = {_INFO_TRANSMIT: DEFAULT_INFO, _INFO_RECEIVE: DEFAULT_INFO, _WINDOW_TRANSMIT: DEFAULT_WINDOW,
             _WINDOW_RECEIVE: DEFAULT_WINDOW}  # fmt: skip
    if field:
        if field[:2] != _HEADER or len(field) < 3 or len(field) < 3 + field[2]:
            raise DecodeError(f"the negotiation parameters {field.hex(' ')} are not whole")
        position, end = 3, 3 + field[2]
        while position + 2 <= end:
            item, length = field[position], field[position + 1]
            value = int.from_bytes(field[position + 2 : min(position + 2 + length, end)], "big")
            if item in found and value:
                found[item] = value
            position += 2 + length
    windows = [min(found[item], MAX_WINDOW) for item in (_WINDOW_TRANSMIT, _WINDOW_RECEIVE)]
    return (found[_INFO_RECEIVE], found[_INFO_TRANSMIT], windows[0], windows[1])


_REJECTIONS = (
    (0x01, "unknown control field"),
    (0x02, "information where none is allowed"),
    (0x04, "information field too long"),
    (0x08, "wrong N(R)"),
)


def describe_frame_reject(field: bytes) -> str:
    """The reasons in an FRMR's information field: rejected control, counters, and the bits W, X, Y, Z."""
    if len(field) < 3:
        return "no reason given"
    reasons = [words for bit, words in _REJECTIONS if field[2] & bit]
    return f"control {field[0]:02X}, {', '.join(reasons) or 'no reason given'}"
