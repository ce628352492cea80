"""What is allowed and yet rarely meant. Each kind is told once, naming its devices."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..model import Device, Signal

MAX_NAMED = 10


def advice(devices: list[Device], signals: dict[str, list[Signal]]) -> list[str]:
    """One sentence for each kind of doubt."""
    told = []
    for sentence, doubtful in _DOUBTS:
        aliases = [device.alias for device in devices if doubtful(device, signals[device.alias])]
        if aliases:
            more = ", …" if len(aliases) > MAX_NAMED else ""
            told.append(f"{', '.join(aliases[:MAX_NAMED])}{more}: {sentence}")
    return told


def _is_idle(device: Device, signals: list[Signal]) -> bool:
    return not signals


def _opens_fast(device: Device, signals: list[Signal]) -> bool:
    # IEC 62056-21 clause 6.3.1: modes B and C open at 300 baud. The manual's default, 9600, stays for old workbooks.
    if device.protocol != "iec62056_21" or device.over_tcp() or device["type"] == "A":
        return False
    return bool(device["baudrate"] != 300)


_DOUBTS: tuple[tuple[str, Callable[[Device, list[Signal]], bool]], ...] = (
    ("no enabled signal, so nothing is read", _is_idle),
    ("modes B and C open at baudrate 300 (7 data bits, even parity) unless the meter says otherwise", _opens_fast),
)
