"""`meterd scan` of a DLMS meter: the object list of its association, as signals ready to use."""

from __future__ import annotations

from . import driver

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ...conversation import Conversation
    from ...model import Device, Memory

DEFAULTS = {"client_address": 16}


def discover(device: Device, memory: Memory, state: dict[str, Any], progress: Callable[[str], None]) -> Conversation:
    """Returns: {"signals": rows}, those enabled whose value could be read. Raises: MeterdError."""
    progress("reading the object list")
    found: list[driver.Found] = yield from driver.scan(device, memory)
    return {"signals": [_row(device, entry) for entry in found]}


def _row(device: Device, entry: driver.Found) -> dict[str, Any]:
    shown = "" if entry.value is None else f" = {entry.value}{' ' + entry.unit if entry.unit else ''}"
    row = {
        "signal_name": f"{entry.obis} class {entry.class_id}{shown}",
        "device_alias": device.alias,
        "signal_alias": entry.obis.replace(".", "_"),
        "obis_job": f"{entry.obis}:2",
        "class_id": entry.class_id,
    }
    if entry.value is None:
        row["enable"] = 0
    return row
