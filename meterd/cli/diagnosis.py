"""On which rung of the ladder a read stopped, in sentences: for `meterd doctor` and `meterd scan`."""

from __future__ import annotations

from ..errors import Garbled, LineError, MeterdError, PortGone, Refused, SecurityError, WrongMeter
from ..model import GOOD
from .hints import hint

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..daemon.one_scan import Evidence
    from ..model import Device, Memory, Reading

RUNGS = ("port", "bytes", "frame", "address", "identity", "association", "key", "object")


def stopped_at(error: Exception | None, evidence: Evidence, readings: list[Reading], memory: Memory) -> str | None:
    """The rung on which a scan stopped; None if it climbed them all."""
    if error is None:
        return "object" if any(reading.quality != GOOD for reading in readings) else None
    if isinstance(error, PortGone) and not evidence.opened:
        return "port"
    if isinstance(error, LineError):
        if not evidence.received_bytes:
            return "bytes"
        if not evidence.frames:
            return "frame"
    if isinstance(error, WrongMeter):
        return "identity"
    if isinstance(error, SecurityError) or error_reason(error) == "key":
        return "key"
    if error_reason(error) == "auth":
        return "association"
    rung = memory.rung
    return rung if rung in RUNGS else "frame" if isinstance(error, Garbled) else "object"


def error_reason(error: Exception) -> str:
    return error.reason if isinstance(error, MeterdError) else ""


def diagnosis(
    device: Device, path: str, rung: str, error: Exception | None, evidence: Evidence, readings: list[Reading]
) -> list[str]:
    """The sentences for a rung: what happened, and what to try."""
    port = device.line if device.over_tcp() else path
    what = {
        "port": f"The port does not open: {error}.",
        "bytes": f"{port} opens and {evidence.sent_bytes} bytes were sent, but not one byte came back.",
        "frame": f"{evidence.received_bytes} bytes came back and made no frame: {evidence.first_bytes.hex(' ')}",
        "address": f"{port} opens, and nobody answers at the configured address; a meter does at another one.",
        "identity": f"A meter answers, but not the configured one: {error}.",
        "association": f"The meter answers and refuses the association: {error}.",
        "key": f"The ciphering does not come about: {error}.",
        "object": "The meter answers; " + (f"then: {error}." if error else _failed_signals(readings)),
    }[rung]
    if rung == "frame" and evidence.frames:
        said = "not all of it is whole frames" if isinstance(error, Garbled) else "not as expected"
        what = f"The meter answers, but {said}: {error}."
    if isinstance(error, Refused) and error.object_name:
        what += f" (asked for {error.object_name})"
    return [what, "Try: " + hint(device, rung, error, evidence, [one.words for one in readings])]


def _failed_signals(readings: list[Reading]) -> str:
    failed = [f"{one.signal.alias} ({one.words or one.reason})" for one in readings if one.quality != GOOD]
    return f"{len(failed)} of {len(readings)} signals cannot be read: {', '.join(failed[:20])}."
