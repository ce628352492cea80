"""The serial ports of this machine, with what is plugged in: what `meterd scan` lists, and what a wrong name is held
against.

Assumption: pyserial knows how the system names them. A name by which a USB converter is found again, wherever it is
plugged in, stands in /dev/serial/by-id (udev).
"""

from __future__ import annotations

import os

BY_ID = "/dev/serial/by-id"
NOTHING_TOLD = "n/a"


class PortSeen:
    """`node` such as /dev/ttyUSB0, `words` what is plugged in, `lasting` a name that stays, or ''."""

    __slots__ = ("lasting", "node", "words")

    def __init__(self, node: str, words: str, lasting: str) -> None:
        self.node = node
        self.words = words
        self.lasting = lasting


def ports() -> list[PortSeen]:
    """What is plugged in first, then what the machine has of itself."""
    from serial.tools.list_ports import comports

    names = _lasting_names()
    seen = [PortSeen(port.device, _words(port), names.get(port.device, "")) for port in comports()]
    return sorted(seen, key=lambda port: (not port.words.startswith("USB"), port.node))


def _words(port: object) -> str:
    """USB description, maker, serial number."""
    told = {name: str(getattr(port, name, None) or "") for name in ("description", "manufacturer", "serial_number")}
    description = "" if told["description"] == NOTHING_TOLD else told["description"]
    if getattr(port, "vid", None) is None:
        return description or "built in"
    maker = told["manufacturer"]
    parts = [description or "converter", "" if maker and maker in description else maker, told["serial_number"]]
    return "USB: " + ", ".join(part for part in parts if part)


def _lasting_names() -> dict[str, str]:
    try:
        names = sorted(os.listdir(BY_ID))
    except OSError:
        return {}
    return {os.path.realpath(os.path.join(BY_ID, name)): os.path.join(BY_ID, name) for name in names}
