"""M-Bus application layer: user data to data records."""

from ._mbus_values import Meaning, Record

MAX_CHAIN: int
"""DIFE, and VIFE, that one record may have: 10."""

def decode_records(data: bytes, start: int, meanings: dict[bytes, Meaning], msb_first: bool = False) -> list[Record]:
    """The data records in `data` from byte `start`; filler bytes (2F) are no records.

    `meanings` maps a value information block to its meaning, b"" to that of data without one; it fills itself.
    `msb_first`: multi-byte values come most significant byte first (mode 2: CI 76).
    Where a record is cut short, a chain too long or an LVAR reserved, it and all behind it are one record 'damaged'.
    Raises: DecodeError where that is the first record.
    """

def fixed_record(data: bytes, start: int, meaning: Meaning, storage: int, bcd: bool, msb_first: bool) -> Record:
    """One counter of the fixed data structure: 4 bytes at `start`, BCD or binary.

    Raises: DecodeError where the bytes are not there.
    """
