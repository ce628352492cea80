"""Talking to one meter: normalise, request, read a chain of telegrams to its end, send, select.

The problem: a meter repeats its last telegram when the FCB did not change and goes on to the next when it did, so both
sides must agree on that bit over all that may be lost; and a telegram may be one of many.
Assumption: whoever drives the line removes whole echoes; parts of them are recognised here by the master's C field.
Standard: EN 13757-2 clause 5 (FCB, retries), EN 13757-3 clauses 7 (application reset), 11 (secondary addressing).
Dirt it must survive: meters that do not confirm SND_NKE (ABB CEM05100, Gossen), that hand out their oldest telegram
until they are normalised under their own address (Pollustat E), that ignore the FCB; echoes; several meters answering
at once.
"""

from __future__ import annotations

from ...conversation import LineSettings, Pause, Receive, Send, with_retries
from ...errors import Garbled, ProtocolError, Refused, Silence, WrongMeter
from . import link as wire
from .telegram import Telegram, decode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..._mbus import MbusFrame
    from ...conversation import Conversation
    from .link import Link

MAX_ECHOES = 4  # frames of a master that are skipped before an answer
MAX_HUSH = 40  # rests waited for until a babbling line is given up
MAX_TELEGRAMS = 128  # of one readout
NKE_ATTEMPTS = 2  # the first may only wake the meter; those that never confirm are read all the same
BAUDRATE_PAUSE_S = 0.05  # EN 13757-2: the meter switches within two byte times of its answer; converters are slower


class MeterState:
    """What is remembered of one meter between scans.

    `fcb` 0 or 1, for the next request; `in_step`: the last readout ended as it should; `chained`: it had more than one
    telegram, so the next must start anew with SND_NKE.
    """

    __slots__ = ("chained", "fcb", "in_step")

    def __init__(self) -> None:
        self.normalised()
        self.in_step = False
        self.chained = False

    def normalised(self) -> None:
        self.fcb = 1

    def toggle(self) -> None:
        self.fcb ^= 1

    def control(self, control: int) -> int:
        """A C field with the frame count bit."""
        return control | (wire.FCB if self.fcb else 0)


def hush(link: Link) -> Conversation:
    """Wait until nobody talks any more: after a collision or a damaged frame the rest is still on its way."""
    for _ in range(MAX_HUSH):
        link.decoder.reset()
        try:
            yield Receive(link.decoder, link.gap_ms, link.gap_ms)
        except Silence:
            return
        except Garbled:
            continue


def ask(link: Link, data: bytes) -> Conversation:
    """One request, one answer. Returns: MbusFrame. Raises: Silence, Incomplete, Garbled, ProtocolError."""
    link.decoder.reset()
    yield Send(data)
    try:
        for _ in range(MAX_ECHOES):
            frame: MbusFrame = yield Receive(link.decoder, link.timeout_ms, link.gap_ms)
            if not frame.from_master:
                if frame.acknowledges and not _only_acknowledgements(link):
                    # E5 is the last byte of an answer: other bytes behind it are what a collision looks like.
                    raise Garbled("an acknowledgement in the midst of other bytes: several meters answer at once")
                return frame
    except Garbled:
        yield from hush(link)
        raise
    raise ProtocolError("only echoes came back")


def _only_acknowledgements(link: Link) -> bool:
    """Whether nothing stands behind an E5 but more of them: several meters selected, or a line that repeats."""
    while link.decoder.pending:
        frame = link.decoder.feed(b"")
        if frame is None or not frame.acknowledges:
            return False
    return True


def ask_with_retries(link: Link, data: bytes) -> Conversation:
    """The same, at most `link.attempts` times."""
    return (yield from with_retries(link.attempts, lambda: ask(link, data)))


def normalise(link: Link, address: int, state: MeterState) -> Conversation:
    """SND_NKE to the meter's own address. Returns: whether it confirmed; meters that do not are read all the same."""
    state.normalised()
    for _ in range(min(NKE_ATTEMPTS, link.attempts)):
        try:
            frame: MbusFrame = yield from ask(link, wire.short_frame(wire.SND_NKE, address))
        except (Silence, Garbled):
            continue
        return frame.acknowledges
    return False


def select(link: Link, mask: str) -> Conversation:
    """Select the meters that a secondary address covers; all others are deselected by it.

    Raises: Silence where none is there, Garbled where answers collide.
    """
    data = wire.long_frame(wire.SND_UD, wire.NETWORK, wire.SELECT, wire.selection(mask))
    frame: MbusFrame = yield from ask_with_retries(link, data)
    if not frame.acknowledges:
        raise ProtocolError(f"the selection of {mask} was answered by {frame!r}")


def deselect(link: Link) -> Conversation:
    """SND_NKE to 253: whoever is selected confirms and is selected no more. Silence is an answer as well."""
    try:
        yield from ask(link, wire.short_frame(wire.SND_NKE, wire.NETWORK))
    except (Silence, Garbled, ProtocolError):
        return


def request(link: Link, address: int, state: MeterState, control: int = wire.REQ_UD2) -> Conversation:
    """REQ_UD2 (or REQ_UD1), repeated with the same FCB until it is answered; then the FCB changes.

    Returns: MbusFrame, a RSP_UD. Raises: LineError, ProtocolError, Refused (E5: the meter has no such data).
    """
    data = wire.short_frame(state.control(control), address)
    frame: MbusFrame = yield from with_retries(link.attempts, lambda: _ask_for_data(link, data, address))
    state.toggle()
    return frame


def _ask_for_data(link: Link, data: bytes, address: int) -> Conversation:
    frame: MbusFrame = yield from ask(link, data)
    if frame.acknowledges:
        frame = yield from _behind_acknowledgement(link, data)
    if frame.ci < 0 or frame.control & wire.FUNCTION != wire.RSP_UD:
        raise ProtocolError(f"{frame!r} is no answer to a request for data")
    if address <= wire.HIGHEST_PRIMARY and frame.address != address:
        raise WrongMeter(f"address {frame.address} answered, not {address}")
    return frame


def _behind_acknowledgement(link: Link, data: bytes) -> Conversation:
    """E5 where data was asked for: the late answer to something else, a part of a collision, or "I have none".

    Returns: the frame that follows. Raises: Garbled, Refused where nothing does.
    """
    if link.decoder.discarded:
        dropped = link.decoder.discarded
        yield from hush(link)
        raise Garbled(f"an E5 among {dropped} other bytes")
    if data[1] & ~wire.FCB == wire.REQ_UD2:
        try:
            frame: MbusFrame = yield Receive(link.decoder, link.timeout_ms, link.gap_ms)
        except Silence:
            pass
        except Garbled:
            yield from hush(link)
            raise
        else:
            if not frame.acknowledges:
                return frame
    raise Refused("the meter has no data of this class", reason="not_found")


def send_data(link: Link, address: int, state: MeterState, ci: int, data: bytes = b"") -> Conversation:
    """SND_UD. Raises: LineError, ProtocolError, Refused (the meter reports an application error)."""
    message = wire.long_frame(state.control(wire.SND_UD), address, ci, data)
    frame: MbusFrame = yield from ask_with_retries(link, message)
    state.toggle()
    if not frame.acknowledges:
        decode(frame)
        raise ProtocolError(f"SND_UD was answered by {frame!r}")


def application_reset(link: Link, address: int, state: MeterState, subcode: int | None = None) -> Conversation:
    """CI 50: the meter goes back to its standard telegram, or to the one that `subcode` (0..255) names."""
    yield from send_data(link, address, state, wire.APPLICATION_RESET, b"" if subcode is None else bytes([subcode]))


def switch_baudrate(link: Link, address: int, state: MeterState, settings: LineSettings, baudrate: int) -> Conversation:
    """CI B8..BF: the meter confirms at the old speed, then both go over to the new one (a key of SET_BAUDRATE)."""
    yield from send_data(link, address, state, wire.SET_BAUDRATE[baudrate])
    yield Pause(BAUDRATE_PAUSE_S)
    yield settings.at(baudrate)


def read_telegrams(
    link: Link, address: int, state: MeterState, key: bytes | None = None, identity: bytes | None = None
) -> Conversation:
    """All telegrams of a readout: requests go on with changing FCB until one does not end with DIF 1F.

    Returns: [Telegram]. Raises: LineError, ProtocolError, Refused, DecodeError, SecurityError.
    """
    telegrams: list[Telegram] = []
    repeated = False
    state.in_step = False
    while len(telegrams) < MAX_TELEGRAMS:
        try:
            frame: MbusFrame = yield from request(link, address, state)
        except Refused:
            if telegrams:
                return telegrams  # it promised more and has none: what it gave is good
            raise
        telegram = decode(frame, key, identity)
        if telegrams and _same(telegrams[-1], telegram):
            if repeated:
                return telegrams  # it ignores the FCB and will never say anything else
            # A late answer to an earlier request, perhaps: with this request's own FCB the meter says what it meant.
            repeated = True
            state.toggle()
            continue
        repeated = False
        telegrams.append(telegram)
        identity = identity or telegram.identity
        if not telegram.more_follow:
            state.in_step = True
            state.chained = len(telegrams) > 1
            return telegrams
    raise ProtocolError(f"more than {MAX_TELEGRAMS} telegrams in one readout")


def _same(one: Telegram, other: Telegram) -> bool:
    return [record.raw for record in one.records] == [record.raw for record in other.records]
