"""Any octets as an ACSE APDU: a record that comes back as it was, or DecodeError."""

from __future__ import annotations

from meterd.errors import DecodeError, Refused
from meterd.protocols.dlms.apdus import acse

SEEDS = [
    acse.Aarq(1, user_information=bytes.fromhex("01000000065F1F0400401E5DFFFF")).encode(),
    acse.Aarq(2, 1, b"OPERATOR", b"\x01").encode(),
    acse.Aarq(2, 1, b"", b"\x01", b"EGM41421", 0x0A).encode(),
    acse.Aarq(
        3, 5, b"challenge", b"\x21\x01\x30", b"METERD01", qualifier=b"certificate", called_title=b"METERD02"
    ).encode(),
    acse.Aare(1, 0, 1, 0, user_information=bytes.fromhex("0800065F1F040000181D04000007")).encode(),
    acse.Aare(3, 0, 1, 14, 5, b"challenge", b"\x28\x01\x30", b"METERD02", b"certificate").encode(),
    acse.Aare(1, 1, 2, 2).encode(),
    acse.Rlrq(0, b"\x01").encode(),
    acse.Rlre(None).encode(),
]


def one(data: bytes) -> None:
    try:
        record = acse.decode(data)
        if isinstance(record, acse.Aare):
            acse.check_accepted(record)
    except (DecodeError, Refused):
        return
    if isinstance(record, acse.Aare) and max(record.diagnostic, record.result) > 255:
        return  # an integer wider than it need be is read, never written
    if isinstance(record, (acse.Rlrq, acse.Rlre)) and (record.reason or 0) > 255:
        return
    assert acse.decode(record.encode()) == record, "a record does not come back"
