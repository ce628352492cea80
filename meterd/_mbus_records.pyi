"""M-Bus application layer: a telegram to data records."""

from collections.abc import Callable

from ._mbus import MbusFrame
from ._mbus_values import Meaning, Record

class Telegram:
    """One decoded answer.

    `identity` is the 8 bytes identification, manufacturer, version, medium as the long header orders them, or None;
    `access_number` and `status` None where there is no header; `fixed` tells the fixed data structure.
    """

    def __init__(
        self,
        records: list[Record],
        identity: bytes | None = None,
        access_number: int | None = None,
        status: int | None = None,
        configuration: int = 0,
        fixed: bool = False,
    ) -> None: ...
    @property
    def records(self) -> list[Record]: ...
    @property
    def identity(self) -> bytes | None: ...
    @property
    def access_number(self) -> int | None: ...
    @property
    def status(self) -> int | None: ...
    @property
    def configuration(self) -> int: ...
    @property
    def fixed(self) -> bool: ...
    @property
    def more_follow(self) -> bool:
        """DIF 1F: the meter has a further telegram."""

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

def know(
    meanings: dict[bytes, Meaning],
    clear_text: Callable[[bytes, int, int, bytes | None, bytes | None], bytes],
    other_layout: Callable[[MbusFrame, bytes | None, bytes | None], Telegram],
) -> None:
    """Tell `decode_telegram` what it needs of the protocol.

    `clear_text` decrypts: asked where there is key or configuration. `other_layout` decodes frames without the long
    header (CI 72, 76).
    """

def decode_telegram(frame: MbusFrame, key: bytes | None = None, identity: bytes | None = None) -> Telegram:
    """The telegram in an answer. `key` 16 bytes or None; `identity` as known from elsewhere, for short headers.

    Raises: Refused (CI 70: the meter reports an error), DecodeError, SecurityError.
    """
