"""Ways to find M-Bus meters: the address for whoever is there, the wildcard selection, then the whole search.

The problem: one meter is found by one question; several answer it all at once, and what comes then is no frame.
Standard: EN 13757-2 (254: any meter answers), EN 13757-3 clause 11 (selection with wildcards).
The dirt: meters that do not answer 254, or know no secondary addresses; E5 alone, which noise can look like: who gives
no telegram is no meter. A line on which bytes come unasked is left alone: a search there would take noise for
collisions.
"""

from __future__ import annotations

from ...conversation import LineSettings, Receive
from ...errors import Garbled, MeterdError, PortGone, ProtocolError, Silence
from ...model import Signal
from ...names.makers import from_mbus
from ...sighting import FIRST, LAST, SECOND, THIRD, Attempt, Sighting, captured
from . import driver, search
from . import link as wire
from .conversation import MeterState, ask_with_retries, deselect, request, select
from .identity import Identity
from .link import Link
from .parameters import SIGNAL
from .telegram import header_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..._mbus_telegram import Telegram
    from ...conversation import Conversation
    from ...model import Device, Memory
    from ...sighting import Place

    Tell = Callable[[str], None]

PACKAGE = "mbus"
SPEEDS = ((2400, FIRST), (300, SECOND), (9600, SECOND), (4800, THIRD), (1200, THIRD), (600, THIRD), (19200, THIRD))
CONVERTER_MS = 150  # over TCP the clock starts before the converter sends
UNASKED_MS = 150
REST_MS = 200  # a meter that pushes each second is not waited for until it is silent
LISTENED_MS = 3000  # where all that came may be noise
NOBODYS = "A" * 16  # a secondary address that no meter has: who answers to that answers to anything
MAX_VAIN = 400  # selections that all collide, until the line is taken to babble
QUESTIONS = 4  # NKE and REQ_UD2 to 254, a selection, and what is asked of who was selected
FRAME_BITS = 17 * 11


def attempts(place: Place) -> list[Attempt]:
    """The ways to find meters there; around a device first at its own speed and format."""
    near = place.near if place.near is not None and place.near.protocol == PACKAGE else None
    if place.over_tcp:
        speeds = [(wire.STANDARD_BAUDRATE, FIRST)]
    else:
        speeds = list(SPEEDS)
    lines = [(LineSettings(speed, 8, "even", 1), rank) for speed, rank in speeds]
    if near is not None and near.has_line():
        own = _line_of(near)
        lines = [(own, FIRST), *((line, rank) for line, rank in lines if line != own)]
    ways = [_probe(line, rank, place.over_tcp, near is None) for line, rank in lines]
    ways.append(_sweep(LineSettings(wire.STANDARD_BAUDRATE, 8, "even", 1), place.over_tcp))
    return ways


def greeting(device: Device, memory: Memory) -> Conversation:
    """The readout of a device without signals. Raises: MeterdError."""
    values = {parameter.name: parameter.default for parameter in SIGNAL}
    plan = driver.plan(
        device, [Signal(device.alias, "first", {**values, "number_type": "STRING", "tag_job_todo": "0"})]
    )
    yield from captured(driver.conversation(plan, memory), [])


def _line_of(device: Device) -> LineSettings:
    return LineSettings(device["baudrate"], device["databits"], device["parity"], device["stopbits"])


def _link(line: LineSettings, over_tcp: bool) -> Link:
    link = Link(line.baudrate, CONVERTER_MS if over_tcp else 0, 1, over_tcp)
    link.rest_ms = min(link.rest_ms, REST_MS)
    return link


def _shown(line: LineSettings, over_tcp: bool) -> str:
    return "" if over_tcp else f", {line.baudrate} {line.data_bits}{line.parity[0].upper()}1"


def _probe(line: LineSettings, rank: int, over_tcp: bool, thorough: bool) -> Attempt:
    one = _link(line, over_tcp).timeout_ms / 1000 + FRAME_BITS / line.baudrate
    words = f"M-Bus{_shown(line, over_tcp)}: 254, then a secondary address of wildcards"
    seconds = UNASKED_MS / 1000 + one * (QUESTIONS - 1)
    return Attempt(PACKAGE, words, seconds, lambda tell: _whoever(line, over_tcp, thorough, tell), rank, goes_on=True)


def _sweep(line: LineSettings, over_tcp: bool) -> Attempt:
    one = _link(line, over_tcp).timeout_ms / 1000 + 5 * 11 / line.baudrate
    words = f"M-Bus{_shown(line, over_tcp)}: each primary address"
    return Attempt(
        PACKAGE, words, one * (wire.HIGHEST_PRIMARY + 1), lambda tell: _search(line, over_tcp, ("primary",), tell), LAST
    )


def _whoever(line: LineSettings, over_tcp: bool, thorough: bool, tell: Tell) -> Conversation:
    """Returns: [Sighting] of all that are there, by a search where it is not one alone."""
    yield line
    link = _link(line, over_tcp)
    if (yield from _babbles(link)):
        return []
    at_254 = yield from _ask_254(link)
    selected = yield from _ask_selected(link)
    if at_254 is NOBODY and selected is NOBODY:
        return []
    seen = [one for one in (at_254, selected) if isinstance(one, Seen)]
    if seen and CLASH not in (at_254, selected) and all(one.identity() == seen[0].identity() for one in seen):
        meter = yield from _reached(link, line, seen[0])
        return [_sighting(meter, line, over_tcp)]
    if not seen and ((yield from _babbles(link, LISTENED_MS)) or (yield from _ask_selected(link, NOBODYS)) != NOBODY):
        return []
    found: list[Sighting] = yield from _search(
        line, over_tcp, ("primary", "secondary") if thorough else ("secondary",), tell
    )
    return found


def _babbles(link: Link, milliseconds: int = UNASKED_MS) -> Conversation:
    """Whether bytes come that nobody asked for."""
    link.decoder.reset()
    try:
        yield Receive(link.decoder, milliseconds, milliseconds)
    except Silence:
        return False
    except Garbled:
        pass
    return True


class Seen:
    """One meter's answer: the address that it bears, and its header, or None where it has none."""

    __slots__ = ("address", "header")

    def __init__(self, address: int, header: Telegram | None) -> None:
        self.address = address
        self.header = header

    def identity(self) -> bytes | None:
        return self.header.identity if self.header else None


NOBODY, CLASH = "nobody", "clash"


def _ask_254(link: Link) -> Conversation:
    """Seen, CLASH where what comes is no telegram, NOBODY."""
    try:
        yield from ask_with_retries(link, wire.short_frame(wire.SND_NKE, wire.ANY_WITH_ANSWER))
    except Silence:
        pass
    except (Garbled, ProtocolError):
        return CLASH
    return (yield from _who(link, wire.ANY_WITH_ANSWER))


def _ask_selected(link: Link, mask: str = wire.WILDCARDS) -> Conversation:
    """The same of the meters that a mask selects."""
    try:
        yield from select(link, mask)
    except Silence:
        return NOBODY
    except (Garbled, ProtocolError):
        return CLASH
    found = yield from _who(link, wire.NETWORK)
    yield from deselect(link)
    return CLASH if found is NOBODY else found


def _who(link: Link, address: int) -> Conversation:
    try:
        frame = yield from request(link, address, MeterState())
    except Silence:
        return NOBODY
    except PortGone:
        raise
    except MeterdError:
        return CLASH
    return Seen(frame.address, header_of(frame))


def _reached(link: Link, line: LineSettings, seen: Seen) -> Conversation:
    """How the only meter there is called: by the primary address that its answers bear, if it answers to that, by its
    secondary one, else as whoever is there. Returns: a meter as a search has it."""
    if seen.address <= wire.HIGHEST_PRIMARY:
        again = yield from _who(link, seen.address)
        if isinstance(again, Seen) and again.identity() == seen.identity():
            return search.describe(seen.header, str(seen.address), line.baudrate)
    address = Identity(seen.header).secondary_address if seen.header is not None else ""
    if address:
        again = yield from _ask_selected(link, address)
        if isinstance(again, Seen):
            return search.describe(seen.header, "", line.baudrate, secondary=True)
    return search.describe(seen.header, str(wire.ANY_WITH_ANSWER), line.baudrate)


def _search(line: LineSettings, over_tcp: bool, parts: tuple[str, ...], tell: Tell) -> Conversation:
    """All meters at one speed: each primary address, the tree of secondary addresses, or both."""
    state = search.new_state((line.baudrate,), "primary" in parts, "secondary" in parts)
    timeout_ms = CONVERTER_MS if over_tcp else 0
    yield line
    if (yield from _babbles(_link(line, over_tcp))):
        return []

    def progress(now: dict[str, Any]) -> None:
        _give_up_in_vain(now)
        where = f"{now['baudrate']} baud, " if not over_tcp else ""
        tell(f"M-Bus search: {where}at {now['at']}: {search.count_of(now['found'])} meters")

    try:
        yield from search.scan(state, timeout_ms=timeout_ms, settings=line, progress=progress)
    except Garbled:
        pass  # it babbles: what was found before stands
    return sightings_of(state, line, over_tcp)


def _give_up_in_vain(state: dict[str, Any]) -> None:
    """Raises: Garbled."""
    if state["selections"] > MAX_VAIN and not state["found"]:
        raise Garbled("every selection collides, and nobody says who he is: the line babbles")


def sightings_of(state: dict[str, Any], line: LineSettings, over_tcp: bool) -> list[Sighting]:
    """The meters of a search, each once, by the shortest of its addresses."""
    found: list[Sighting] = []
    known: set[str] = set()
    for meter in sorted(state["found"], key=lambda meter: len(meter["address"])):
        identity = meter["secondary_address"] or meter["identification"]
        if identity and identity not in known:
            known.add(identity)
            found.append(_sighting(meter, line, over_tcp))
    return found


def _sighting(meter: dict[str, Any], line: LineSettings, over_tcp: bool) -> Sighting:
    plate = from_mbus(meter["manufacturer"], meter["version"], meter["medium"], meter["identification"])
    parameters: dict[str, Any] = {"address": meter["address"]}
    if not over_tcp:
        parameters.update(baudrate=line.baudrate, databits=line.data_bits, parity=line.parity, stopbits=line.stop_bits)
    kind = "primary" if meter["primary"] else "secondary"
    how = f"{plate.words()} answers at {kind} address {meter['address']}{_shown(line, over_tcp)}"
    return Sighting(PACKAGE, parameters, how, plate)
