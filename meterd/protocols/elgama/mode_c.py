"""A scan of a meter over IEC 62056-21: its read-out where a job names data sets of it, then registers one by one.

Answers are held until the serial number has been read back, for nothing of another meter may be published; registers
are asked for in whatever order the repetitions of a bad line make of them.

Dirt: nobody knows at what speed an EPQS opens: the first dialogue tries the device's `baudrate` and the profile's, what
answers is kept; a meter whose optical port is in use by somebody else goes silent in the middle of a session.
"""

from __future__ import annotations

from ... import values
from ..._number import Number
from ...conversation import MeterTime, Pause, Report
from ...errors import Aborted, Garbled, LineError, MeterdError, Refused
from ...model import failed
from ..iec62056_21.programming import Programming
from ..iec62056_21.programming import Register as Question
from ..iec62056_21.readout import read_out
from ..iec62056_21.selection import by_address, reading_of
from ..iec62056_21.session import T_R_S, Session
from .mode_c_memory import ModeCMemory
from .profile import CLOCK, SERIAL, check_serial, full_name, multiplied
from .raw import READOUT, Raw, parse_raw
from .times import Stamp, iec_date_time, iec_time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..._readout_block import DataSet
    from ...conversation import Conversation
    from ...model import Memory, Reading
    from ..iec62056_21.readout import ReadOut
    from .requests import ModeCRequests
    from .selection import Choice

READ_OUT_MODE = 0
# Scans in a row in which a meter answered everything but the question for its number.
MAX_UNNUMBERED = 2


class ModeCScan:
    """One scan; `heard` {raw form: its data sets, or the reason why there are none}."""

    def __init__(self, requests: ModeCRequests, memory: Memory) -> None:
        self.requests = requests
        self.memory = memory
        self.heard: dict[Raw, list[DataSet] | str] = {}
        self.stamp = Stamp(requests.use_time)
        self._timed = False
        self.identity = requests.profile.identity if requests.serial else None
        self.own = ModeCMemory.of(memory)
        if self.identity and self._may_do_without() and self.own.unnumbered >= MAX_UNNUMBERED:
            self.identity = None

    def _may_do_without(self) -> bool:
        """Whether a meter is believed by its sign-on where it does not tell its number."""
        return self.identity is not None and not self.identity.get("required", True)

    def run(self) -> Conversation:
        """Raises: WrongMeter before anything is reported; other MeterdErrors after what was read."""
        failure: MeterdError | None = None
        try:
            yield from self._talk()
        except Aborted:
            raise
        except MeterdError as error:
            failure = error
        if failure is None or self._is_identified():
            yield from self._report(partly=failure is not None)
        elif self.heard and self._may_do_without():
            # It answers other questions: perhaps it meets those that it does not know with silence.
            self.own.unnumbered += 1
        if failure is not None:
            raise failure

    def _talk(self) -> Conversation:
        """The dialogues, at the opening speed that is known to be answered, or else at each in turn."""
        openings, own = self.requests.openings, self.own
        known, own.opening = own.opening, None
        tries = range(len(openings)) if known is None else (known,)
        for number in tries:
            try:
                yield from self._dialogues(Session(openings[number], own.learnt, self.memory.brief))
                own.opening = number
                return
            except LineError:
                if self.heard:
                    own.opening = number
                if self.heard or number == tries[-1]:
                    raise

    def _dialogues(self, session: Session) -> Conversation:
        reads = self.requests.reads(self.identity)
        listed = [raw for raw in reads if raw.kind == READOUT]
        asked = [raw for raw in reads if raw.kind != READOUT]
        if listed:
            wanted = {str(raw.address): self._last_field(raw) - 1 for raw in listed}
            found: ReadOut = yield from read_out(session, READ_OUT_MODE, wanted, self.requests.attempts)
            for raw in listed:
                self.heard[raw] = found.data_sets
        if listed and asked:
            yield Pause(T_R_S)  # until then the meter may wait for a NAK to its list, at the list's speed
        if asked:
            yield from self._ask(session, asked)

    def _last_field(self, raw: Raw) -> int:
        return max([choice.field or 1 for choice in self.requests.choices if choice.register.read == raw], default=1)

    def _ask(self, session: Session, asked: list[Raw]) -> Conversation:
        raws: dict[Question, Raw] = {}
        for raw in asked:
            address = str(raw.address)
            data = address if "(" in address else f"{address}()"
            plain = address.partition("(")[0]
            raws[Question(raw.kind.upper().encode("ascii"), data.encode("ascii"), (plain,))] = raw

        def answered(question: Question, data_sets: list[DataSet]) -> Conversation:
            raw = raws[question]
            if self._is_identity(raw) and self._group(raw, data_sets, 1) is None:
                raise Garbled("the answer to the question for the serial number is that to another one")
            self.heard[raw] = data_sets
            if self._is_identity(raw):
                self._check_identity()
            time = None if self._timed else self._clock_text()
            if time is not None:
                self._timed = True
                yield MeterTime([time])

        def refused(question: Question, error: Refused) -> Conversation:
            self.heard[raws[question]] = error.reason
            if self._is_identity(raws[question]):
                self._check_identity()
            yield from ()

        programming = Programming(session, list(raws), self.requests.password, answered, refused)
        yield from programming.run(self.requests.attempts)

    # ---- who and when

    def _is_identity(self, raw: Raw) -> bool:
        return self.identity is not None and raw == parse_raw(self.identity["read"])

    def _is_identified(self) -> bool:
        """Whether nothing stands against publishing: the number was asked for and answered, or need not be."""
        return self.identity is None or parse_raw(self.identity["read"]) in self.heard

    def _check_identity(self) -> None:
        """Raises: WrongMeter; Refused where the profile wants the number and the meter does not tell it."""
        identity = self.identity
        if identity is None:
            return
        found = self._text(parse_raw(identity["read"]))
        if found is not None:
            self.own.unnumbered = 0
            check_serial(found, self.requests.serial, identity)
        elif identity.get("required", True):
            raise Refused("the meter does not tell its serial number", object_name=identity["read"])

    def _text(self, raw: Raw, field: int = 1) -> str | None:
        """The text of one group of an answer, or None."""
        found = self.heard.get(raw)
        if not isinstance(found, list):
            return None
        data_set = self._group(raw, found, field)
        return None if data_set is None else data_set[3]

    def _group(self, raw: Raw, data_sets: list[DataSet], field: int) -> DataSet | None:
        """The group of that number, from 1, under the address that was asked for, however the meter spells its code.

        Under any other address stands the late answer to another question.
        """
        address = str(raw.address).partition("(")[0] if raw.kind != READOUT else str(raw.address)
        found = by_address(data_sets, address)
        data_set = found.get((address, field - 1))
        code = full_name(address) if data_set is None else None
        if code is not None:
            spelled = [each[1] for each in data_sets if each[1] is not None and full_name(each[1]) == code]
            data_set = found.get((spelled[0], field - 1)) if spelled else None
        return data_set

    def _clock_text(self) -> str | None:
        clock = self.requests.profile.clock
        if not clock:
            return None
        if clock.get("read"):
            return iec_date_time(self._text(parse_raw(clock["read"])) or "")
        date, time = (self._text(parse_raw(clock[key])) for key in ("date", "time"))
        return iec_time(date or "", time or "")

    # ---- readings

    def _report(self, partly: bool) -> Conversation:
        """`partly`: the line failed before all was asked for; what was not is left to whoever runs the scan."""
        self._check_identity()
        self.stamp.text = self._clock_text()
        for choice in self.requests.choices:
            found = self.heard.get(choice.register.read)
            if found is None and partly:
                continue
            if not isinstance(found, list):
                yield Report(failed(choice.signal, found or "not_found"))
            else:
                yield Report(self._reading(choice, found))

    def _reading(self, choice: Choice, found: list[DataSet]) -> Reading:
        register, signal = choice.register, choice.signal
        if register.name == CLOCK:
            text = self._clock_text()
            return failed(signal, "clock") if text is None else values.reading(signal, text)
        data_set = self._group(register.read, found, choice.field or 1)
        if data_set is None:
            return failed(signal, "not_found")
        if register.name == SERIAL or register.scale is None:
            reading = reading_of(signal, data_set)
        else:
            try:
                value = multiplied(Number.parse(data_set[3]), register.scale)
            except ValueError:
                return failed(signal, "type")
            reading = values.reading(signal, value, register.unit or data_set[4])
        if reading.unit is None and reading.value is not None:
            reading.unit = register.unit
        return self.stamp.put_on(reading)
