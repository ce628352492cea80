"""Talking to one meter: wake, normalise, request, read a chain of telegrams to its end, send, select.

The problem: a meter repeats its last telegram when the FCB did not change and goes on to the next when it did, so both
sides must agree on that bit over all that may be lost; and a telegram may be one of many.
Assumption: whoever drives the line removes whole echoes; parts of them are recognised here by the master's C field.
Standard: EN 13757-2 clause 5 (FCB, retries), EN 13757-3 clauses 7 (application reset), 11 (secondary addressing).
Dirt it must survive: meters that do not confirm SND_NKE (ABB CEM05100, Gossen), that hand out their oldest telegram
until they are normalised under their own address (Pollustat E), that ignore the FCB, that confirm or answer twice;
late answers of other meters; echoes; several meters answering at once.
"""

from __future__ import annotations

from ...conversation import LineSettings, Pause, Receive, Reopen, with_retries
from ...errors import (
    DecodeError,
    Garbled,
    LineError,
    MeterdError,
    PortGone,
    ProtocolError,
    Refused,
    SecurityError,
    Silence,
    WrongMeter,
)
from . import link as wire
from .telegram import NO_ALARM, decode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..._mbus import MbusFrame
    from ..._mbus_telegram import Telegram
    from ..._mbus_values import Record
    from ...conversation import Conversation
    from .link import Link

MAX_ECHOES = 4  # frames of a master that are skipped before an answer
MAX_LATE = 6  # frames that are no answer to this request, before one that is
MAX_HUSH = 40  # rests waited for until a babbling line is given up
MAX_TELEGRAMS = 128  # of one readout
NKE_ATTEMPTS = 2  # the first may only wake the meter; those that never confirm are read all the same
BAUDRATE_PAUSE_S = 0.05  # EN 13757-2: the meter switches within two byte times of its answer; converters are slower
STALE_MS = 50  # a second E5 of a meter that confirms twice comes within this time
WAKE_UP = b"\x55"  # alternating bits, for as long as a sleeping meter takes to look
WAKE_UP_PAUSE_S = 0.1  # silence behind them (11 to 330 bit times)


class MeterState:
    """What is remembered of one meter between scans.

    `fcb` 0 or 1, for the next request; `in_step`: the last readout ended as it should; `chained`: it had more than one
    telegram, so the next must start anew with SND_NKE; `identity`: the 8 bytes that it last said of itself, or None;
    `renamed`: (address as configured, address that a job of ours gave the meter), or None; `last`: the last answer of
    this scan, which may come again.
    """

    __slots__ = ("chained", "fcb", "identity", "in_step", "last", "renamed")

    def __init__(self) -> None:
        self.normalised()
        self.in_step = False
        self.chained = False
        self.identity: bytes | None = None
        self.renamed: tuple[str, str] | None = None
        self.last: MbusFrame | None = None

    def normalised(self) -> None:
        self.fcb = 1

    def toggle(self) -> None:
        self.fcb ^= 1

    def control(self, control: int) -> int:
        """A C field with the frame count bit."""
        return control | (wire.FCB if self.fcb else 0)

    def address(self, configured: str) -> str:
        """Where the meter is now."""
        return self.renamed[1] if self.renamed is not None and self.renamed[0] == configured else configured


class Readout:
    """What came whole of a readout; `broken` is why the rest of its chain did not come, or None."""

    __slots__ = ("broken", "telegrams")

    def __init__(self, telegrams: list[Telegram], broken: MeterdError | None = None) -> None:
        self.telegrams = telegrams
        self.broken = broken

    def records(self) -> list[Record]:
        return [record for telegram in self.telegrams for record in telegram.records]


def hush(link: Link) -> Conversation:
    """Wait until nobody talks any more: after a collision or a damaged frame the rest is still on its way."""
    for _ in range(MAX_HUSH):
        link.decoder.reset()
        try:
            yield Receive(link.decoder, link.rest_ms, link.rest_ms)
        except Silence:
            return
        except Garbled:
            continue


def wake(link: Link, settings: LineSettings, milliseconds: int) -> Conversation:
    """The preamble of a meter that sleeps: 55 again and again, without parity so that the bits alternate."""
    seconds = milliseconds / 1000
    character_bits = settings.character_bits() if link.over_tcp else 10
    yield LineSettings(settings.baudrate, 8, "none", 1)
    yield link.sending(WAKE_UP * max(int(seconds * settings.baudrate / character_bits), 1))
    # A converter takes the bytes at once, and then sends them at the pace of its line.
    yield Pause(WAKE_UP_PAUSE_S + (seconds if link.over_tcp else 0.0))
    yield settings


def ask(link: Link, data: bytes) -> Conversation:
    """One request that is to be confirmed. Returns: MbusFrame. Raises: Silence, Incomplete, Garbled, ProtocolError."""
    return (yield from _connected_anew(link, lambda: _ask(link, data)))


def _connected_anew(link: Link, attempt: Callable[[], Conversation]) -> Conversation:
    """An exchange once more over a new connection, where the one that was answered last has been closed behind it."""
    try:
        return (yield from attempt())
    except PortGone:
        if not link.reconnects or not link.answered:
            raise
        link.answered = False
        yield Reopen(link.timeout_ms / 1000)
        return (yield from attempt())


def _ask(link: Link, data: bytes) -> Conversation:
    yield link.sending(data)
    try:
        frame: MbusFrame = yield from _answer(link, link.timeout_ms)
        if frame.acknowledges:
            yield from _look_behind(link)
        return frame
    except Garbled:
        yield from hush(link)
        raise


def _answer(link: Link, timeout_ms: float) -> Conversation:
    """The next frame that no master sent."""
    for _ in range(MAX_ECHOES):
        frame: MbusFrame = yield Receive(link.decoder, timeout_ms, link.gap_ms)
        link.answered = True
        if not frame.from_master:
            return frame
    raise ProtocolError("only echoes came back")


def _look_behind(link: Link) -> Conversation:
    """Raises: Garbled where neither whole frames nor nothing stand behind an E5: what a collision looks like."""
    before = link.decoder.discarded
    while link.decoder.pending:
        frame = link.decoder.feed(b"")
        if frame is None and link.decoder.pending and link.decoder.discarded == before:
            yield Receive(link.decoder, link.rest_ms, link.rest_ms)
        if link.decoder.discarded > before:
            raise Garbled("an acknowledgement in the midst of other bytes: several meters answer at once")


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


def request(
    link: Link, address: int, state: MeterState, control: int = wire.REQ_UD2, sender: int | None = None
) -> Conversation:
    """REQ_UD2 (or REQ_UD1), repeated with the same FCB until it is answered; then the FCB changes.

    `sender`: the address field that the answer must have, if it is known. Returns: MbusFrame, a RSP_UD.
    Raises: LineError, ProtocolError, WrongMeter, Refused (E5: the meter has no such data).
    """
    data = wire.short_frame(state.control(control), address)
    if sender is None and address <= wire.HIGHEST_PRIMARY:
        sender = address
    frame: MbusFrame = yield from with_retries(
        link.attempts, lambda: _connected_anew(link, lambda: _ask_for_data(link, data, sender, state.last))
    )
    state.last = frame
    state.toggle()
    return frame


def _ask_for_data(link: Link, data: bytes, sender: int | None, last: MbusFrame | None) -> Conversation:
    yield link.sending(data)
    try:
        return (yield from _data(link, data, sender, last))
    except Garbled:
        yield from hush(link)
        raise


def _data(link: Link, data: bytes, sender: int | None, last: MbusFrame | None) -> Conversation:
    """The answer with data. What else comes is passed over as long as more does: a late or second confirmation, the
    answer before once more, the late answer of another meter. Only when nothing follows is it what the meter means.
    """
    other: MbusFrame | None = None
    timeout_ms = link.timeout_ms
    for _ in range(MAX_LATE):
        try:
            frame: MbusFrame = yield from _answer(link, timeout_ms)
            _must_be_an_answer(frame)
        except Silence:
            if other is None:
                raise
            break
        if frame.acknowledges:
            if data[1] & ~wire.FCB == wire.REQ_UD1:
                timeout_ms = link.rest_ms
            _must_stand_alone(link)
        elif _is_from(frame, sender, link.any_answer) and not _is_again(frame, last):
            return frame
        if other is None or not frame.acknowledges:
            other = frame
    assert other is not None
    if other.acknowledges:
        raise Refused("the meter has no data of this class", reason="not_found")
    if _is_from(other, sender, link.any_answer):
        return other
    hint = "" if other.address else " (address_0 takes such answers for the meter's own)"
    raise WrongMeter(f"address {other.address} answered, not {sender}{hint}")


def _must_be_an_answer(frame: MbusFrame) -> None:
    """Raises: ProtocolError where it is neither a confirmation nor data."""
    if not frame.acknowledges and (frame.ci < 0 or frame.control & wire.FUNCTION != wire.RSP_UD):
        raise ProtocolError(f"{frame!r} is no answer to a request for data")


def _must_stand_alone(link: Link) -> None:
    """Raises: Garbled where an E5 came among other bytes."""
    if link.decoder.discarded:
        raise Garbled(f"an E5 among {link.decoder.discarded} other bytes")


def _is_from(frame: MbusFrame, sender: int | None, any_answer: bool) -> bool:
    return sender is None or frame.address == sender or (any_answer and frame.address == 0)


def _is_again(frame: MbusFrame, last: MbusFrame | None) -> bool:
    """Byte by byte the answer before: a meter counts its answers, so it is the same transmission once more."""
    return last is not None and (frame.ci, frame.address, frame.data) == (last.ci, last.address, last.data)


def read_alarm(link: Link, address: int, state: MeterState, key: bytes | None, identity: bytes | None) -> Conversation:
    """REQ_UD1. E5 is "no alarm" (EN 13757-2 clause 5.7), but only if it comes again on a line that was silent: the late
    confirmation of something else must not pass for it. Returns: Readout.
    """
    for last in (False, True):
        try:
            frame: MbusFrame = yield from request(link, address, state, wire.REQ_UD1)
        except Refused:
            if last and key:
                raise Refused("no alarm, but said in the clear, which the key cannot vouch for", reason="key") from None
            if last:
                state.toggle()
        else:
            telegram = decode(frame, key, identity)
            check_identity(link, telegram, identity)
            return Readout([telegram])
    return Readout([NO_ALARM])


def send_data(link: Link, address: int, state: MeterState, ci: int, data: bytes = b"") -> Conversation:
    """SND_UD. Raises: LineError, ProtocolError, Refused (the meter reports an application error)."""
    yield from _let_stale_pass(link)
    message = wire.long_frame(state.control(wire.SND_UD), address, ci, data)
    frame: MbusFrame = yield from ask_with_retries(link, message)
    state.toggle()
    if not frame.acknowledges:
        decode(frame)
        raise ProtocolError(f"SND_UD was answered by {frame!r}")


def _let_stale_pass(link: Link) -> Conversation:
    """A confirmation that is still on its way must not be taken for that of what is sent next."""
    for _ in range(MAX_LATE):
        try:
            yield Receive(link.decoder, STALE_MS, link.rest_ms)
        except Silence:
            return
        except Garbled:
            yield from hush(link)
            return


def switch_baudrate(link: Link, address: int, state: MeterState, settings: LineSettings, baudrate: int) -> Conversation:
    """CI B8..BF: the meter confirms at the old speed, then both go over to the new one (a key of SET_BAUDRATE)."""
    yield from send_data(link, address, state, wire.SET_BAUDRATE[baudrate])
    yield Pause(BAUDRATE_PAUSE_S)
    yield settings.at(baudrate)


def read_telegrams(
    link: Link, address: int, state: MeterState, key: bytes | None = None, identity: bytes | None = None
) -> Conversation:
    """All telegrams of a readout: requests go on with changing FCB until one does not end with DIF 1F.

    `identity`: who must answer, if that is known. Returns: Readout, at least one telegram in it.
    Raises: LineError, ProtocolError, WrongMeter, Refused, DecodeError, SecurityError.
    """
    telegrams: list[Telegram] = []
    repeated = False
    sender: int | None = None
    state.in_step = False
    while len(telegrams) < MAX_TELEGRAMS:
        try:
            frame: MbusFrame = yield from request(link, address, state, sender=sender)
            telegram = decode(frame, key, identity)
        except WrongMeter:
            raise
        except (LineError, ProtocolError, Refused, DecodeError, SecurityError) as error:
            if not telegrams:
                raise
            # What came whole is kept. "I have none", though more was promised, is an end as well.
            return Readout(telegrams, None if isinstance(error, Refused) else error)
        check_identity(link, telegram, identity)
        if telegrams and _same(telegrams[-1], telegram):
            if repeated:
                return Readout(telegrams)  # it ignores the FCB and will never say anything else
            # A late answer to an earlier request, perhaps: with this request's own FCB the meter says what it meant.
            repeated = True
            state.toggle()
            continue
        repeated = False
        telegrams.append(telegram)
        identity, sender = identity or telegram.identity, frame.address
        if not telegram.more_follow:
            state.in_step = True
            state.chained = len(telegrams) > 1
            return Readout(telegrams)
    raise ProtocolError(f"more than {MAX_TELEGRAMS} telegrams in one readout")


def check_identity(link: Link, telegram: Telegram, identity: bytes | None) -> None:
    """Raises: WrongMeter where a telegram says that it is somebody else's than `identity`."""
    if not link.checks_identity or identity is None or telegram.identity is None:
        return
    size = 4 if telegram.fixed else 8  # the fixed data structure tells the identification alone
    if telegram.identity[:size] != identity[:size]:
        raise WrongMeter(f"{named(telegram)} answered, not {identity[3::-1].hex().upper()}")


def named(telegram: Telegram) -> str:
    """Who sent it, as its header says."""
    from .identity import Identity  # mostly nobody asks

    return str(Identity(telegram))


def _same(one: Telegram, other: Telegram) -> bool:
    return [record.raw for record in one.records] == [record.raw for record in other.records]
