"""Raw forms: a value named by where it is in the meter, for what no profile knows.

| form | what is read |
|---|---|
| `sn:0x0108` | the attribute at a DLMS short name |
| `ln:1.0.1.8.0.255:2` | an attribute of a DLMS object, attribute 2 where none is given |
| `r5:1.8.0`, `r1:`, `r2:`, `r6:` | a register of IEC 62056-21 programming mode, by that command |
| `readout:1.8.0` | a data set of the IEC 62056-21 read-out |
"""

from __future__ import annotations

from ...obis import format_logical_name, parse_logical_name

DLMS_KINDS = ("sn", "ln")
COMMANDS = ("r1", "r2", "r5", "r6")
READOUT = "readout"
IEC_KINDS = (*COMMANDS, READOUT)
KINDS = (*DLMS_KINDS, *IEC_KINDS)
VALUE_ATTRIBUTE = 2
MAX_SHORT_NAME = 0xFFFF
# Stands in a message for the name of what is asked for by its short name.
NO_NAME = bytes(6)
MAX_ATTRIBUTE = 255
MAX_ADDRESS = 64
EXPLANATION = "sn:0x0108, ln:1.0.1.8.0.255:2, r5:1.8.0 (or r1, r2, r6) or readout:1.8.0"


class Raw:
    """`kind` of KINDS; `address` an int (sn), six octets (ln) or text; `attribute` of an object (ln)."""

    __slots__ = ("address", "attribute", "kind")

    def __init__(self, kind: str, address: int | bytes | str, attribute: int = VALUE_ATTRIBUTE) -> None:
        self.kind = kind
        self.address = address
        self.attribute = attribute

    def __str__(self) -> str:
        if isinstance(self.address, int):
            return f"{self.kind}:0x{self.address:04X}"
        if isinstance(self.address, bytes):
            return f"{self.kind}:{format_logical_name(self.address)}:{self.attribute}"
        return f"{self.kind}:{self.address}"

    __repr__ = __str__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Raw) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))


def is_raw(text: str) -> bool:
    """Whether a text begins as a raw form does."""
    return text.partition(":")[0].strip().lower() in KINDS and ":" in text


def parse_raw(text: str) -> Raw:
    """Raises: ValueError, saying what is allowed."""
    kind, colon, rest = text.strip().partition(":")
    kind, rest = kind.strip().lower(), rest.strip()
    if not colon or kind not in KINDS or not rest:
        raise ValueError(f'found "{text}", allowed: {EXPLANATION}')
    if kind == "sn":
        return Raw(kind, _short_name(rest))
    if kind == "ln":
        return _object(rest)
    if not rest.isascii() or not rest.isprintable() or len(rest) > MAX_ADDRESS:
        raise ValueError(f'found "{text}", allowed: an address of at most {MAX_ADDRESS} printable characters')
    return Raw(kind, rest)


def _short_name(text: str) -> int:
    try:
        value = int(text, 16) if text[:2].lower() == "0x" else int(text)
    except ValueError:
        value = -1
    if not 0 <= value <= MAX_SHORT_NAME:
        raise ValueError(f'found "{text}", allowed: a short name, 0x0000 to 0x{MAX_SHORT_NAME:04X}')
    return value


def _object(text: str) -> Raw:
    name, colon, index = text.rpartition(":")
    # The colon of 1-0:1.8.0 belongs to the code, that before a bare number to the attribute.
    if not colon or not (index.isascii() and index.isdigit()):
        return Raw("ln", parse_logical_name(text))
    if not 1 <= int(index) <= MAX_ATTRIBUTE:
        raise ValueError(f'found "{text}", allowed: an attribute index of 1 to {MAX_ATTRIBUTE}')
    return Raw("ln", parse_logical_name(name), int(index))
