"""Which xDLMS APDU it is, and those of a few fields: refusals, notifications, general blocks (Green Book 9.4, 9.5)."""

from __future__ import annotations

from ..protocols.dlms import enumerations as codes
from . import acse, ciphering, cosem, services
from .page import Walk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .known import Known

INFORMATION_REPORT = 0x18


def begins(ahead: bytes) -> bool:
    """Whether a first octet is one of an APDU."""
    return bool(ahead) and (ahead[0] in KINDS or ciphering.is_ciphered(ahead[0]))


def explain(walk: Walk, known: Known) -> None:
    """One APDU, to its end. Raises: CutShort."""
    if not walk.left:
        return
    tag = walk.look(1)[0]
    if ciphering.is_ciphered(tag):
        ciphering.explain(walk, known, explain)
    elif tag in KINDS:
        KINDS[tag](walk, known)
    elif tag == 0x2F:
        from .iec62056_21 import explain as telegram  # P1 as a ciphered meter sends it

        while walk.left:
            telegram(walk)
    else:
        walk.page.title(f"APDU {tag:02X}")
        walk.take(walk.left, f"an APDU {tag:02X}, which is none of the standard's (Green Book 9.5)", True)


def _service_error(walk: Walk, known: Known) -> None:
    walk.take(1, "ConfirmedServiceError (9.5)")
    walk.take(1, lambda found: f"service: {codes.CONFIRMED_SERVICES.get(found[0], 'of no table')}")
    kind = walk.look(1)
    name, words = codes.SERVICE_ERRORS.get(kind[0] if kind else -1, ("an error class of no table", {}))
    walk.take(1, f"class: {name}")
    walk.page.title(f"refused: {name}")
    walk.take(1, lambda found: f"error {found[0]}: {words.get(found[0], 'of no table')}")


def _exception(walk: Walk, known: Known) -> None:
    walk.take(1, "ExceptionResponse (9.5)")
    walk.take(1, lambda found: f"state error {found[0]}: {codes.STATE_ERRORS.get(found[0], 'of no table')}")
    octet = walk.look(1)
    told = codes.EXCEPTION_SERVICE_ERRORS.get(octet[0] if octet else -1, "of no table")
    walk.page.title(f"exception: {told}")
    code = walk.take(1, f"service error: {told}")[0]
    if code == codes.INVOCATION_COUNTER_ERROR and walk.left:
        walk.number(4, "the meter expects invocation counter {}")


def _time(walk: Walk) -> None:
    """An octet string of 12 bytes, of none, or of something else."""
    size = cosem.length(walk, "a time of {} bytes")
    if size:
        walk.take(size, cosem.text_of)


def _notification(walk: Walk, known: Known) -> None:
    walk.page.title("data-notification")
    walk.take(1, "DataNotification: pushed unasked (9.3.10)")
    walk.take(4, lambda found: f"invoke id and priority {found.hex()}")
    _time(walk)
    cosem.data(walk)


def _event(walk: Walk, known: Known) -> None:
    walk.page.title("event-notification")
    walk.take(1, "EventNotification (9.3.11)")
    if walk.take(1, lambda found: f"time: {'told' if found[0] else 'not told'}")[0]:
        _time(walk)
    services.descriptor(walk)
    cosem.data(walk)


def _report(walk: Walk, known: Known) -> None:
    walk.page.title("information-report")
    walk.take(1, "InformationReport (9.3.16)")
    if walk.take(1, lambda found: f"time: {'told' if found[0] else 'not told'}")[0]:
        _time(walk)
    for _ in range(cosem.length(walk, "{} variables")):
        walk.take(1, "a variable")
        walk.take(2, lambda found: f"short name {found.hex().upper()}")
    for _ in range(cosem.length(walk, "{} values")):
        cosem.data(walk)


def _general_block(walk: Walk, known: Known) -> None:
    walk.page.title("general-block-transfer")
    walk.take(1, "GeneralBlockTransfer (9.3.13)")
    control = walk.take(
        1, lambda found: f"{'last block' if found[0] & 0x80 else 'more follow'}, "
        f"{'streaming' if found[0] & 0x40 else 'no streaming'}, window {found[0] & 0x3F}"
    )[0]  # fmt: skip
    number = walk.number(2, "block {}")
    walk.number(2, "block {} of the other side has come")
    size = cosem.length(walk, "{} bytes")
    if not size:
        return  # it only tells what has come
    part = walk.take(size, "a share of the APDU")
    if number == 1:
        known.forget("general")
    joined = known.join("general", part)
    if control & 0x80:
        known.forget("general")
        walk.note(f"the APDU out of its blocks, {len(joined)} bytes:")
        walk.page.derived(joined, walk.depth + 1).whole(lambda inner: explain(inner, known))


def _associate(walk: Walk, known: Known) -> None:
    acse.explain(walk, known, explain)


KINDS: dict[int, Callable[[Walk, Known], None]] = {
    **dict.fromkeys((codes.AARQ, codes.AARE, codes.RLRQ, codes.RLRE), _associate),
    **dict.fromkeys(services.NAMES, services.explain),
    codes.INITIATE_REQUEST: acse.initiate_request,
    codes.INITIATE_RESPONSE: acse.initiate_response,
    codes.READ_REQUEST: services.read_request,
    codes.READ_RESPONSE: services.read_response,
    codes.WRITE_REQUEST: services.write_request,
    codes.WRITE_RESPONSE: services.write_response,
    codes.CONFIRMED_SERVICE_ERROR: _service_error,
    codes.DATA_NOTIFICATION: _notification,
    codes.EVENT_NOTIFICATION_REQUEST: _event,
    INFORMATION_REPORT: _report,
    codes.EXCEPTION_RESPONSE: _exception,
    codes.GENERAL_BLOCK_TRANSFER: _general_block,
}
