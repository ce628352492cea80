"""A scan of a GAMA meter over DLMS: identity, clock, values, then load profile and log.

Each value is asked for with its scaler_unit behind it, the first time, in as few requests as the profile lets. A value
without its scaler is no reading; only for a raw form may the meter say, by not having one, that none is needed.
"""

from __future__ import annotations

from ... import values
from ...conversation import Report
from ...cosem import DateTime
from ...errors import DecodeError, Refused
from ...model import failed
from ...obis import format_logical_name
from ..dlms.conversation import Scan
from ..dlms.data import plain, scale, scaler_unit
from ..dlms.memory import DlmsMemory, recall
from ..dlms.naming import SHORT_NAME_STEP, Item
from ..dlms.objects import SCALERS, Directory
from ..dlms.reader import MULTIPLE
from ..dlms.reading import Values, failure_reason, meaning
from ..dlms.targets import Target
from ..dlms.times import meter_time
from .profile import CLOCK, ROWS, VALUE, check_serial, multiplied
from .raw import NO_NAME, VALUE_ATTRIBUTE, Raw, parse_raw
from .times import Stamp, cosem_text, cosem_time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ...conversation import Conversation
    from ...model import Memory, Reading
    from ..dlms.conversation import Session
    from ..dlms.reader import Reader
    from .profile import Register
    from .requests import CosemRequests
    from .selection import Choice

    ScalerUnit = tuple[int, str | None]

SCALER_ATTRIBUTE = 3
CLOCK_NAME, CLOCK_CLASS = "0.0.1.0.0.255", 8


class Want:
    """One attribute to read and the signals that it feeds; `scaler` where its power of ten stands, if anywhere."""

    __slots__ = ("choices", "item", "scaler")

    def __init__(self, item: Item, scaler: Item | None) -> None:
        self.item = item
        self.scaler = scaler
        self.choices: list[Choice] = []


class CosemScan(Scan):
    """One scan, over a second association where the meter hangs up in the first."""

    def __init__(self, requests: CosemRequests, memory: Memory) -> None:
        super().__init__(requests.settings, recall(memory), [])
        self.requests = requests

    def _once(self, session: Session) -> Conversation:
        if session.association is not None and self._variables() == 1:
            session.association.granted -= {MULTIPLE}
        talk = Talk(self.requests, session.reader(), self.memory, self.done)
        yield from talk.run()

    def _variables(self) -> int:
        """How many variables may stand in one request."""
        return int(self.requests.profile.part("association").get("max_vars_per_read", 1))


class Talk:
    """What is said within one association. `done` are the choices reported already."""

    def __init__(self, requests: CosemRequests, reader: Reader, memory: DlmsMemory, done: set[int]) -> None:
        self.requests = requests
        self.profile = requests.profile
        self.reader = reader
        self.memory = memory
        self.done = done
        self.directory = Directory(reader, memory)
        self.values = Values(reader, self.directory, memory)
        self.stamp = Stamp(requests.use_time)
        self.scalers = memory.attribute_scalers
        self.heard: dict[tuple[Any, ...], tuple[Any, Any]] = {}

    def run(self) -> Conversation:
        """Raises: WrongMeter before anything is reported; Refused; LineError; Disconnected."""
        todo = [choice for choice in self.requests.choices if id(choice) not in self.done]
        self._teach_directory()
        yield from self.identify()
        if self.requests.use_time:
            self.stamp.text = cosem_text((yield from self.clock()))
        plain_ones = [choice for choice in todo if choice.register.kind == VALUE]
        yield from self._read(plain_ones)
        yield from self._read_rows([choice for choice in todo if choice.register.kind != VALUE])

    def _logical(self) -> bool:
        return self.reader.names.logical

    def _teach_directory(self) -> None:
        """What the profile knows of short names saves reading the object list; its columns have their scalers so."""
        if self._logical():
            return
        for register in self.profile.registers():
            if isinstance(register.read.address, int) and register.logical_name and register.kind == VALUE:
                base = register.read.address - SHORT_NAME_STEP
                self.directory.known[format_logical_name(register.logical_name)] = [register.class_id, base]
        clock = self.profile.clock
        if clock and (place := parse_raw(clock["read"])).kind == "sn":
            assert isinstance(place.address, int)
            self.directory.known[CLOCK_NAME] = [CLOCK_CLASS, place.address - SHORT_NAME_STEP]

    # ---- who and when

    def identify(self) -> Conversation:
        """Hold the meter's serial number against the device's. Raises: WrongMeter; Refused where it tells none."""
        identity = self.profile.identity
        if not identity or not self.requests.serial:
            return
        code, value = yield from self._one(parse_raw(identity["read"]))
        if code:
            if identity.get("required", True):
                raise Refused("the meter does not tell its serial number", code, identity["read"], failure_reason(code))
            return
        check_serial(plain(value), self.requests.serial, identity)

    def clock(self) -> Conversation:
        """The meter's clock, twelve octets, or None where it gives none that can be used."""
        clock = self.profile.clock
        if not clock:
            return None
        code, value = yield from self._one(parse_raw(clock["read"]))
        octets = None if code else cosem_time(value, clock)
        told = None if octets is None else meter_time(octets)
        if told is not None:
            yield told
        return octets

    def _one(self, raw: Raw) -> Conversation:
        """`(code, value)` of a raw form, read once per association."""
        item = yield from self._item(raw, 0, None)
        if item is None:
            return ("not_found", None)
        if item_key(item) not in self.heard:
            self.heard[item_key(item)] = yield from self.reader.attempt(item)
        return self.heard[item_key(item)]

    # ---- values

    def _item(self, raw: Raw, class_id: int, attribute: int | None) -> Conversation:
        """How to read a raw form under the association's naming; None where the meter does not know it."""
        if isinstance(raw.address, int):
            step = 0 if attribute is None else attribute - VALUE_ATTRIBUTE
            name = (raw.address + SHORT_NAME_STEP * step) & 0xFFFF
            return Item(class_id, NO_NAME, attribute or VALUE_ATTRIBUTE, short_name=name)
        assert isinstance(raw.address, bytes)
        target = Target(raw.address, attribute or raw.attribute, class_id, 0)
        yield from self.values.identify([target])
        return self.values.item(target)

    def _read(self, choices: list[Choice]) -> Conversation:
        """Read and report, value behind value as the jobs name them."""
        wants: dict[tuple[Any, ...], Want] = {}
        for choice in choices:
            register = choice.register
            item = yield from self._item(register.read, register.class_id, choice.attribute)
            if item is None:
                yield from self._fail([choice], "not_found")
                continue
            key = (item_key(item), str(register.scaler), register.infers_scaler)
            if key not in wants:
                wants[key] = Want(item, (yield from self._scaler_item(register, item, choice)))
            wants[key].choices.append(choice)
        yield from self._fetch(list(wants.values()))

    def _scaler_item(self, register: Register, item: Item, choice: Choice) -> Conversation:
        """Where the scaler_unit of a value is read; None where it has none."""
        other = choice.attribute not in (None, VALUE_ATTRIBUTE)
        if register.scaler is not None and not other:
            return (yield from self._item(register.scaler, register.class_id, None))
        if not register.infers_scaler and not other:
            return None
        if not item.class_id:
            if other:
                return None
            return Item(0, item.logical_name, SCALER_ATTRIBUTE, short_name=(item.short_name + SHORT_NAME_STEP) & 0xFFFF)
        attribute = SCALERS.get(item.class_id, {}).get(item.attribute)
        if attribute is None:
            return None
        name = (item.short_name + SHORT_NAME_STEP * (attribute - item.attribute)) & 0xFFFF if item.short_name else 0
        return Item(item.class_id, item.logical_name, attribute, short_name=name)

    def _fetch(self, wants: list[Want]) -> Conversation:
        queue = self._queue(wants)
        most = self.profile.part("association").get("max_vars_per_read", 1)
        waiting = wants
        while waiting:
            ready = 0
            while ready < len(waiting) and self._is_heard(waiting[ready]):
                yield from self._report(waiting[ready])
                ready += 1
            waiting = waiting[ready:]
            if not queue:
                break
            batch = self.reader.batch(queue[:most], 0)
            queue = queue[len(batch) :]
            results: list[tuple[Any, Any]] = yield from self.reader.read(batch)
            self.heard.update(zip(map(item_key, batch), results, strict=True))

    def _queue(self, wants: list[Want]) -> list[Item]:
        """All attributes to ask for, each once: every value, and behind it its scaler unless that is known."""
        found: dict[tuple[Any, ...], Item] = {}
        for want in wants:
            found.setdefault(item_key(want.item), want.item)
            if want.scaler is not None and item_key(want.scaler) not in self.scalers:
                found.setdefault(item_key(want.scaler), want.scaler)
        return [item for key, item in found.items() if key not in self.heard]

    def _is_heard(self, want: Want) -> bool:
        scaler = want.scaler
        known = scaler is None or item_key(scaler) in self.scalers or item_key(scaler) in self.heard
        return known and item_key(want.item) in self.heard

    def _report(self, want: Want) -> Conversation:
        code, value = self.heard[item_key(want.item)]
        if code:
            yield from self._fail(want.choices, failure_reason(code))
            return
        scaler = self._scaler(want)
        if isinstance(scaler, str):
            yield from self._fail(want.choices, scaler)
            return
        for choice in want.choices:
            yield Report(self._reading(choice, want.item, value, scaler))
            self.done.add(id(choice))

    def _scaler(self, want: Want) -> ScalerUnit | str:
        """Scaler and unit, or the reason why there is none."""
        if want.scaler is None:
            return (0, None)
        key = item_key(want.scaler)
        if key in self.scalers:
            return self.scalers[key]
        code, value = self.heard[key]
        # Nobody says that what a raw short name points at is a register: texts and what has no scaler are as they are.
        guessed = not want.scaler.class_id
        if code:
            reason = failure_reason(code)
            is_number = isinstance(self.heard[item_key(want.item)][1], (int, float))
            return (0, None) if guessed and (reason == "not_found" or not is_number) else reason
        try:
            self.scalers[key] = scaler_unit(value)
        except DecodeError as error:
            return (0, None) if guessed else error.reason
        return self.scalers[key]

    def _reading(self, choice: Choice, item: Item, value: Any, scaler: ScalerUnit) -> Reading:
        register, signal = choice.register, choice.signal
        if choice.field is not None:
            if not isinstance(value, (list, tuple)) or len(value) < choice.field:
                return failed(signal, "not_found")
            value = value[choice.field - 1]
        if register.name == CLOCK:
            text = cosem_text(cosem_time(value, self.profile.clock or {}))
            return failed(signal, "clock") if text is None else values.reading(signal, text, meter_time=self.stamp.text)
        try:
            if register.type and type(value) is bytes and len(value) == 12:
                value = DateTime(value)
            found = plain(multiplied(scale(meaning(item, value), scaler[0]), register.scale))
        except DecodeError as error:
            return failed(signal, error.reason)
        if found is None:
            return failed(signal, "type")
        return self.stamp.put_on(values.reading(signal, found, scaler[1] or register.unit))

    def _fail(self, choices: list[Choice], reason: str) -> Conversation:
        for choice in choices:
            yield Report(failed(choice.signal, reason))
            self.done.add(id(choice))

    # ---- load profile and log

    def _read_rows(self, choices: list[Choice]) -> Conversation:
        if not choices:
            return
        from .rows import EventLog, LoadProfile  # many sites have neither

        by_place: dict[str, list[Choice]] = {}
        for choice in choices:
            by_place.setdefault(str(choice.register.read), []).append(choice)
        for together in by_place.values():
            kind = LoadProfile if together[0].register.kind == ROWS else EventLog
            item = yield from self._item(together[0].register.read, together[0].register.class_id, None)
            if item is None:
                yield from self._fail(together, "not_found")
                continue
            yield from kind(self, item, together).read()
            self.done.update(map(id, together))


def item_key(item: Item) -> tuple[Any, ...]:
    """What an attribute is asked for by."""
    return (item.short_name,) if item.short_name else (item.class_id, item.logical_name, item.attribute)
