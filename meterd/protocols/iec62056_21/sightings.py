"""Ways to find an IEC 62056-21 meter: the sign-on at the usual speeds and formats, and an ear for those that push.

The problem: `/?!` is answered by whoever is alone on the line, at the meter's own opening speed and format, by some
only after they were woken; a meter of mode D or with a P1 port says nothing to it and sends its list unasked.
Standard: IEC 62056-21 clauses 6.3.1, 6.3.2, 6.4 (t_r at most 1.5 s); DSMR P1 (115200 8N1, a list each second or each
ten).
The dirt: a meter that has identified itself waits for an acknowledgement, or sends its list in the meantime; several
meters answer at once, and what comes is no identification; noise, which is none either.
"""

from __future__ import annotations

from ..._readout_dialogue import IdentificationDecoder
from ...conversation import LineSettings, Pause, Receive, Send
from ...errors import DecodeError, Garbled, MeterdError, PortGone, Silence
from ...names.makers import Plate, from_identification
from ...sighting import FIRST, SECOND, THIRD, Attempt, Sighting
from .identity import numbers_told
from .learnt import Learnt
from .listening import behind_identification, is_list, quiet
from .messages import Identification, request_message
from .pushed import one_list
from .readout import read_out
from .session import Session
from .settings import SessionSettings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ...conversation import Conversation
    from ...model import Device, Memory
    from ...sighting import Place

PACKAGE = "iec62056_21"
ANSWER_MS = 1700  # t_r, and a converter's own time
REQUEST_CHARACTERS = 5
SEVEN, EIGHT = (7, "even"), (8, "none")
# (baud, data bits and parity, rank)
LINES = (
    (300, SEVEN, FIRST), (9600, SEVEN, SECOND), (2400, SEVEN, SECOND), (9600, EIGHT, SECOND), (300, EIGHT, SECOND),
    (4800, SEVEN, THIRD), (19200, SEVEN, THIRD), (2400, EIGHT, THIRD), (19200, EIGHT, THIRD), (1200, SEVEN, THIRD),
)  # fmt: skip
PUSHING = ((2400, SEVEN, 6.0), (9600, EIGHT, 11.0))
NULS = 40
NUL_BITS = 10
ATTENTION_S = 1.6  # a meter that waits for an acknowledgement hears no new request
NUMBER_ATTEMPTS = 2
MAX_SPEED_WITHIN_TCP = 9600


def attempts(place: Place) -> list[Attempt]:
    """The ways to find a meter there, those of the device that is thought to be there first."""
    if place.near is not None and place.near.protocol == PACKAGE:
        return _around(place.near)
    found = _ways(place.over_tcp, "0")
    return [*found, *_ears(place.over_tcp)]


def greeting(device: Device, memory: Memory) -> Conversation:
    """The list of a device without signals. Raises: MeterdError."""
    settings = SessionSettings.of(device)
    if device["type"] == "D":
        yield from one_list(settings, device["scan_rate_ms"])
        return
    session = Session(settings, Learnt.of(memory))
    yield from read_out(session, device["mode_control_char"], None, 1 + device["retry_counter"])


def _around(device: Device) -> list[Attempt]:
    """Who answers without a number on the line as it is set; then the same at the other speeds and formats."""
    own = SessionSettings.of(device)
    ways = []
    if device["serialnumber"].strip("0 ") or own.request is not None:
        line = own.opening
        words = f"{_words(line)}, without a number" if line else "without a number"
        ways.append(_sign_on(line, words, FIRST, ask_number=True))
    ways += _ways(not device.has_line(), "0", own.opening)
    if device["serialnumber"].strip("0 "):
        ways += _ways(not device.has_line(), device["serialnumber"], own.opening)[:4]
    return [*ways, *_ears(not device.has_line())]


def _ways(over_tcp: bool, serial: str, known: LineSettings | None = None) -> list[Attempt]:
    if over_tcp:
        plain = _sign_on(None, "as the converter has it", FIRST, serial)
        within = LineSettings(MAX_SPEED_WITHIN_TCP, 7, "even", within_eight=True)
        woken = _sign_on(None, "woken by NULs", SECOND, serial, NULS)
        return [plain, _sign_on(within, "7E1 within 8 bits", SECOND, serial), woken]
    lines = [(LineSettings(speed, bits, parity), rank) for speed, (bits, parity), rank in LINES]
    ways = [_sign_on(line, _words(line), rank, serial) for line, rank in lines if line != known]
    slow = lines[0][0]
    return [*ways, _sign_on(slow, f"{_words(slow)}, woken by NULs", SECOND, serial, NULS)]


def _ears(over_tcp: bool) -> list[Attempt]:
    if over_tcp:
        return [_ear(None, 11.0)]
    return [_ear(LineSettings(speed, bits, parity), seconds) for speed, (bits, parity), seconds in PUSHING]


def _words(line: LineSettings) -> str:
    return f"{line.baudrate} {line.data_bits}{line.parity[0].upper()}1"


def _sign_on(
    line: LineSettings | None, words: str, rank: int, serial: str = "0", nuls: int = 0, ask_number: bool = False
) -> Attempt:
    baudrate = line.baudrate if line else 300
    seconds = ANSWER_MS / 1000 + (REQUEST_CHARACTERS + nuls + len(serial.strip("0"))) * NUL_BITS / baudrate
    called = f" by the number {serial}" if serial.strip("0 ") else ""
    name = f"IEC 62056-21 sign-on{called}, {words}"
    return Attempt(PACKAGE, name, seconds, lambda tell: _call(line, serial, nuls, ask_number), rank)


def _call(line: LineSettings | None, serial: str, nuls: int, ask_number: bool) -> Conversation:
    """Returns: [Sighting]."""
    if line is not None:
        yield line
    request = request_message(serial)
    decoder = IdentificationDecoder()
    if nuls:
        yield Send(bytes(nuls))
        if line is None:
            yield Pause(nuls * NUL_BITS / 300)
    yield Send(request)
    try:
        told: bytes = yield Receive(decoder, ANSWER_MS, ANSWER_MS)
    except (Silence, Garbled, DecodeError):
        return []
    plate = from_identification(told.decode("latin-1"))
    if not plate.letters:
        return []
    rest = yield from behind_identification(decoder.take_rest(), 300)
    pushes = is_list(rest) and Identification(told).mode() == "C"
    yield from quiet()
    yield Pause(ATTENTION_S)
    parameters = _parameters(line, serial, nuls)
    if pushes:
        return (yield from _listen(line, 11000))
    if ask_number:
        parameters["serialnumber"] = yield from _number(line, plate)
    how = f"{told.decode('latin-1')} answers {request.decode('latin-1').strip()}"
    if line is not None and not line.within_eight:
        how += f" at {_words(line)}"
    return [Sighting(PACKAGE, parameters, how, plate)]


def _parameters(line: LineSettings | None, serial: str, nuls: int) -> dict[str, object]:
    found: dict[str, object] = {"serialnumber": serial}
    if line is not None and not line.within_eight:
        found.update(baudrate=line.baudrate, databits=line.data_bits, parity=line.parity, stopbits=1)
    elif line is not None:
        found.update(databits=7, parity="even")
    if nuls:
        found["wakeup_nuls"] = nuls
    return found


def _number(line: LineSettings | None, plate: Plate) -> Conversation:
    """The number by which the meter can be called, where its list tells one that it answers to; else 0, whoever is
    there."""
    settings = SessionSettings("0", line, ANSWER_MS)
    settings.identity_check = False
    session = Session(settings, Learnt())
    try:
        found = yield from read_out(session, 0, None, NUMBER_ATTEMPTS)
    except PortGone:
        raise
    except MeterdError:
        return "0"
    for number in numbers_told(found.data_sets, session.identification):
        plate.serial = plate.serial or number.strip()
        yield Pause(ATTENTION_S)
        if (yield from _answers(line, number.strip())):
            return number.strip()
    return "0"


def _answers(line: LineSettings | None, number: str) -> Conversation:
    if line is not None:
        yield line
    try:
        yield Send(request_message(number))
        yield Receive(IdentificationDecoder(), ANSWER_MS, ANSWER_MS)
    except (Silence, Garbled, DecodeError):
        return False
    yield from quiet()
    return True


def _ear(line: LineSettings | None, seconds: float) -> Attempt:
    words = f"listening for a list that comes unasked{f', {_words(line)}' if line else ''}"
    words = f"IEC 62056-21, {words}"
    return Attempt(PACKAGE, words, seconds, lambda tell: _listen(line, seconds * 1000), THIRD, listens=True)


def _listen(line: LineSettings | None, milliseconds: float) -> Conversation:
    """Returns: [Sighting] of a meter that pushes."""
    settings = SessionSettings("0", line, int(milliseconds))
    try:
        found = yield from one_list(settings, int(milliseconds / 2))
    except (Silence, Garbled, DecodeError):
        return []
    numbers = numbers_told(found.data_sets, b"")
    plate = Plate("", serial=numbers[0].strip() if numbers else "")
    parameters = {**_parameters(line, "0", 0), "type": "D"}
    return [Sighting(PACKAGE, parameters, "a list comes unasked", plate)]
