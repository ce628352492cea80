"""M-Bus application layer: a frame to a telegram."""

from collections.abc import Callable, Iterable

from ._mbus import MbusFrame
from ._mbus_values import Meaning, Record

class Telegram:
    """One decoded answer.

    `identity` is the 8 bytes identification, manufacturer, version, medium as the long header orders them, or None;
    `access_number` and `status` None where there is no header; `fixed` tells the fixed data structure. As long as
    somebody holds `records`, or one of them, neither is changed; otherwise the next telegram may be told in them.
    """

    def __init__(
        self,
        records: Iterable[Record],
        identity: bytes | None = None,
        access_number: int | None = None,
        status: int | None = None,
        configuration: int = 0,
        fixed: bool = False,
    ) -> None: ...
    @property
    def records(self) -> tuple[Record, ...]: ...
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

def know(
    meanings: dict[bytes, Meaning],
    clear_text: Callable[[bytes, int, int, bytes | None, bytes | None], bytes],
    other_layout: Callable[[MbusFrame, bytes | None, bytes | None], Telegram],
) -> None:
    """Tell `decode_telegram` what it needs of the protocol; what it kept of earlier telegrams is forgotten.

    `clear_text` decrypts: asked where there is key or configuration. `other_layout` decodes frames without the long
    header (CI 72, 76).
    """

def decode_telegram(frame: MbusFrame, key: bytes | None = None, identity: bytes | None = None) -> Telegram:
    """The telegram in an answer. `key` 16 bytes or None; `identity` as known from elsewhere, for short headers.

    Raises: Refused (CI 70: the meter reports an error), DecodeError, SecurityError.
    """
