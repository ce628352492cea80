"""Any octets as the answer to a GET with list: taken at once by what the long way reads in it, or left to that.

The first octet says how many attributes were asked for (the low four bits) and over which link (the highest bit).
"""

from __future__ import annotations

from meterd._hdlc import HdlcDecoder, encode_frame
from meterd._wrapper import WrapperDecoder, encode_wrapper
from meterd.errors import DecodeError, Refused
from meterd.protocols.dlms._shortcut import HdlcShortcut, WrapperShortcut
from meterd.protocols.dlms.apdus import get, get_server
from meterd.protocols.dlms.apdus.encode import encode

INVOKE = 0xC1
SERVER, CLIENT = b"\x03", b"\x21"
ANSWERS = 0x30  # the control octet of the first answer
LONGEST = 2000  # octets that one frame carries
_VALUES = [encode(6, 123456), encode(20, -5), encode(23, 2.5), encode(9, bytes(12)), encode(10, "AB-17"),
           encode(2, [(17, 3), (1, [(16, -2), (16, 7)])]), encode(0), encode(4, "0101"), encode(13, 42)]  # fmt: skip
_MIXED = get_server.response_with_list(INVOKE, [*((0, value) for value in _VALUES), (4, b"")])

SEEDS = [
    bytes((len(_VALUES) + 1,)) + _MIXED,
    bytes((0x80 | len(_VALUES) + 1,)) + _MIXED,
    b"\x02" + get_server.response_with_list(INVOKE, [(0, _VALUES[0])] * 2),
    b"\x82" + get_server.response_with_list(0xC2, [(0, _VALUES[0])] * 2),
    b"\x02" + get_server.response_block(INVOKE, True, 1, get_server.result_list([(0, _VALUES[0])] * 2)),
    b"\x01" + get_server.response_normal(INVOKE, _VALUES[0]),
]


def one(data: bytes) -> None:
    if not data:
        return
    count, apdu = data[0] & 0x0F, data[1 : 1 + LONGEST]
    if data[0] & 0x80:
        decoder = WrapperDecoder()
        shortcut, frame = WrapperShortcut(1, 16, decoder), decoder.feed(encode_wrapper(1, 16, apdu))
    else:
        hdlc = encode_frame(CLIENT, SERVER, ANSWERS, b"\xe6\xe7\x00" + apdu)
        shortcut, frame = HdlcShortcut(SERVER, CLIENT), HdlcDecoder().feed(hdlc)
    taken = shortcut.hear_list(INVOKE, count, frame)
    asked = shortcut.pairs or (len(apdu) > 2 and not (apdu[2] ^ INVOKE) & 0x0F)
    try:
        read = get.decode_response(apdu)
    except (DecodeError, Refused):
        assert taken is None, "taken at once, and refused by the long way"
        return
    results = read.results if isinstance(read, get.GetResults) and asked and apdu[3] == count else None
    if taken is not None:  # there an integer is all of its result
        taken = [one if isinstance(one, tuple) else (0, one) for one in taken]
    assert repr(taken) == repr(results), "another thing is taken at once than by the long way"
