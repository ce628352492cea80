"""One scan of an M-Bus meter: the jobs are done one by one, and records become readings.

A primary meter is normalised (SND_NKE) before its first request, after a readout that failed, and before each readout
of a chain, so that the chain begins at its first telegram. A secondary meter is selected for each job, which carries
FCB 0, so that its first request carries FCB 1; it is read at 253, and let go when all is done.
"""

from __future__ import annotations

from ...conversation import LineSettings, Report
from ...errors import Garbled, LineError, MeterdError, PortGone, ProtocolError, Refused, Silence, WrongMeter
from ...model import GOOD, INVALID, Reading, failed
from ...values import reading
from . import conversation as talk
from . import link as wire
from .conversation import MeterState
from .link import Link
from .telegram import decode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..._mbus_values import Record
    from ...conversation import Conversation
    from ...model import Device, Memory, Plan, Signal
    from .driver import Request
    from .jobs import Job

_STATE = "mbus"


def scan(plan: Plan, memory: Memory) -> Conversation:
    """Read the meter once and report every signal. Raises: MeterdError where nothing more can be read."""
    device = plan.device
    for signal, _ in plan.refused:
        yield Report(failed(signal, "type"))
    if device.has_line():
        yield _settings(device)
    link = _link(device, device["baudrate"] if device.has_line() else wire.STANDARD_BAUDRATE)
    state: MeterState = memory.volatile.setdefault(_STATE, MeterState())
    mask = device["address"]
    if len(mask) < 16:
        yield from _read_primary(plan, link, int(mask), state)
        return
    try:
        yield from _read_secondary(plan, link, mask)
    except PortGone:
        raise
    except MeterdError:
        yield from talk.deselect(link)
        raise
    yield from talk.deselect(link)


def _settings(device: Device) -> LineSettings:
    return LineSettings(device["baudrate"], device["databits"], device["parity"], device["stopbits"])


def _link(device: Device, baudrate: int) -> Link:
    return Link(baudrate, device["timeout_ms"], 1 + device["retry_counter"])


def _read_primary(plan: Plan, link: Link, address: int, state: MeterState) -> Conversation:
    for one in plan.requests:
        if not state.in_step or state.chained:
            yield from talk.normalise(link, address, state)
        state.in_step = False
        yield from _serve(plan, one, link, address, state, None)


def _read_secondary(plan: Plan, link: Link, mask: str) -> Conversation:
    for one in plan.requests:
        yield from talk.select(link, mask)
        try:
            yield from _serve(plan, one, link, wire.NETWORK, MeterState(), mask)
        except Garbled as error:
            if "F" in mask:
                raise type(error)(f"{error}: several meters may fit {mask}, and their answers collide") from None
            raise


def _serve(plan: Plan, one: Request, link: Link, address: int, state: MeterState, mask: str | None) -> Conversation:
    """Do one job and report its signals; a refusal of the meter fails these alone."""
    identity = wire.selection(mask) if mask and "F" not in mask else None
    try:
        for ci, data in one.job.sends:
            yield from talk.send_data(link, address, state, ci, data)
        if one.job.baudrate:
            telegrams = yield from _at_another_speed(plan, one.job, link, address, state, identity)
        else:
            telegrams = yield from _telegrams(plan, one.job, link, address, state, identity)
    except Refused as error:
        state.in_step = False
        for signal, _ in one.wanted:
            yield Report(failed(signal, error.reason, str(error)))
        return
    for telegram in telegrams:
        if mask and telegram.identity:
            told = mask[:8] + wire.WILDCARDS[8:] if telegram.fixed else mask
            if not wire.matches(told, telegram.identity):
                raise WrongMeter(f"{telegram.secondary_address or telegram.identification} answered, not {mask}")
    records = [record for telegram in telegrams for record in telegram.records]
    for signal, selector in one.wanted:
        record = selector.find(records)
        if record is None:
            words = f"none of the {len(records)} records is {signal['tag_job_todo']!r}"
            yield Report(failed(signal, "not_found", words))
        else:
            yield Report(_reading(signal, record, records))


def _at_another_speed(
    plan: Plan, job: Job, link: Link, address: int, state: MeterState, identity: bytes | None
) -> Conversation:
    """Read at the job's speed; whatever comes of it, meter and line go back to their own."""
    settings, fast = _settings(plan.device), _link(plan.device, job.baudrate)
    yield from talk.switch_baudrate(link, address, state, settings, job.baudrate)
    try:
        telegrams = yield from _telegrams(plan, job, fast, address, state, identity)
    except (LineError, Refused) as error:
        if not isinstance(error, PortGone):
            yield from _back(fast, address, state, settings)
        raise
    yield from _back(fast, address, state, settings)
    return telegrams


def _back(fast: Link, address: int, state: MeterState, settings: LineSettings) -> Conversation:
    try:
        yield from talk.switch_baudrate(fast, address, state, settings, settings.baudrate)
    except (Silence, Garbled, ProtocolError):
        yield settings  # it did not hear us there: it goes back by itself (EN 13757-2), or never came along
        state.in_step = False


def _telegrams(
    plan: Plan, job: Job, link: Link, address: int, state: MeterState, identity: bytes | None
) -> Conversation:
    key = bytes.fromhex(plan.device["key"]) if plan.device.parameters.get("key") else None
    if job.control == wire.REQ_UD2:
        return (yield from talk.read_telegrams(link, address, state, key, identity))
    frame = yield from talk.request(link, address, state, job.control)
    state.in_step = True
    return [decode(frame, key, identity)]


def _reading(signal: Signal, record: Record, records: list[Record]) -> Reading:
    value = record.value
    if record.quality != GOOD or value is None:
        return Reading(signal, None, record.unit, quality=record.quality or INVALID, reason=record.reason)
    return reading(signal, value, record.unit, _time_of(record, records))


def _time_of(record: Record, records: list[Record]) -> str | None:
    """When the meter says the value was: its date or time record of the same storage number."""
    for other in records:
        if (
            other.quantity in ("time point", "date")
            and other.storage == record.storage
            and other.function == "instantaneous"
            and not other.meaning.qualifiers
            and other is not record
            and isinstance(other.value, str)
        ):
            return other.value
    return None
