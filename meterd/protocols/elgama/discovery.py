"""`meterd scan` of an Elgama meter: what it has, as signals ready to use and as a profile.

A GAMA gives the object list of its association, an IEC 62056-21 meter its read-out. The profile is meant to be laid
over the device's own, as a site's file: it names what was found by OBIS code, leaves what the profile has under a name
of its own, and takes away what the profile has under another code than the meter says.
"""

from __future__ import annotations

from ..._number import Number
from ...errors import LineError, ProtocolError
from ...names.obis import name_of
from ..dlms.conversation import resume_or_open
from ..dlms.data import plain
from ..dlms.discovery import Found, explore
from ..dlms.enumerations import PROFILE_GENERIC
from ..dlms.memory import recall
from ..dlms.naming import attribute_name
from ..iec62056_21.identity import numbers_told
from ..iec62056_21.readout import read_out
from ..iec62056_21.session import Session
from .cosem import Talk
from .driver import NOT_READ
from .mode_c import READ_OUT_MODE
from .mode_c_memory import ModeCMemory
from .neighbours import no_profile
from .profile import CLOCK, DLMS, ROWS, SERIAL, WITHOUT_CODEC, Profile, full_name
from .raw import READOUT, VALUE_ATTRIBUTE, Raw, is_raw
from .requests import CosemRequests
from .settings import dlms_settings, session_settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..._readout_block import DataSet
    from ...conversation import Conversation
    from ...model import Device, Memory

MAX_OBJECTS = 2000
SOURCE = "found by meterd scan"
ENERGY = b"\x01\x00"  # value groups A and B that a short name leaves out
WHOLE = b"\xff"


class Thing:
    """One thing that a meter has: `code` as it is called, where it is, and what it shows."""

    __slots__ = ("class_id", "code", "field", "raw", "unit", "value")

    def __init__(
        self, code: str, raw: Raw, class_id: int, value: str | None, unit: str | None, field: int | None = None
    ) -> None:
        self.code = code
        self.raw = raw
        self.class_id = class_id
        self.value = value
        self.unit = unit
        self.field = field


def discover(device: Device, memory: Memory, state: dict[str, Any], progress: Callable[[str], None]) -> Conversation:
    """Returns: {"signals": rows, "numbers": what the meter calls itself, "profile": content}.

    Raises: MeterdError; WrongMeter where another one answers.
    """
    profile = Profile(device.profile or {})
    if profile.protocol in WITHOUT_CODEC:
        error = ProtocolError(no_profile(device, profile))
        error.reason = NOT_READ
        raise error
    numbers: list[str] = []
    if profile.protocol == DLMS:
        progress("reading the object list")
        things = yield from _objects(device, profile, memory)
    else:
        progress("reading the whole list")
        things, numbers = yield from _list(device, profile, memory)
    return {
        "numbers": numbers,
        "signals": [_signal(device, profile, thing) for thing in things],
        "profile": {
            "profile": f"{profile.name}-site",
            "meter_model": device["meter_model"],
            "registers": _registers(profile, things),
        },
    }


def _objects(device: Device, profile: Profile, memory: Memory) -> Conversation:
    requests = CosemRequests(dlms_settings(device, profile), profile, device["id"], False, 0)
    own = recall(memory)
    session = yield from resume_or_open(requests.settings, own)

    def talk() -> Conversation:
        yield from Talk(requests, session.reader(), own, set()).identify()
        return (yield from explore(session))

    found: list[Found] = yield from session.politely(talk())
    yield from session.leave()
    return [_thing(entry) for entry in found[:MAX_OBJECTS]]


def _thing(entry: Found) -> Thing:
    code = full_name(entry.obis) or b""
    raw = Raw("sn", attribute_name(entry.short_name, VALUE_ATTRIBUTE)) if entry.short_name else Raw("ln", code)
    return Thing(_short(code), raw, entry.class_id, entry.value, entry.unit)


def _short(code: bytes) -> str:
    """C.D.E where that is enough to know the code by."""
    groups = code[2:5] if code[:2] == ENERGY and code[5:] == WHOLE else code
    return ".".join(map(str, groups))


def _list(device: Device, profile: Profile, memory: Memory) -> Conversation:
    """The read-out, one thing for each group of a data set; and what the meter calls itself in it."""
    openings = session_settings(device, profile)
    for opening in openings:
        try:
            session = Session(opening, ModeCMemory.of(memory).learnt)
            found = yield from read_out(session, READ_OUT_MODE, {}, 1 + device["retry_counter"])
            data_sets: list[DataSet] = found.data_sets
            break
        except LineError:
            if opening is openings[-1]:
                raise
    things = [
        Thing(address, Raw(READOUT, address), 0, plain(value), unit, index + 1 if index else None)
        for _, address, index, value, unit in data_sets[:MAX_OBJECTS]
        if address
    ]
    return things, numbers_told(data_sets, session.identification)


def _registers(profile: Profile, things: list[Thing]) -> dict[str, Any]:
    """What to lay over the profile's registers; None takes one away."""
    registers: dict[str, Any] = {}
    by_place = {str(register.read): register for register in profile.registers()}
    codes: set[bytes] = set()
    for thing in things:
        code = full_name(thing.code)
        known = by_place.get(str(thing.raw))
        if thing.field is not None or thing.code in (CLOCK, SERIAL) or is_raw(thing.code) or thing.code in registers:
            continue
        if code is not None and code in codes:
            continue
        if known is not None and known.name != thing.code:
            if full_name(known.name) is None or full_name(known.name) == code:
                continue
            registers[known.name] = None
        if code is not None:
            codes.add(code)
        registers[_name(profile, thing, code)] = _register(thing)
    return registers


def _name(profile: Profile, thing: Thing, code: bytes | None) -> str:
    """The profile's own spelling of the code where it has one."""
    known = profile.by_code(code) if code is not None else None
    return known.name if known is not None else thing.code


def _register(thing: Thing) -> dict[str, Any]:
    entry: dict[str, Any] = {"read": str(thing.raw), "source": SOURCE}
    if thing.class_id:
        entry["class"] = thing.class_id
    if thing.class_id == PROFILE_GENERIC:
        entry["kind"] = ROWS
    return entry


def _signal(device: Device, profile: Profile, thing: Thing) -> dict[str, Any]:
    """A row of the Signals tab that works with the profile as it is, and with what was found laid over it."""
    known = profile.register(thing.code)
    place = thing.code if known is not None and known.read == thing.raw else str(thing.raw)
    tag = f"{place}#{thing.field}" if thing.field else place
    letters = "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in thing.code)
    row: dict[str, Any] = {
        "signal_name": _words(thing),
        "device_alias": device.alias,
        "signal_alias": letters.strip("_") + (f"_{thing.field}" if thing.field else ""),
        "number_type": "DOUBLE" if thing.unit and _is_number(thing.value) else "STRING",
        "job_todo": place,
        "tag_job_todo": tag,
    }
    if thing.value is None:
        row["enable"] = 0
    return row


def _words(thing: Thing) -> str:
    """In plain words where they are known; a further group of a data set is told apart."""
    name = name_of(thing.code) if thing.field else name_of(thing.code, thing.unit)
    if name is None:
        return f"{thing.code}{f' class {thing.class_id}' if thing.class_id else ''}"
    return f"{name.words}, value {thing.field}" if thing.field else name.words


def _is_number(value: str | None) -> bool:
    try:
        Number.parse(value or "")
    except ValueError:
        return False
    return True
