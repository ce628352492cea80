"""Meters that send their list unasked: IEC 62056-21 mode D (clause 6.4.4), which are listened to and never spoken to.

The meter sends `/XXXZident CR LF CR LF`, data lines, `! CR LF` every few seconds, at 2400 7E1 as the standard has it; a
block check is not foreseen, and where one is sent it must be right. So a list counts only if all of it was seen: its
identification, and every line up to the `!`, with no pause and no second identification in between. A CRC16 behind the
`!`, as meters with a P1 port have it, must be right, and be there again once it was.

Several meters may share a port (a radio receiver, a bus of one-way heads): each list goes to the device whose
`serialnumber` it tells as one of its numbers. A meter alone on its port may keep its number to itself; one that tells
another number is another meter, and nothing that it says is published.
Dirt: half of a list to begin with, noise between lists, characters with wrong parity, a cable pulled in the middle.
"""

from __future__ import annotations

from ..._readout_dialogue import IdentificationDecoder
from ..._readout_list import ReadoutDecoder
from ...conversation import Receive
from ...errors import DecodeError, Garbled, Incomplete, MeterdError, SecurityError, Silence, WrongMeter
from .identity import check, is_same, numbers_told
from .learnt import Learnt
from .p1 import fits
from .readout import ReadOut
from .scan import report, tell_time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from ..._readout_message import Message
    from ...conversation import Conversation
    from ...model import Memory, Plan
    from .settings import SessionSettings

    class Underway(Protocol):
        """Lists that come in pieces, with gaps of at most `gap_ms` between them."""

        gap_ms: int

        def has_begun(self) -> bool: ...


LONGEST_INTERVAL_MS = 15_000  # of most meters that send unasked, where scan_rate_ms says nothing
INTERVALS = 2  # a single list is waited for so many times the interval at which one is expected
MAX_SHOWN = 32  # characters of a stranger's number


def listen(served: list[tuple[Plan, Memory]]) -> Conversation:
    """The lists of these devices, for as long as the port lives.

    Raises: Incomplete, Garbled, WrongMeter for a list that cannot be used; whoever listens begins anew.
    """
    memories = dict(served)
    plans = list(memories)
    settings: SessionSettings = plans[0].requests.settings
    if settings.opening is not None:
        yield settings.opening
    lists = Lists(settings)

    def one_of_them(timeout_ms: int | None) -> Conversation:
        found = yield from lists.next(timeout_ms)
        plan = plan_of(plans, lists.told)
        lists.remember(Learnt.of(memories[plan]))
        yield from report(plan.requests.listed, found.data_sets)
        yield from tell_time(found.data_sets, plan.device.alias)

    yield from one_after_another(lists, one_of_them)


def one_after_another(lists: Underway, one_of_them: Callable[[int | None], Conversation]) -> Conversation:
    """For ever, until one is refused; what has come behind that, or has begun within it, is taken before it is told.

    Raises: the error of the first that was refused.
    """
    refused: MeterdError | None = None
    while refused is None or lists.has_begun():
        try:
            yield from one_of_them(None if refused is None else lists.gap_ms)
        except Silence:
            break  # what was under way was the rest of what was refused
        except (Garbled, WrongMeter, DecodeError, SecurityError) as error:
            refused = refused or error
    if refused is not None:
        raise refused


def one(plan: Plan) -> Conversation:
    """One scan of a device that cannot be asked: the next list. Raises: Silence, Incomplete, Garbled, WrongMeter."""
    found: ReadOut = yield from one_list(plan.requests.settings, plan.device["scan_rate_ms"])
    told = numbers_told(found.data_sets, b"")
    yield from report(plan_of([plan], told).requests.listed, found.data_sets)
    yield from tell_time(found.data_sets)


def one_list(settings: SessionSettings, interval_ms: int) -> Conversation:
    """The next list that is sent. Returns: ReadOut. Raises: Silence, Incomplete, Garbled."""
    if settings.opening is not None:
        yield settings.opening
    return (yield from Lists(settings).next(INTERVALS * (interval_ms if interval_ms > 0 else LONGEST_INTERVAL_MS)))


class Lists:
    """The lists on a port, one after the other; `told` are the numbers that the last one calls its meter by, `crc16`
    whether it had one."""

    __slots__ = ("_rest", "_settings", "crc16", "gap_ms", "told")

    def __init__(self, settings: SessionSettings) -> None:
        self.gap_ms: int = settings.gap_ms
        self._settings = settings
        self._rest = b""
        self.crc16 = False
        self.told: list[str] = []

    def next(self, timeout_ms: int | None) -> Conversation:
        """Returns: ReadOut, of the next whole list. Raises: Silence, Incomplete, Garbled."""
        settings = self._settings
        head = IdentificationDecoder(self._rest)
        self._rest = b""
        identification = yield Receive(head, timeout_ms, settings.gap_ms)
        body = self.body(head.take_rest())
        try:
            message: Message = yield Receive(body, settings.timeout_ms, settings.gap_ms)
        except Incomplete as error:
            raise Incomplete(f"a list broke off: {error}") from None
        except DecodeError as error:  # longer than any list, or the next one has begun
            self._rest = body.take_rest()
            raise Garbled(str(error)) from None
        self._rest = _begun_within(message) + body.take_rest()
        self.taken(identification, message)
        return ReadOut(message)

    def body(self, held: bytes) -> ReadoutDecoder:
        """What takes in the lines behind an identification, of which `held` came already."""
        return ReadoutDecoder(self._settings.seven_bit, None, held)

    def has_begun(self) -> bool:
        """Whether of the next list something came already."""
        head = IdentificationDecoder(self._rest)
        return head.feed(b"") is not None or b"/" in head.take_rest()

    def taken(self, identification: bytes, message: Message) -> None:
        """See whether a list is to be believed, and what it tells. Raises: Garbled."""
        _check(message)
        verdict = fits(identification, message.text)
        self.crc16 = verdict is not None
        if verdict is False:
            raise Garbled("the CRC16 behind a list's '!' is not that of what came")
        self.told = numbers_told(message.data_sets, identification)

    def remember(self, learnt: Learnt) -> None:
        """Raises: Garbled for a list without a CRC16 of a meter that had one before."""
        if learnt.crc16 and not self.crc16:
            raise Garbled("a list has no CRC16 behind its '!', where the meter had one before")
        learnt.crc16 = self.crc16


def _check(message: Message) -> None:
    """Raises: Garbled for a list that is not to be believed."""
    if message.bcc is False:
        raise Garbled("a list has a wrong block check, or characters with wrong parity")
    if message.partial:
        raise Garbled("a list goes on in a further block, which nobody can ask for in mode D")
    if any(b"/" in line and _slash_outside(line) >= 0 for line in message.text.split(b"\n")):
        raise Garbled("a list begins in the middle of another")


def _begun_within(message: Message) -> bytes:
    """The list that began within this one, whose end was lost: from its '/' on, the last if there are several.

    What stands behind STX is one block with a check of its own: nothing begins in it.
    """
    text = message.text
    at = text.rfind(b"/") if message.bcc is None else -1
    while at >= 0:
        begin = text.rfind(b"\n", 0, at) + 1
        slash = _slash_outside(text[begin : text.find(b"\n", at) + 1])
        if slash >= 0:
            return text[begin + slash :]
        at = text.rfind(b"/", 0, begin)
    return b""


def _slash_outside(line: bytes) -> int:
    """Where in a data line the last '/' stands that is in no closed bracket; -1 if nowhere."""
    end = len(line)
    for part in reversed((b")" + line).split(b"(")):
        outside = part.rpartition(b")")[2]
        at = outside.rfind(b"/")
        if at >= 0:
            return end - len(outside) + at
        end -= len(part) + 1
    return -1


def plan_of(plans: list[Plan], told: list[str]) -> Plan:
    """Whose list it is, by the numbers that it tells. Raises: WrongMeter."""
    nameless = []
    for plan in plans:
        serial = plan.device["serialnumber"]
        if not serial.strip("0"):
            nameless.append(plan)
        elif any(is_same(serial, number) for number in told):
            return plan
    if len(nameless) == 1:  # whatever meter sends
        return nameless[0]
    if len(plans) == 1:
        if plans[0].device["identity_check"]:
            check(plans[0].device["serialnumber"], told)
        return plans[0]
    who = f'calls itself "{told[0][:MAX_SHOWN]}"' if told else "does not tell its number"
    wanted = ", ".join(plan.device["serialnumber"] for plan in plans)
    raise WrongMeter(f"the meter that sends {who}, wanted: {wanted} (serialnumber; 0 takes whichever sends)")
