"""A profile as the driver uses it, and how a site's file is laid over a shipped one.

What may stand in a profile is in `schema`; here it is valid and merged.
"""

from __future__ import annotations

from ..._number import Number
from ...errors import DecodeError, WrongMeter
from ...obis import parse_logical_name
from ...profile_shape import is_comment, merged, without_null
from .raw import DLMS_KINDS, Raw, parse_raw

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ...nearest_address import Addresses

    Content = dict[str, Any]

DLMS = "dlms-hdlc"
IEC = "iec62056-21"
# Interfaces that Elgama's papers name and nobody has described in public.
WITHOUT_CODEC = ("iec62056-31", "none")
VALUE, ROWS, LOG = "value", "profile", "log"
REGISTER_CLASS = 3
CLOCK, SERIAL = "clock", "serial"
# What says how a register's digits become a quantity; a file that changes one of them, or what is read, means it anew.
_SCALING = ("scaler", "scale")


def merge(below: Content, over: Content) -> Content:
    """`over` laid over `below`, key by key; null takes a key away, except where it says that there is none."""
    found = merged(below, over)
    for name, entry in (over.get("registers") or {}).items():
        known = (below.get("registers") or {}).get(name)
        if isinstance(entry, dict) and isinstance(known, dict):
            _scale_anew(found["registers"][name], known, entry)
    return without_null(found, "registers", "aliases")


def _scale_anew(found: Content, known: Content, entry: Content) -> None:
    """The register's scaler or scale below no longer holds once the file above gives another, or reads elsewhere."""
    elsewhere = "read" in entry and entry["read"] != known.get("read")
    if elsewhere or any(key in entry for key in _SCALING):
        for key in _SCALING:
            if key not in entry:
                found.pop(key, None)


def decimal(value: Any) -> int | Number:
    """A scale as an exact number: 0.1 of JSON, or a text. Raises: ValueError."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError("a decimal number such as 0.01")
    if isinstance(value, float):
        # The digits that were typed, since a float's shortest text is what reads back as the same float.
        text = repr(value)
        value = f"{value:.16f}".rstrip("0") if "e" in text else text
    number = value if isinstance(value, int) else Number.parse(value)
    if not number.reduced()[0] if isinstance(number, Number) else not number:
        raise ValueError("a decimal number other than 0")
    return number


def multiplied(value: Any, factor: int | Number | None) -> Any:
    """A value times a fixed factor, exactly; what is no number stays as it is. Raises: DecodeError."""
    if factor is None or isinstance(value, bool) or not isinstance(value, (int, float, Number)):
        return value
    if isinstance(value, float):
        return value * float(factor)
    mantissa, exponent = (value.mantissa, value.exponent) if isinstance(value, Number) else (value, 0)
    if isinstance(factor, Number):
        mantissa, exponent = mantissa * factor.mantissa, exponent + factor.exponent
    else:
        mantissa *= factor
    try:
        return Number.scaled(mantissa, exponent)
    except ValueError as error:
        raise DecodeError(str(error)) from None


class Register:
    """One thing to read.

    `read` where; `scaler` where its scaler_unit stands, None where there is none, and `infers_scaler` where that is for
    the meter to say; `scale` a fixed factor instead; `unit` where the meter tells none; `field` which part of several,
    from 1; `class_id` of a DLMS object, 0 where it is not known; `kind` VALUE, ROWS (load profile) or LOG; `type`
    '' or 'cosem-datetime'.
    """

    __slots__ = (
        "class_id", "field", "infers_scaler", "kind", "logical_name", "name", "read", "scale", "scaler", "type", "unit",
    )  # fmt: skip

    def __init__(self, name: str, read: Raw) -> None:
        self.name = name
        self.read = read
        self.scaler: Raw | None = None
        self.infers_scaler = True
        self.scale: int | Number | None = None
        self.unit: str | None = None
        self.field: int | None = None
        self.class_id = 0
        self.kind = VALUE
        self.type = ""
        self.logical_name = read.address if isinstance(read.address, bytes) else b""

    @classmethod
    def of(cls, name: str, entry: Content) -> Register:
        """A register of a valid profile."""
        self = cls(name, parse_raw(entry["read"]))
        self.class_id = entry.get("class", REGISTER_CLASS if self.read.kind in DLMS_KINDS else 0)
        self.kind = entry.get("kind", VALUE)
        self.type = entry.get("type", "")
        self.unit = entry.get("unit")
        self.field = entry.get("field")
        self.logical_name = self.logical_name or full_name(entry.get("obis") or name) or b""
        if entry.get("scale") is not None:
            self.scale = decimal(entry["scale"])
        if "scaler" in entry or self.scale is not None or self.type or self.kind != VALUE:
            self.infers_scaler = False
            self.scaler = parse_raw(entry["scaler"]) if entry.get("scaler") else None
        return self

    def __repr__(self) -> str:
        return f"Register({self.name}, {self.read})"


def full_name(text: str) -> bytes | None:
    """Six octets of an OBIS code, A and B being 1 and 0 where only C.D.E is given; None where it is none."""
    before, colon, behind = text.partition(":")
    if colon and ("-" not in before or ":" in behind):
        return None  # an attribute stands behind that colon
    groups = text.split(".")
    candidate = f"1.0.{text}" if len(groups) in (3, 4) and ":" not in text and "-" not in text else text
    try:
        return parse_logical_name(candidate.replace("*", "."))
    except ValueError:
        return None


class Profile:
    """`content` valid and merged; `entries` its registers as they stand there; `file` the one to edit; `unlisted` how
    OBIS codes beyond the registers are read.

    A register is made when it is asked for: a device reads few of those that its profile has.
    """

    __slots__ = (
        "_addresses", "_codes", "_made", "aliases", "clock", "content", "entries", "file", "identity", "name",
        "protocol", "unlisted",
    )  # fmt: skip

    def __init__(self, content: Content) -> None:
        self.content = content
        self.name: str = content["profile"]
        self.file: str = content.get("file", "")
        self.protocol: str = content["transport"]["protocol"]
        self.identity: Content | None = content.get("identity")
        self.clock: Content | None = content.get("clock")
        self.unlisted: str | None = content.get("unlisted")
        self.aliases: dict[str, str] = {
            name: target for name, target in content.get("aliases", {}).items() if not is_comment(name)
        }
        self.entries: dict[str, Content] = {
            name: entry for name, entry in content.get("registers", {}).items() if not is_comment(name)
        }
        self._made: dict[str, Register] = {}
        self._codes: dict[bytes, str] = {}
        self._addresses: Addresses | None = None

    def register(self, name: str) -> Register | None:
        """The register of that very name."""
        found = self._made.get(name)
        if found is None and name in self.entries:
            found = self._made[name] = Register.of(name, self.entries[name])
        return found

    def registers(self) -> list[Register]:
        """All of them."""
        return [register for name in self.entries if (register := self.register(name)) is not None]

    def by_code(self, code: bytes) -> Register | None:
        """The register whose name is that OBIS code, however it is written."""
        if not self._codes:
            for name in self.entries:
                own = full_name(name)
                if own is not None:
                    self._codes.setdefault(own, name)
        return self.register(self._codes[code]) if code in self._codes else None

    def nearest(self, name: str) -> str | None:
        """The register or alias that was most likely meant by a name that is none."""
        if self._addresses is None:
            from ...nearest_address import Addresses

            self._addresses = Addresses([*self.entries, *self.aliases])
        return self._addresses.nearest(name)

    def part(self, name: str) -> Content:
        """An object of the profile, empty where it is absent or null."""
        return self.content.get(name) or {}


def check_serial(told: Any, serial: int, identity: dict[str, Any]) -> None:
    """Hold what the meter tells against the configured number. An empty number, or by integers one with other
    characters in it, is none to compare. Raises: WrongMeter.
    """
    text = "" if told is None else str(told).strip(" \0")
    if not text.strip("0"):
        return
    if identity.get("compare", "integer") == "integer":
        same = not (text.isascii() and text.isdigit()) or int(text) == serial
    else:
        same = text == str(serial)
    if not same:
        raise WrongMeter(f'the meter that answers has serial number "{text[:32]}", not {serial}')
