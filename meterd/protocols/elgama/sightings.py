"""Ways to find an Elgama meter: a GAMA by the HDLC address that all of them hear, an EPQS by its sign-on.

Assumptions: a GAMA of whatever number hears logical device 1, all physical ones, and its number is read back by the
profile of GAMA 300; an identification that begins with EGM is Elgama's, and G1 or G3 behind it name the GAMA 100 or 300
(published identifications; the others are taken for EPQS, whose profile asks for nothing that a meter must know).
"""

from __future__ import annotations

from ...conversation import LineSettings
from ...errors import LineError, MeterdError, PortGone
from ...model import Memory, Signal
from ...names.makers import Plate
from ...sighting import FIRST, SECOND, Attempt, Sighting, captured
from ..dlms.sightings import Search
from ..iec62056_21 import sightings as iec
from . import driver
from .parameters import SIGNAL
from .settings import DEFAULT_LINES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ...conversation import Conversation
    from ...model import Device, Reading
    from ...sighting import Place

PACKAGE = "elgama"
FLAG = "EGM"
ANYONE = "0002FEFF"
CLIENT = 16
GAMA300, GAMA100, EPQS = 2, 3, 1
ANSWER_MS = 800
TIMEOUT_MS = 2500
# The beginning of a model → meter_model.
MODELS = (("G3", GAMA300), ("G1", GAMA100))
OPTICAL = "gama300-optical"
SPEEDS = ((9600, FIRST), (19200, SECOND), (4800, SECOND), (2400, SECOND))


def attempts(place: Place) -> list[Attempt]:
    """The ways to find a meter there."""
    own = place.near if place.near is not None and place.near.protocol == PACKAGE else None
    lines: list[tuple[LineSettings | None, int]] = [(LineSettings(speed), rank) for speed, rank in SPEEDS]
    if place.over_tcp and (own is None or not own.has_line()):
        lines = [(None, FIRST)]
    ways = [_gama(place, line, rank) for line, rank in lines]
    if own is not None:
        ways += [_adopting(attempt) for attempt in iec.attempts(place)]
    return ways


def adopted(sighting: Sighting) -> Sighting:
    """An IEC 62056-21 sighting of an Elgama meter as one of ours; any other as it is."""
    if sighting.package != iec.PACKAGE or sighting.plate.letters != FLAG or sighting.parameters.get("type") == "D":
        return sighting
    model = next((number for head, number in MODELS if sighting.plate.model.startswith(head)), EPQS)
    serial = sighting.parameters["serialnumber"]
    parameters: dict[str, Any] = {"id": int(serial) if serial.isdigit() else 0, "meter_model": model}
    if model != EPQS:
        parameters["profile"] = OPTICAL
        return Sighting(PACKAGE, {**parameters, "baudrate": DEFAULT_LINES[True].baudrate}, sighting.how, sighting.plate)
    parameters |= {name: sighting.parameters[name] for name in iec_line(sighting)}
    return Sighting(PACKAGE, parameters, sighting.how, sighting.plate)


def iec_line(sighting: Sighting) -> list[str]:
    return [name for name in ("baudrate", "databits", "parity", "stopbits") if name in sighting.parameters]


def _adopting(attempt: Attempt) -> Attempt:
    def talk(tell: Callable[[str], None]) -> Conversation:
        found: list[Sighting] = yield from attempt.talk(tell)
        return [adopted(one) for one in found if one.plate.letters == FLAG]

    return Attempt(PACKAGE, attempt.words.replace("IEC 62056-21", "Elgama"), attempt.seconds, talk, attempt.rank)


def _gama(place: Place, line: LineSettings | None, rank: int) -> Attempt:
    shown = f", {line.baudrate} 8N1" if line else ""
    words = f"Elgama GAMA over HDLC{shown}: whatever its number"
    return Attempt(PACKAGE, words, ANSWER_MS / 1000, lambda tell: _look(place, line), rank)


def _look(place: Place, line: LineSettings | None) -> Conversation:
    """Returns: [Sighting] of the GAMA that tells its number."""
    if line is not None:
        yield line
    if not (yield from Search((ANYONE,), (CLIENT,), ANSWER_MS, None).answers(CLIENT, bytes.fromhex(ANYONE), 0.0)):
        return []
    parameters: dict[str, Any] = {"id": 0, "meter_model": GAMA300}
    if line is not None:
        parameters["baudrate"] = line.baudrate  # the character format is the profile's
    device = place.make(PACKAGE, {**parameters, "timeout_ms": TIMEOUT_MS})
    serial = yield from _serial(device)
    if not serial:
        return []
    parameters["id"] = int(serial)
    how = f"a GAMA answers all-station HDLC address {ANYONE}{shown_line(line)} and tells its number {serial}"
    return [Sighting(PACKAGE, parameters, how, Plate(FLAG, "GAMA", serial=serial))]


def shown_line(line: LineSettings | None) -> str:
    return f" at {line.baudrate} 8N1" if line else ""


def greeting(device: Device, memory: Memory) -> Conversation:
    """The number of a device without signals. Returns: [Reading]. Raises: MeterdError."""
    values = {parameter.name: parameter.default for parameter in SIGNAL}
    values |= {"number_type": "STRING", "job_todo": "serial", "tag_job_todo": "serial"}
    readings: list[Reading] = []
    plan = driver.plan(device, [Signal(device.alias, "serial", values)])
    yield from captured(driver.conversation(plan, memory), readings)
    return readings


def _serial(device: Device) -> Conversation:
    """The number that the meter tells, '' where it tells none."""
    try:
        readings: list[Reading] = yield from greeting(device, Memory())
    except PortGone:
        raise
    except (LineError, MeterdError):
        return ""
    told = str(readings[0].value) if readings and readings[0].value is not None else ""
    return told if told.isdigit() else ""
