"""What may stand in a profile of meters that push, and whether it reads its own telegrams as it says."""

from __future__ import annotations

from ...errors import DecodeError
from ...profile_shape import STATUSES, Many, Map, Or, hold, is_comment, named, one_of, shown, text, whole
from ..dlms.enumerations import UNITS
from ..dlms.targets import parse_job
from .lists import Pushed
from .profile import Profile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ...profile_shape import Content, Fault

MOST_VALUES = 500
LONGEST_APDU = 65_535
KNOWN_UNITS = frozenset(UNITS.values())


def _code(value: Any) -> None:
    try:
        parse_job(value if isinstance(value, str) else "")
    except ValueError:
        raise ValueError("an OBIS code such as 1.0.1.8.0.255 or 1-0:1.8.0*255, or null for one left out") from None


def _unit(value: Any) -> None:
    if not isinstance(value, str) or value not in KNOWN_UNITS:
        raise ValueError("a unit such as Wh, varh, W, var, VA, V, A, Hz, m3")


def _octets(value: Any) -> bytes:
    try:
        octets = bytes.fromhex(value if isinstance(value, str) else "?")
    except ValueError:
        octets = b""
    if not 0 < len(octets) <= LONGEST_APDU:
        raise ValueError("the octets of a DataNotification in hex, deciphered, without frame and LLC: 0F 00 …")
    return octets


SCHEMA: Content = {
    "profile": text,
    "extends": text,
    "status": one_of(*STATUSES),
    "about": text,
    "source": text,
    "codes": Map(Or({"scaler": whole(-64, 64), "unit": _unit, "about": text})),
    "lists": Map(Or({"values": Many(Or(_code), MOST_VALUES), "about": text})),
    "telegrams": Map(Or({"apdu": _octets, "readings": Map(text), "about": text})),
}


def faults(content: Content) -> list[Fault]:
    """What is wrong with the content of one file, which need not be a whole profile."""
    found: list[Fault] = []
    hold(content, SCHEMA, (), found)
    for part, allowed in (("codes", _code), ("telegrams", None)):
        for name, entry in named(content, part):
            steps = (part, name)
            try:
                if allowed is not None:
                    allowed(name)
            except ValueError as error:
                found.append((steps, f"found {shown(name)}, allowed: {str(error).partition(',')[0]}"))
            for code in entry.get("readings") or {} if isinstance(entry.get("readings"), dict) else ():
                try:
                    _code(code)
                except ValueError as error:
                    found.append(((*steps, "readings", code), f"allowed: {str(error).partition(',')[0]}"))
    return found


def whole_faults(content: Content) -> list[Fault]:
    """What is wrong with a profile once all its files are merged."""
    found: list[Fault] = []
    if "profile" not in content:
        found.append((("profile",), "is missing"))
    if not named(content, "lists") and not named(content, "codes"):
        found.append(((), "says nothing of any list, allowed: lists, codes, or both"))
    _check_lists(content, found)
    _check_codes(content, found)
    if not found:
        _check_telegrams(content, found)
    return found


def _check_lists(content: Content, found: list[Fault]) -> None:
    """Lists are told apart by how many values they have, and a value's code by where it stands."""
    by_count: dict[int, str] = {}
    for name, entry in named(content, "lists"):
        if "values" not in entry:
            found.append((("lists", name, "values"), "is missing"))
            continue
        values = entry["values"]
        other = by_count.setdefault(len(values), name)
        if other != name:
            message = f"has {len(values)} values as {shown(other)} has, and lists are told apart by their number"
            found.append((("lists", name, "values"), message))
        seen: dict[Any, int] = {}
        for number, code in enumerate(values):
            if code is not None and seen.setdefault(parse_job(code), number) != number:
                message = f"found {shown(code)}, which value {seen[parse_job(code)] + 1} is already"
                found.append((("lists", name, "values", number), message))


def _check_codes(content: Content, found: list[Fault]) -> None:
    seen: dict[Any, str] = {}
    for name, _ in named(content, "codes"):
        if seen.setdefault(parse_job(name), name) != name:
            found.append((("codes", name), f"is the code of {shown(seen[parse_job(name)])} written in another way"))


def readings_of(content: Content, apdu: bytes) -> dict[str, str]:
    """What a profile's own test telegram reads as: {code: value and unit}. Raises: DecodeError."""
    pushed = Pushed(apdu, Profile(content))
    found = {}
    for name in pushed.names():
        told = pushed.value(parse_job(name), None)
        if told is not None:
            value, unit = told
            found[name] = f"{value} {unit}" if unit else str(value)
    return found


def _check_telegrams(content: Content, found: list[Fault]) -> None:
    """Each telegram must read as the file says."""
    for name, entry in named(content, "telegrams"):
        for key in ("apdu", "readings"):
            if key not in entry:
                found.append((("telegrams", name, key), "is missing"))
        if "apdu" not in entry or "readings" not in entry:
            continue
        try:
            read = {str(parse_job(code)): told for code, told in readings_of(content, _octets(entry["apdu"])).items()}
        except DecodeError as error:
            found.append((("telegrams", name, "apdu"), f"does not read: {error}"))
            continue
        for code, told in entry["readings"].items():
            if is_comment(code):
                continue
            said = read.get(str(parse_job(code)))
            if said != told:
                what = "is not in the telegram" if said is None else f"reads {shown(said)}, and not {shown(told)}"
                found.append((("telegrams", name, "readings", code), what))
