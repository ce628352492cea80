"""One scan of an M-Bus meter: the jobs are done one by one, and records become readings.

A primary meter is normalised (SND_NKE) before its first request, after a readout that failed, and before each readout
of a chain, so that the chain begins at its first telegram. A secondary meter is selected for each job, which carries
FCB 0, so that its first request carries FCB 1; it is read at 253, and let go when all is done.
"""

from __future__ import annotations

from ...conversation import NOTICE, LineSettings, Report, Tell
from ...errors import Garbled, LineError, MeterdError, PortGone, ProtocolError, Refused, Silence, WrongMeter
from ...model import GOOD, INVALID, Reading, failed
from ...values import reading
from . import conversation as talk
from . import link as wire
from .answer import Answer
from .conversation import MeterState, Readout
from .history import meter_time
from .link import Link

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..._mbus_values import Record
    from ...conversation import Conversation
    from ...model import Device, Memory, Plan, Signal
    from .jobs import Job, Request, Selector


def scan(plan: Plan, memory: Memory) -> Conversation:
    """Read the meter once and report every signal. Raises: MeterdError where nothing more can be read."""
    device = plan.device
    for signal, _ in plan.refused:
        yield Report(failed(signal, "type"))
    if device.has_line():
        yield _settings(device)
    if not isinstance(memory.own, MeterState):
        memory.own = MeterState()
    yield from Visit(plan, memory.own, memory.brief).make()


def _settings(device: Device) -> LineSettings:
    return LineSettings(device["baudrate"], device["databits"], device["parity"], device["stopbits"])


def _link(device: Device, baudrate: int, brief: bool = False) -> Link:
    attempts = 1 if brief else 1 + device["retry_counter"]
    link = Link(baudrate, device["timeout_ms"], attempts, device.over_tcp(), device["address_0"])
    link.checks_identity = device["check_identity"]
    link.reconnects = not device.has_line()  # a server of serial lines would have forgotten their settings
    return link


class Visit:
    """One scan under way: what is asked of the meter at `address`, which a job may change."""

    def __init__(self, plan: Plan, state: MeterState, brief: bool = False) -> None:
        self.plan = plan
        self.device = plan.device
        self.state = state
        self.address = state.address(plan.device["address"])
        baudrate = plan.device["baudrate"] if plan.device.has_line() else wire.STANDARD_BAUDRATE
        self.link = _link(plan.device, baudrate, brief)
        key = plan.device["key"]
        self.key = bytes.fromhex(key) if key else None
        state.last = None

    def make(self) -> Conversation:
        if self.device["wake_up_ms"]:
            standard = LineSettings(wire.STANDARD_BAUDRATE, 8, "even", 1)
            settings = _settings(self.device) if self.device.has_line() else standard
            yield from talk.wake(self.link, settings, self.device["wake_up_ms"])
        if len(self.address) < 16:
            yield from self._primary()
            return
        try:
            yield from self._secondary()
        except PortGone:
            raise
        except MeterdError:
            yield from talk.deselect(self.link)
            raise
        yield from talk.deselect(self.link)

    def _primary(self) -> Conversation:
        for one in self.plan.requests:
            address = int(self.address)
            # SND_NKE at 253 would deselect whoever is selected there.
            if address != wire.NETWORK and (not self.state.in_step or self.state.chained):
                yield from talk.normalise(self.link, address, self.state)
            self.state.in_step = False
            yield from self._serve(one, address)

    def _secondary(self) -> Conversation:
        for one in self.plan.requests:
            mask = self.address
            yield from talk.select(self.link, mask)
            self.state.normalised()
            try:
                yield from self._serve(one, wire.NETWORK)
            except Garbled as error:
                if "F" in mask:
                    raise type(error)(f"{error}: several meters may fit {mask}, and their answers collide") from None
                raise

    def _serve(self, one: Request, address: int) -> Conversation:
        """Do one job and report its signals; a refusal of the meter fails these alone."""
        try:
            for ci, data in one.job.sends:
                yield from talk.send_data(self.link, address, self.state, ci, data)
                address = self._renamed(ci, data, address)
            readout: Readout = yield from self._read(one.job, address)
        except Refused as error:
            self.state.in_step = False
            for signal, _ in one.wanted:
                yield Report(failed(signal, error.reason, str(error)))
            return
        yield from self._recognise(readout)
        records = readout.records()
        told = meter_time(records)
        if told is not None:
            yield told
        answer = Answer(records)
        for signal, selector in one.wanted:
            yield Report(_found(signal, selector, answer, readout.broken))
        if isinstance(readout.broken, PortGone):
            raise readout.broken

    def _renamed(self, ci: int, data: bytes, address: int) -> int:
        """The address to go on with, once the meter has confirmed what may have changed it."""
        now = wire.renamed(self.address, ci, data)
        if now == self.address:
            return address
        # Until a restart it is read there; the configuration is the user's to change.
        self.state.renamed = (self.device["address"], now)
        self.address = now
        return int(now) if len(now) < 16 else address

    def _identity(self) -> bytes | None:
        """Who must answer, as far as the address tells."""
        return wire.selection(self.address) if len(self.address) == 16 and "F" not in self.address else None

    def _recognise(self, readout: Readout) -> Conversation:
        """Raises: WrongMeter where whoever answered is not who was meant; what was learnt of another is forgotten."""
        expected = self.address[:16] if len(self.address) == 16 else self.device["expect_serial"]
        for telegram in readout.telegrams:
            identity = telegram.identity
            if identity is None:
                continue
            if expected and self.device["check_identity"]:
                told = expected[:8] if telegram.fixed else expected
                if not wire.matches((told + wire.WILDCARDS)[:16], identity):
                    raise WrongMeter(f"{talk.named(telegram)} answered, not {told}")
            if identity != self.state.identity:
                former, self.state.identity = self.state.identity, identity
                if former is not None:
                    self.state.in_step = False
                    yield Tell(
                        NOTICE, f"another meter answers, {wire.shown(identity)} in place of {wire.shown(former)}; what "
                        "was learnt of the former one is forgotten",
                    )  # fmt: skip

    def _read(self, job: Job, address: int) -> Conversation:
        if not job.baudrate:
            return (yield from self._readout(job, self.link, address))
        return (yield from self._at_another_speed(job, address))

    def _readout(self, job: Job, link: Link, address: int) -> Conversation:
        if job.control == wire.REQ_UD2:
            return (yield from talk.read_telegrams(link, address, self.state, self.key, self._identity()))
        readout = yield from talk.read_alarm(link, address, self.state, self.key, self._identity())
        self.state.in_step = True
        return readout

    def _at_another_speed(self, job: Job, address: int) -> Conversation:
        """Read at the job's speed; whatever comes of it, meter and line go back to their own."""
        settings, fast = _settings(self.device), _link(self.device, job.baudrate)
        yield from talk.switch_baudrate(self.link, address, self.state, settings, job.baudrate)
        try:
            readout: Readout = yield from self._readout(job, fast, address)
        except (LineError, Refused) as error:
            if not isinstance(error, PortGone):
                yield from self._back(fast, address, settings)
            raise
        if not isinstance(readout.broken, PortGone):
            yield from self._back(fast, address, settings)
        return readout

    def _back(self, fast: Link, address: int, settings: LineSettings) -> Conversation:
        try:
            yield from talk.switch_baudrate(fast, address, self.state, settings, settings.baudrate)
        except (Silence, Garbled, ProtocolError):
            yield settings  # it did not hear us there: it goes back by itself (EN 13757-2), or never came along
            self.state.in_step = False


def _found(signal: Signal, selector: Selector, answer: Answer, broken: MeterdError | None) -> Reading:
    record = answer.find(selector)
    if record is None:
        answer = answer.longer()
        record = answer.find(selector)
    records = answer.records
    if record is None and records and records[-1].function == "damaged":
        record = records[-1]  # what is behind the damage, nobody knows
    if record is not None:
        return _reading(signal, selector, record, answer)
    if broken is not None:
        return failed(signal, broken.reason, f"a further telegram was promised and did not come: {broken}")
    words = f"none of the {len(records)} records is {signal['tag_job_todo']!r}"
    near = selector.nearest(records)
    return failed(signal, "not_found", f"{words}; nearest: {near}" if near else words)


def _reading(signal: Signal, selector: Selector, record: Record, answer: Answer) -> Reading:
    value = record.value
    if record.function == "error" and not selector.asks_for_errors():
        words = "the meter is in an error state, and says what the value was then (ask for it with function=error)"
        return failed(signal, "type", words)
    if record.quality != GOOD or value is None:
        told = Reading(signal, None, record.unit, quality=record.quality or INVALID, reason=record.reason)
        told.words = record.remark
        return told
    return reading(signal, value, record.unit, answer.time_of(record))
