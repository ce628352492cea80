"""`meterd scan` of a DLMS meter: the object list of its association, as signals ready to use."""

from __future__ import annotations

from ...errors import Refused
from ...names.obis import name_of
from ...obis import format_logical_name
from .conversation import resume_or_open
from .enumerations import CLOCK, DATA, DEMAND_REGISTER, EXTENDED_REGISTER, REGISTER
from .memory import recall
from .naming import Item, attribute_name
from .objects import object_list
from .reading import value_of
from .settings import Settings
from .targets import VALUE_ATTRIBUTE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ...conversation import Conversation
    from ...model import Device, Memory
    from .conversation import Session
    from .objects import MeterObject
    from .reading import ScalerUnit

# Classes whose attribute 2 a scan shows; buffers of profiles are not among them.
SHOWN_CLASSES = (DATA, REGISTER, EXTENDED_REGISTER, DEMAND_REGISTER, CLOCK)
MAX_OBJECTS = 4000


def discover(device: Device, memory: Memory, state: dict[str, Any], progress: Callable[[str], None]) -> Conversation:
    """Returns: {"signals": rows}, those enabled whose value could be read. Raises: MeterdError."""
    progress("reading the object list")
    found: list[Found] = yield from scan(device, memory)
    return {"signals": [_row(device, entry) for entry in found]}


def _row(device: Device, entry: Found) -> dict[str, Any]:
    name = name_of(entry.obis, entry.unit)
    row = {
        "signal_name": name.words if name else f"{entry.obis} class {entry.class_id}",
        "device_alias": device.alias,
        "signal_alias": entry.obis.replace(".", "_"),
        "obis_job": f"{entry.obis}:2",
        "class_id": entry.class_id,
    }
    if entry.value is None:
        row["enable"] = 0
    return row


class Found:
    """One object of a meter as `meterd scan` shows it: class, version, OBIS code, short name (0 under logical names),
    readable attributes (None where the meter does not say), and value and unit of attribute 2 as text where it reads.
    """

    __slots__ = ("attributes", "class_id", "obis", "short_name", "unit", "value", "version")

    def __init__(self, meter_object: MeterObject) -> None:
        self.obis = format_logical_name(meter_object.logical_name)
        self.class_id = meter_object.class_id
        self.version = meter_object.version
        self.short_name = meter_object.base_name
        self.attributes = meter_object.attributes
        self.value: str | None = None
        self.unit: str | None = None


def scan(device: Device, memory: Memory) -> Conversation:
    """Read the association's object list and the values in it. Returns: [Found]. Raises: MeterdError."""
    session: Session = yield from resume_or_open(Settings(device), recall(memory))
    found: list[Found] = yield from session.politely(explore(session))
    yield from session.leave()
    return found


def explore(session: Session) -> Conversation:
    """The object list within an open session, with the values in it. Returns: [Found]. Raises: MeterdError."""
    reader = session.reader()
    listed: list[MeterObject] = yield from object_list(reader)
    if not listed:
        raise Refused("the meter does not give its object list")
    found = [Found(meter_object) for meter_object in listed[:MAX_OBJECTS]]
    readable = [
        (entry, Item(known.class_id, known.logical_name, VALUE_ATTRIBUTE, short_name=_place(known)))
        for entry, known in zip(found, listed, strict=False)
        if known.class_id in SHOWN_CLASSES and (known.attributes is None or VALUE_ATTRIBUTE in known.attributes)
    ]
    items = [item for _, item in readable]
    values = session.values()
    yield from values.learn_scalers(items)
    start = 0
    while start < len(items):
        batch = reader.batch(items, start)
        results = yield from reader.read(batch)
        for (entry, item), (code, value) in zip(readable[start : start + len(batch)], results, strict=True):
            if not code:
                _show(entry, item, value, values.scaler(item))
        start += len(batch)
    return found


def _place(known: MeterObject) -> int:
    return attribute_name(known.base_name, VALUE_ATTRIBUTE) if known.base_name else 0


def _show(entry: Found, item: Item, value: Any, scaler: ScalerUnit | str) -> None:
    if not isinstance(scaler, str):
        shown = value_of(item, value, scaler[0])
        entry.value, entry.unit = None if shown is None else str(shown), scaler[1]
