"""DLMS/COSEM meters: signals become attributes to read, answers become readings (manual, chapter 17.1).

`plan` finds every mistake of a configuration before a byte is sent; `conversation` is one scan; `object_list` is what
`meterd scan` shows of a meter.
"""

from __future__ import annotations

from ...conversation import Report
from ...errors import Refused
from ...model import Plan, failed
from ...obis import format_logical_name
from .conversation import Scan, resume_or_open
from .objects import CLOCK, DATA, DEMAND_REGISTER, EXTENDED_REGISTER, REGISTER, Directory, object_list
from .reader import Item, attribute_name
from .reading import Values, value_of
from .settings import Settings
from .targets import VALUE_ATTRIBUTE, collect

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ...conversation import Conversation
    from ...model import Device, Memory, Signal
    from .conversation import Session
    from .objects import MeterObject
    from .reading import ScalerUnit
    from .targets import Target

# Classes whose attribute 2 a scan shows; buffers of profiles are not among them.
SHOWN_CLASSES = (DATA, REGISTER, EXTENDED_REGISTER, DEMAND_REGISTER, CLOCK)
MAX_OBJECTS = 4000


class Requests:
    """What one scan needs: the device's settings and what to read."""

    __slots__ = ("settings", "targets")

    def __init__(self, settings: Settings, targets: list[Target]) -> None:
        self.settings = settings
        self.targets = targets


def plan(device: Device, signals: list[Signal]) -> Plan:
    """Check a device and group its signals by what they read; a bad signal is refused alone. Raises: ConfigError."""
    settings = Settings(device)
    targets, refused = collect(signals)
    bad = {id(signal) for signal, _ in refused}
    good = [signal for signal in signals if id(signal) not in bad]
    return Plan(device, good, Requests(settings, targets), refused, settings.credentials.secrets())


def conversation(plan: Plan, memory: Memory) -> Conversation:
    """One scan. Raises: MeterdError where no further signal can be read; those without a reading have failed."""
    targets = plan.requests.targets
    return Scan(plan.requests.settings, memory, targets, plan.refused).run() if targets else _refuse(plan)


def _refuse(plan: Plan) -> Conversation:
    """Nothing can be read: the meter need not be asked."""
    for signal, _ in plan.refused:
        yield Report(failed(signal, "type"))


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
    session: Session = yield from resume_or_open(Settings(device), memory)
    found: list[Found] = yield from session.politely(explore(session, memory))
    yield from session.leave()
    return found


def explore(session: Session, memory: Memory) -> Conversation:
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
    values = Values(reader, Directory(reader, memory), memory)
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
