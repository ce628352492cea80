"""What meters say that connect to us: pushes of any of the devices at one listener, over TCP or UDP.

A DataNotification whose service class is confirmed (bit 30 of its long invoke id, Green Book 9.5) is answered with
DataNotification-Confirm once its list was taken, so that the meter does not send it again. In plain text alone: an
answer under keys would spend counters of ours.
Ciphered lists are opened with the key of the device whose name or place the system title in the message is.
Dirt: APDUs of other kinds, lists of strangers, lists that cannot be read: each is told, and what follows is taken.
"""

from __future__ import annotations

from ...conversation import MeterTime
from ...errors import DecodeError, MeterdError, SecurityError
from ..dlms import enumerations as codes
from ..iec62056_21.identity import check
from .blocks import Joined
from .callers import Book, Caller, check_listening
from .driver import CIPHERED, opened, profile_of, report
from .lists import Pushed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ...conversation import Conversation
    from .callers import Entry

__all__ = ["Book", "Caller", "check_listening", "framing_of", "talk"]

GAP_MS = 10_000  # within a telegram, over a cellular network
CONFIRMED = 0x40000000
CONFIRM = 0x10
INVOKE = slice(1, 5)
TITLE_OCTETS = 8
SHOWN_OCTETS = 16
MOST_SHOWN = 40  # characters of a name that somebody tells
PUSH = "dlms_push"
UNASKED = (bytes((codes.DATA_NOTIFICATION,)), bytes((codes.EVENT_NOTIFICATION_REQUEST,)), *CIPHERED)


def framing_of(device: object) -> str:
    """What telegrams of a device come in: 'wrapper' or 'HDLC'; those of one listener must be alike."""
    parameters: dict[str, object] = device.parameters  # type: ignore[attr-defined]
    wrapped = "wrapper" in (parameters.get("framing"), str(parameters.get("mode")).lower().removeprefix("dlms-"))
    return "wrapper" if wrapped else "HDLC"


def talk(caller: Caller, book: Book, framing: str) -> Conversation:
    """All that one who calls says, for as long as the connection stands. Raises: Incomplete, Garbled, DecodeError."""
    if caller.apdus is None:
        caller.apdus = _apdus(framing)
    apdus: Joined = caller.apdus
    while True:
        apdu: bytes = yield from apdus.next(None)
        late = caller.is_known() and apdu[:1] not in UNASKED  # an answer for which nobody waits any more
        found = None if late else _found(caller, book, apdu, apdus.wport)
        if found is not None:
            yield from _reported(*found)
            if apdu[0] == codes.DATA_NOTIFICATION and int.from_bytes(apdu[INVOKE], "big") & CONFIRMED:
                yield from apdus.answer(bytes((CONFIRM,)) + apdu[INVOKE] + b"\x00")
        caller.whole()


def _apdus(framing: str) -> Joined:
    if framing == "wrapper":
        from .wrapper_frames import Wrapped

        return Joined(Wrapped(GAP_MS), GAP_MS)
    from .frames import Apdus

    return Joined(Apdus(GAP_MS), GAP_MS)


def _reported(entries: list[Entry], pushed: Pushed) -> Conversation:
    for plan, _ in entries:
        if plan.device.protocol == PUSH:
            yield from report(plan.requests, pushed)
            if pushed.time is not None:
                yield MeterTime([pushed.time], None, plan.device.alias)


def _found(caller: Caller, book: Book, apdu: bytes, wport: int) -> tuple[list[Entry], Pushed] | None:
    """Whose list it is, and the list; None where nothing can be taken, which is told."""
    plain: Pushed | None = None
    error: DecodeError | None = None
    title = title_of(apdu)
    told = [title] if title else []
    if apdu[:1] not in CIPHERED:
        try:
            plain = Pushed(apdu)
            told = plain.numbers()
        except DecodeError as damage:
            error = damage  # a profile may make sense of it
    entries = book.find(caller.address, wport, told)
    pushing = [entry for entry in entries if entry[0].device.protocol == PUSH]
    try:
        if error is not None and not any(plan.device.profile for plan, _ in pushing):
            raise error
        if not entries:
            caller.stranger(told[0] if told else "", _said(told, title, plain), plain, apdu)
            return None
        if plain is None and not pushing:  # whoever only reads it has no use for the list
            caller.known(entries)
            return None
        pushed = _opened(apdu, pushing, plain, book)
        _check(pushing, [*told, *pushed.numbers()])
    except MeterdError as refused:
        known = [plan for plan, _ in pushing or entries]
        caller.refused(known[0] if len(known) == 1 or told else None, refused)
        if not entries or not told:
            caller.stranger("", f"said {_shown(apdu)}", None, apdu)
        return None
    caller.known(entries)
    return (entries, pushed)


def _opened(apdu: bytes, pushing: list[Entry], plain: Pushed | None, book: Book) -> Pushed:
    """With what the device that has a key or a profile knows. Raises: SecurityError, DecodeError."""
    keyed = [entry for entry in pushing if entry[0].device["encryption_key"]]
    for plan, memory in keyed or [entry for entry in pushing if entry[0].device.profile is not None]:
        if plan not in book.profiles:
            book.profiles[plan] = profile_of(plan)
        return opened(apdu, plan.device, book.profiles[plan], memory)[0]
    if plain is None:
        raise SecurityError(f"the list is ciphered (APDU {apdu[0]:#04x}), and no encryption_key is configured for it")
    return plain


def _check(pushing: list[Entry], told: list[str]) -> None:
    """Where a device is known by its place, it may have a number all the same. Raises: WrongMeter."""
    for plan, _ in pushing:
        if plan.device["identity_check"]:
            check(plan.device["serialnumber"], told)


def _said(told: list[str], title: str, pushed: Pushed | None) -> str:
    """What a stranger said, in words."""
    if pushed is None:
        return f"sent a ciphered list, and {f'its system title is {title}' if title else 'no system title'}"
    name = f'calls itself "{told[0][:MOST_SHOWN]}"' if told else "does not tell its name"
    return f"{name} and sent a list of {len(pushed.found)} entries"


def _shown(apdu: bytes) -> str:
    return apdu[:SHOWN_OCTETS].hex(" ") + ("…" if len(apdu) > SHOWN_OCTETS else "")


def title_of(apdu: bytes) -> str:
    """The system title of a ciphered APDU's sender, hex: of general-glo-ciphering, or the originator's of
    general-ciphering, behind the transaction id. '' where the APDU is plain or tells none."""
    at = 1
    if apdu[:1] == bytes((codes.GENERAL_CIPHERING,)) and len(apdu) > at:
        at += 1 + apdu[at]
    elif apdu[:1] != bytes((codes.GENERAL_GLO_CIPHERING,)):
        return ""
    if apdu[at : at + 1] != bytes((TITLE_OCTETS,)):
        return ""
    title = apdu[at + 1 : at + 1 + TITLE_OCTETS]
    return title.hex().upper() if len(title) == TITLE_OCTETS else ""
