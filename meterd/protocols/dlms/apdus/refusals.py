"""How a meter says no: data-access-result, action-result, ConfirmedServiceError, ExceptionResponse; each in words.

Sources: Green Book 9.5 (ServiceError, ExceptionResponse, Data-Access-Result, Action-Result). Dirt: codes that no
standard names; they are shown as numbers.
"""

from __future__ import annotations

from ....errors import DecodeError, Refused
from .. import enumerations as codes
from .apdu import Cursor


class NotAllowed(Refused):
    """A service is not allowed, for an object or because there is no association (any more)."""


class ProposalRefused(Refused):
    """The meter will have no association on what the AARQ proposes, or gives no reason why it will have none."""


def access_refused(code: int, object_name: str = "") -> Refused:
    """A data-access-result other than success."""
    return _refused(code, codes.DATA_ACCESS_RESULTS, object_name)


def action_refused(code: int, object_name: str = "") -> Refused:
    """An action-result other than success."""
    return _refused(code, codes.ACTION_RESULTS, object_name)


def _refused(code: int, words: dict[int, str], object_name: str) -> Refused:
    reason = "not_found" if code in codes.NOT_FOUND else "refused"
    message = f"{words.get(code, 'unknown result')} ({code})"
    return Refused(f"{object_name}: {message}" if object_name else message, code, object_name, reason)


def exception_response(state: int, service: int, counter: int | None = None) -> bytes:
    """An ExceptionResponse; `counter` is the invocation counter that the meter expects, with service error 6 only."""
    apdu = bytes((codes.EXCEPTION_RESPONSE, state, service))
    return apdu if counter is None else apdu + counter.to_bytes(4, "big")


def expected_counter(apdu: bytes) -> int | None:
    """The invocation counter that a meter says it expects, if the APDU is an ExceptionResponse that tells one."""
    told = len(apdu) >= 7 and apdu[0] == codes.EXCEPTION_RESPONSE and apdu[2] == codes.INVOCATION_COUNTER_ERROR
    return int.from_bytes(apdu[3:7], "big") if told else None


def raise_refusal(apdu: bytes) -> None:
    """Raises: Refused, in words, if the APDU is a ConfirmedServiceError or an ExceptionResponse; DecodeError if it is
    a broken one. Returns if it is something else.
    """
    tag = apdu[:1]
    if tag == b"\x0e":
        raise _service_error(Cursor(apdu, 1))
    if tag == b"\xd8":
        raise _exception(Cursor(apdu, 1), expected_counter(apdu))


def _service_error(cursor: Cursor) -> Refused:
    service, error_class, error = cursor.take(3)
    cursor.end()
    class_name, words = codes.SERVICE_ERRORS.get(error_class, (f"error class {error_class}", {}))
    service_name = codes.CONFIRMED_SERVICES.get(service, f"service {service}")
    deciphering = error_class == codes.APPLICATION_REFERENCE and error == codes.ERROR_DECIPHERING
    kind = Refused
    if error_class == codes.INITIATE_ERROR:
        kind = ProposalRefused
    elif error_class == codes.APPLICATION_REFERENCE:
        kind = NotAllowed
    return kind(
        f"{service_name} refused: {class_name}: {words.get(error, 'unknown error')} ({error})"
        + (": check encryption_key, authentication_key and system_title" if deciphering else ""),
        f"{service}/{error_class}/{error}",
        reason="key" if deciphering else "refused",
    )


def _exception(cursor: Cursor, counter: int | None) -> Refused:
    state, service = cursor.take(2)
    if counter is None:
        cursor.end()
    message = (
        f"{codes.STATE_ERRORS.get(state, f'state error {state}')}: "
        f"{codes.EXCEPTION_SERVICE_ERRORS.get(service, f'service error {service}')}"
    )
    if counter is not None:
        message += f", the meter expects {counter}"
    about_keys = service in (codes.DECIPHERING_ERROR, codes.INVOCATION_COUNTER_ERROR)
    kind = NotAllowed if state == codes.SERVICE_NOT_ALLOWED else Refused
    return kind(message, f"{state}/{service}", reason="key" if about_keys else "refused")


def not_expected(apdu: bytes) -> DecodeError:
    """The error for an APDU that answers nothing that was asked."""
    return DecodeError(f"APDU {apdu[0]:#04x} is not expected here" if apdu else "an empty APDU")
