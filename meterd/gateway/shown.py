"""How compiled records are shown to people: in frame output, debuggers and messages of tests. Loaded when one is."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def _hdlc(frame: Any) -> str:
    segmented = ", segmented" if frame.segmented else ""
    addresses = f"{frame.source.hex()} to {frame.destination.hex()}"
    return f"{addresses}, control {frame.control:02x}{segmented}, {frame.information.hex(' ')}"


def _wrapper(frame: Any) -> str:
    return f"{frame.source} to {frame.destination}, {frame.apdu.hex(' ')}"


def _mbus(frame: Any) -> str:
    if frame.control < 0:
        return "E5"
    head = f"C {frame.control:02x}, A {frame.address}"
    return head if frame.ci < 0 else f"{head}, CI {frame.ci:02x}, {frame.data.hex(' ')}"


def _message(message: Any) -> str:
    state = f"bcc {message.bcc}, partial {message.partial}, {message.complete}"
    return f"{message.command!r}, {message.text!r}, {state}"


def _signal(signal: Any) -> str:
    return f"{signal.device_alias}/{signal.alias}"


def _reading(reading: Any) -> str:
    return f"{_signal(reading.signal)} {reading.value!s} {reading.unit} {reading.quality} {reading.reason}"


_SHOWN: dict[str, Any] = {
    "HdlcFrame": _hdlc, "WrapperFrame": _wrapper, "MbusFrame": _mbus, "Message": _message, "Signal": _signal,
    "Reading": _reading,
}  # fmt: skip


def shown(record: Any) -> str:
    """`Kind(what it holds)`."""
    kind = type(record).__name__
    return f"{kind}({_SHOWN[kind](record)})"
