"""`meterd scan` of a meter that pushes: the entries of the next list, as signals ready to use.

Of a list that does not say which value is which: a profile to be filled in, with the list as its test telegram.
"""

from __future__ import annotations

from ...errors import DecodeError
from ...model import Memory
from ...names.obis import name_of
from ..dlms.data import plain
from .driver import CIPHERED, one_list, opened, plan
from .lists import Nameless

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ...conversation import Conversation
    from ...model import Device
    from .lists import Pushed

MAX_SIGNALS = 500


def discover(device: Device, memory: Memory, state: dict[str, Any], progress: Callable[[str], None]) -> Conversation:
    """Returns: {"signals": rows}, one for each entry of the next list; a "profile" besides where it has no codes."""
    progress("waiting for a list")
    pushed: Pushed
    try:
        pushed, _ = yield from one_list(plan(device, []), memory)
    except Nameless as nameless:
        return {"signals": [], "profile": _to_fill_in(device, nameless)}
    return {"signals": [_row(device, job) for job in pushed.names()[:MAX_SIGNALS]]}


def rows_of(device: Device, pushed: Pushed | None, apdu: bytes) -> list[dict[str, Any]] | None:
    """The same of a list that a caller sent, opened with the device's key if it is ciphered; None where there is none.

    Raises: SecurityError, DecodeError.
    """
    if pushed is None:
        if not device["encryption_key"] or apdu[:1] not in CIPHERED:
            return None
        pushed, _ = opened(apdu, device, None, Memory())
    return [_row(device, job) for job in pushed.names()[:MAX_SIGNALS]]


def _to_fill_in(device: Device, nameless: Nameless) -> dict[str, Any]:
    """A profile without codes yet; `_came` is a comment."""
    name = f"{len(nameless.values)} values"
    return {
        "profile": f"{device.alias}-lists",
        "status": "unverified",
        "lists": {name: {"values": [None] * len(nameless.values), "_came": [_shown(one) for one in nameless.values]}},
        "telegrams": {name: {"apdu": nameless.apdu.hex().upper(), "readings": {}}},
    }


def _shown(value: Any) -> str:
    try:
        return str(plain(value))
    except DecodeError:
        return str(value)


def _row(device: Device, job: str) -> dict[str, Any]:
    name = name_of(job, None)
    return {
        "signal_name": job if name is None else name.words,
        "device_alias": device.alias,
        "signal_alias": "_".join(job.replace(":", ".").split(".")),
        "obis_job": job,
    }
