"""Who a meter says it is, in the words of its plate.

The problem: the octets of a header as people read them: eight digits, three letters, a version, a medium.
Standard: EN 13757-3 clauses 5.4 to 5.7; EN 1434-3:1997 for the fixed data structure, which tells the digits and the
medium alone. Dirt it must survive: digits that are none, codes of no table.
"""

from __future__ import annotations

from . import vif_tables as tables

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..._mbus_telegram import Telegram


def letters_of(code: bytes) -> str:
    """The three letters of a manufacturer (clause 5.6); `code` is its two bytes, the lower one first."""
    number = int.from_bytes(code, "little")
    return "".join(chr(64 + (number >> shift & 0x1F)) for shift in (10, 5, 0))


class Identity:
    """What the header of `telegram` tells; all of it is empty where there is no long header."""

    __slots__ = ("_fixed", "_octets")

    def __init__(self, telegram: Telegram) -> None:
        self._octets = telegram.identity
        self._fixed = telegram.fixed

    def __str__(self) -> str:
        return self.secondary_address or self.identification

    @property
    def identification(self) -> str:
        """The eight digits on the meter's plate."""
        return self._octets[3::-1].hex().upper() if self._octets else ""

    @property
    def manufacturer(self) -> str:
        return letters_of(self._octets[4:6]) if self._octets and not self._fixed else ""

    @property
    def version(self) -> int | None:
        return self._octets[6] if self._octets and not self._fixed else None

    @property
    def medium(self) -> str:
        """The device type in words."""
        if not self._octets:
            return ""
        code = self._octets[7]
        return tables.FIXED_MEDIA[code & 0x0F] if self._fixed else tables.MEDIA.get(code, f"reserved {code:02X}")

    @property
    def secondary_address(self) -> str:
        """16 hexadecimal digits: identification as printed, then manufacturer, version, medium in wire order."""
        return self.identification + self._octets[4:8].hex().upper() if self._octets and not self._fixed else ""
