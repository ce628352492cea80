"""Attributes become readings: class, scaler and unit are found out once, values are read in as few requests as fit.

A register's value is given only with its scaler_unit: where that cannot be read, the reading fails, since digits
without their power of ten would be a wrong number. Scalers are not kept over a restart: a meter may get another
transformer ratio while the gateway is off.
"""

from __future__ import annotations

from ..._number import Number
from ...conversation import WARNING, Report, ReportAll, Tell
from ...cosem import DateTime
from ...errors import ConfigError, DecodeError, LineError
from ...model import INVALID, Reading, failed
from ...obis import format_logical_name
from ._registers import readings_of
from .apdus import refusals
from .data import clock_is_invalid, plain, scale, scaler_unit
from .enumerations import CLOCK, DEMAND_REGISTER, EXTENDED_REGISTER, PROFILE_GENERIC
from .memory import NO_SCALERS, NONE_REFUSED, NOTHING
from .naming import SHORT_NAME_STEP, Item, attribute_name, item_of, scaler_key
from .objects import SCALERS, Directory
from .targets import CLOCK_NAME, VALUE_ATTRIBUTE, profile_reader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ...conversation import Conversation
    from ...model import Signal
    from ._registers import Registers
    from .memory import DlmsMemory
    from .reader import Reader
    from .targets import Target

    ScalerUnit = tuple[int, str | None]
    ScalerKey = tuple[int, bytes, int]

LOGICAL_NAME_ATTRIBUTE = 1
TYPE_UNMATCHED = 12
WITHOUT_SCALER = (
    "the meter does not tell the power of ten of this value (scaler_unit), without which it is no number; the signal's "
    "scaler says it where it is known"
)
# Denied, undefined, of another class, unavailable, of another type: what a meter says to what it has otherwise.
MISFITS = (3, 4, 9, 11, TYPE_UNMATCHED)
# Attributes that hold a date-time, which most meters send as an octet string (Blue Book 4.3.3, 4.3.4, 4.5.1).
_TIMES = {(CLOCK, 2), (EXTENDED_REGISTER, 5), (DEMAND_REGISTER, 6), (DEMAND_REGISTER, 7)}


def failure_reason(code: int | str) -> str:
    """The word that a failed reading carries for a data-access-result, or for what `Reader.attempt` gave."""
    if isinstance(code, str):
        return code
    return "type" if code == TYPE_UNMATCHED else refusals.access_refused(code).reason


class Values:
    """Reads targets over one association. `done` those reported already, which a second association leaves out."""

    __slots__ = (
        "_clock", "_former", "_refused", "burst", "directory", "memory", "misfits", "reader", "scalers",
    )  # fmt: skip

    def __init__(self, reader: Reader, directory: Directory, memory: DlmsMemory) -> None:
        self.reader = reader
        self.directory = directory
        self.memory = memory
        self.scalers = memory.scalers
        self._refused = NONE_REFUSED
        self._former = NO_SCALERS
        self.burst: Registers | None = None  # what read all that there was, and may do so again
        self._clock: Any = None  # what the meter's own clock said just now
        self.misfits: Sequence[Target] = ()  # what was learnt of them does not fit any more

    # What was learnt and may not hold any more

    def still_fits(self, known: bool, doubtful: bool) -> Conversation:
        """Whether base names are what they were; looked at where the meter is not `known` again, or all is in doubt."""
        if self._logical() or not self.directory.known or (known and not doubtful):
            return True
        fits = yield from self.directory.verify()
        return bool(fits) or (fits is None and not doubtful)

    def renew(self, targets: list[Target], keep: bool) -> None:
        """Let every scaler be read again; where that is refused, the former one holds if `keep`."""
        self._former = dict(self.scalers) if keep and self.scalers else NO_SCALERS
        self.scalers.clear()
        self.memory.relearnt = NOTHING
        for target in targets:
            target.scaler = None
        self.burst = None

    def begin_anew(self, targets: list[Target]) -> None:
        """Find out about every target again."""
        self.renew(targets, keep=False)
        self._refused = NONE_REFUSED
        for target in targets:
            target.item = None

    def read_misfits(self, done: set[Any]) -> Conversation:
        """Learn once more what did not fit, and read it so. Returns: those that are profiles."""
        targets, self.misfits = list(self.misfits), ()
        names = [target.logical_name for target in targets]
        self.memory.relearnt = self.memory.relearnt.union(names)
        self.memory.renew()  # this may be another meter altogether
        self.directory.forget(names)
        for target in targets:
            if target.item is not None:
                self.scalers.pop(scaler_key(target.item), None)
            target.item = target.scaler = None
        done.difference_update(targets)
        attributes, profiles = yield from self.prepare(targets, done)
        yield from self.read(attributes, done)
        done.update(attributes)
        return profiles

    def _misfits(self, target: Target, code: int | str) -> bool:
        """Whether a refusal may mean that the meter has something else where this was learnt to be."""
        if code not in MISFITS or target.class_id or target.short_name:
            return False
        return target.logical_name not in self.memory.relearnt

    def identify(self, targets: list[Target]) -> Conversation:
        """Find class and, under short names, address of every target. Raises: LineError."""
        targets = [target for target in targets if target.item is None or not target.item.class_id]
        names = [target.logical_name for target in targets if self._needs_directory(target)]
        places = [target.short_name for target in targets if target.short_name and not target.class_id]
        yield from self.directory.learn(names, [] if self._logical() else places)

    def _logical(self) -> bool:
        return self.reader.names.logical

    def _needs_directory(self, target: Target) -> bool:
        if self._logical():
            return not target.class_id
        return not target.short_name

    def item(self, target: Target) -> Item | None:
        """How to read a target, or None where the meter does not know its object."""
        if target.item is not None and target.item.class_id:
            return target.item
        return self._find(target)

    def _find(self, target: Target) -> Item | None:
        if not self._logical() and target.short_name:
            at = None if target.class_id else self.directory.at(target.short_name)
            class_id, attribute = at or (target.class_id, target.attribute)
            return item_of(class_id, target.logical_name, attribute, target.short_name)
        found = self.directory.find(target.logical_name)
        if self._logical():
            class_id = target.class_id or (found[0] if found else 0)
            return item_of(class_id, target.logical_name, target.attribute) if class_id else None
        if found is None:
            return None
        name = attribute_name(found[1], target.attribute)
        return item_of(found[0], target.logical_name, target.attribute, name)

    def prepare(self, targets: list[Target], done: set[Any]) -> Conversation:
        """Find out how to read `targets`, as far as nothing has done so yet; report those that the meter does not know.

        Returns: (targets to read as attributes, profiles); the very list where there is nothing to be found out any
        more. Raises: LineError, Disconnected, SecurityError.
        """
        if all([target.scaler for target in targets]):
            return (targets, [])
        yield from self.identify(targets)
        attributes: list[Target] = []
        profiles: list[Target] = []
        items: list[Item] = []
        for target in targets:
            item = target.item = self.item(target)
            if item is None:
                words = f"{format_logical_name(target.logical_name)}: the meter does not know this object"
                for signal in target.signals:
                    yield Report(failed(signal, "not_found", words))
                done.add(target)
            elif item.class_id == PROFILE_GENERIC and item.attribute == VALUE_ATTRIBUTE:
                profiles.append(target)
            else:
                attributes.append(target)
                items.append(item)
        yield from self.learn_scalers(items)
        self._former = NO_SCALERS
        for target, item in zip(attributes, items, strict=True):
            target.descriptor = self.reader.names.encode(item)
            scaler = self.scaler(item)
            if isinstance(scaler, str):
                scaler = _agreed([told_scaler(signal, scaler) for signal in target.signals])
            if item.class_id and not isinstance(scaler, str):
                target.scaler = scaler
        return (attributes, profiles)

    def is_all_told(self) -> bool:
        """Whether nothing is left of what was read: no target to be learnt anew, no time of the meter to be told."""
        return not self.misfits and self._clock is None

    def read(
        self, targets: list[Target], done: set[Any], begun: tuple[Any, Registers, Any] | None = None
    ) -> Conversation:
        """Report prepared targets; `done` gets those that were reported before something kept it from the others.

        For as long as each request and its answer take one frame they are one burst, which the association keeps where
        it read all; what goes on outside of that, or has to be sealed, is a request of its own. One may have `begun`,
        and what was heard of it is known.
        Raises: LineError, Disconnected, SecurityError; what is refused fails alone.
        """
        start, all_of_them = 0, len(targets)
        burst = begun[1] if begun else self.reader.burst(targets, 0, self._readings)
        keeps = not self.memory.list_doubt
        while start < all_of_them:
            asked, invoke, heard = 0, 0, None
            if burst is not None:
                try:
                    heard = begun[2] if begun else (yield burst)
                except Exception as error:
                    heard = error
                begun = None
                if burst.done > start:
                    self.reader.took(burst)
                if burst.done < all_of_them:
                    done.update(targets[start : burst.done])
                if isinstance(heard, Exception) and not isinstance(heard, LineError):
                    raise heard
                start, asked, invoke = burst.done, burst.asked, burst.invoke
            if start < all_of_them:
                keeps = False
                asked = asked or len(self.reader.batch([target.item for target in targets], start))
                start += yield from self._request(targets[start : start + asked], done, invoke, heard)
                burst = self.reader.burst(targets, start, self._readings)
            if self._clock is not None:
                yield from self._tell_time()
        self.burst = burst if keeps else None

    def _request(self, targets: list[Target], done: set[Any], invoke: int, heard: Any) -> Conversation:
        """One request for as many; `invoke` and `heard` are as in `Reader.read`. Returns: how many it has reported."""
        results = yield from self.reader.read([target.item for target in targets], True, invoke, heard)
        read = targets[: len(results)]
        yield ReportAll(readings_of(read, results, self._readings))
        done.update(read)
        return len(read)

    def read_profile(self, target: Target) -> Conversation:
        """Report what is new in a load profile; or say what is not installed, if only the meter told that it is one."""
        try:
            profile = profile_reader("profile", f"{target}: a load profile")
        except ConfigError as missing:
            yield Tell(WARNING, str(missing), "profiles")
            yield ReportAll([failed(signal, "type", str(missing)) for signal in target.signals])
        else:
            yield from profile.Profile(self, target, self.memory).read()

    def _tell_time(self) -> Conversation:
        from .times import meter_time

        octets, self._clock = self._clock, None
        told = meter_time(octets)
        if told is not None:
            yield told

    def _readings(self, target: Target, code: int | str, value: Any) -> list[Reading]:
        """What becomes of a value or a refusal that is not just an integer with a known scaler."""
        item = target.item
        if code:
            if self._misfits(target, code):
                self.misfits = (*self.misfits, target)
                return []
            return [refused(signal, item, code, value) for signal in target.signals]
        if item.logical_name == CLOCK_NAME and item.attribute == VALUE_ATTRIBUTE:
            self._clock = value
        scaler = target.scaler or self.scaler(item)
        return [reading_of(signal, item, value, told_scaler(signal, scaler)) for signal in target.signals]

    def learn_scalers(self, items: list[Item]) -> Conversation:
        """Read the scaler_unit of every register among `items` that is not known yet."""
        wanted: dict[ScalerKey, Item] = {}
        for item in items:
            key = scaler_key(item)
            if key not in self.scalers and (scaler_item := _scaler_item(item, self._logical())) is not None:
                wanted[key] = scaler_item
        keys, scaler_items = list(wanted), list(wanted.values())
        while keys:
            batch = self.reader.batch(scaler_items, 0)
            results = yield from self.reader.read(batch, partly=True)
            for key, item, (code, value) in zip(keys, batch, results, strict=False):
                self._keep_scaler(key, item, code, value)
            del keys[: len(results)], scaler_items[: len(results)]

    def _keep_scaler(self, key: ScalerKey, item: Item, code: int | str, value: Any) -> None:
        """A refused scaler is asked for again in the next scan; one that is none settles that it is no register."""
        try:
            if not code:
                self.scalers[key] = scaler_unit(value)
                return
            reason = failure_reason(code)
        except DecodeError as error:
            reason = error.reason
        if key in self._former:
            self.scalers[key] = self._former[key]
        elif not item.class_id:
            # Nobody says that this short name belongs to a register, and what follows it is no scaler_unit.
            self.scalers[key] = (0, None)
        else:
            self._refused = {**self._refused, key: reason}

    def scaler(self, item: Item) -> ScalerUnit | str:
        """Scaler and unit of an item's value: (0, None) where it has none; a reason where they could not be read."""
        if not _is_scaled(item, self._logical()):
            return (0, None)
        key = scaler_key(item)
        known = self.scalers.get(key)
        return known if known is not None else self._refused.get(key, "type")


def told_scaler(signal: Signal, scaler: ScalerUnit | str) -> ScalerUnit | str:
    """The meter's scaler, or where it cannot be read what the configuration says of it."""
    if isinstance(scaler, str) and signal["scaler"] is not None:
        return (signal["scaler"], None)
    return scaler


def _agreed(scalers: list[ScalerUnit | str]) -> ScalerUnit | str:
    return scalers[0] if all(scaler == scalers[0] for scaler in scalers) else "type"


def _is_scaled(item: Item, logical: bool) -> bool:
    """Whether an item's value has a scaler_unit; an unknown class at a short name may."""
    if not item.class_id:
        return not logical
    return item.class_id in SCALERS and item.attribute in SCALERS[item.class_id]


def _scaler_item(item: Item, logical: bool) -> Item | None:
    """Where the scaler_unit of an item's value stands; None where it has none."""
    if not logical and not item.class_id:
        return Item(0, item.logical_name, 3, short_name=(item.short_name + SHORT_NAME_STEP) & 0xFFFF)
    attribute = SCALERS.get(item.class_id, {}).get(item.attribute)
    if attribute is None:
        return None
    name = (item.short_name + SHORT_NAME_STEP * (attribute - item.attribute)) & 0xFFFF
    return Item(item.class_id, item.logical_name, attribute, short_name=0 if logical else name)


def value_of(item: Item, value: Any, scaler: int) -> Any:
    """What a reading may hold of a value; None where it is none."""
    try:
        return plain(scale(meaning(item, value), scaler))
    except DecodeError:
        return None


def reading_of(
    signal: Signal, item: Item, value: Any, scaler: ScalerUnit | str, meter_time: str | None = None
) -> Reading:
    """A value with its power of ten, unit and time; what is no value fails with reason `type`, and what lacks its
    scaler_unit or was refused with the reason that stands in the place of `scaler`.
    """
    if isinstance(scaler, str):
        return failed(signal, scaler, WITHOUT_SCALER)
    exponent, unit = scaler
    if type(value) is int:  # nearly always; as `value_of` does it, without its calls
        try:
            return Reading(signal, Number(value, exponent) if exponent else value, unit, 0, meter_time)
        except ValueError:
            return failed(signal, "type")
    found = value_of(item, value, exponent)
    if found is None:
        return failed(signal, "type")
    reading = Reading(signal, found, unit, 0, meter_time)
    if isinstance(value, bytes) and (item.class_id, item.attribute) == (CLOCK, 2) and clock_is_invalid(value):
        reading.quality, reading.reason = INVALID, "clock"
    return reading


def meaning(item: Item, value: Any) -> Any:
    """What octets stand for where the class says so: times of clocks and registers, logical names."""
    if type(value) is bytes:
        if len(value) == 12 and (item.class_id, item.attribute) in _TIMES:
            return DateTime(value)
        if len(value) == 6 and item.attribute == LOGICAL_NAME_ATTRIBUTE:
            return format_logical_name(value)
    return value


def refused(signal: Signal, item: Item, code: int | str, value: Any) -> Reading:
    """The failed reading of a data-access-result, or of what `Reader.attempt` gave in its place, with its words."""
    name = f"{format_logical_name(item.logical_name)}:{item.attribute}"
    words = f"{name}: {value}" if isinstance(code, str) else str(refusals.access_refused(code, name))
    return failed(signal, failure_reason(code), words)
