"""What is doubtful about DLMS devices that are each right alone: two of them at one meter, on one port, with one key.

Assumption: the addresses are those that go over the wire, however they were configured. Nothing here is an error, for
gateways and test benches do such things on purpose; each doubt says what will come of it.
"""

from __future__ import annotations

from ...errors import ConfigError
from .octets import octets
from .settings import Settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ...model import Device

    # device, parameter or None for the device itself, message, whether it is an error
    Remark = tuple[Device, str | None, str, bool]


def review(devices: list[Device]) -> list[Remark]:
    """All remarks, in the order of the devices; each names the first one that a device has something in common with."""
    remarks: list[Remark] = []
    meters: dict[tuple[str, bool, bytes, int], Device] = {}
    framings: dict[str, tuple[bool, Device]] = {}
    keys: dict[tuple[bytes, bytes], Device] = {}
    for device in devices:
        try:
            settings = Settings(device)
        except ConfigError:
            continue  # told in its own words
        line = f"{device.line} {device['caller'] or ''}"
        other = meters.setdefault((line, settings.wrapped, settings.server, settings.client), device)
        if other is not device:
            remarks.append((device, None, _same_meter(device, other, settings), False))
        wrapped, first = framings.setdefault(device.line, (settings.wrapped, device))
        if wrapped != settings.wrapped:
            remarks.append((device, "mode", _two_framings(device, first), False))
        if device["system_title"] and device["encryption_key"]:
            owner = keys.setdefault((octets(device["system_title"]), octets(device["encryption_key"])), device)
            if owner is not device and owner is not other:
                remarks.append((device, "system_title", _same_key(owner), False))
    return remarks


def _same_meter(device: Device, other: Device, settings: Settings) -> str:
    return (
        f"asks the same meter as device {other.alias} ({device.line}, {settings.describe()}): it is read twice, and "
        "each may end the other's association; put the signals under one of them"
    )


def _two_framings(device: Device, first: Device) -> str:
    return (
        f"talks {device['mode']} on {device.line}, where device {first.alias} talks {first['mode']}: one port of a "
        "meter or converter knows one of the two"
    )


def _same_key(owner: Device) -> str:
    return (
        f"has the system_title and encryption_key of device {owner.alias}: no invocation counter may be used twice "
        "under the two of them, by whatever process; give each device a system_title of its own"
    )
