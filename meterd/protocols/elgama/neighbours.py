"""What is wrong or doubtful about Elgama devices that are each right alone, above all two at one address."""

from __future__ import annotations

from ...errors import ConfigError
from .models import MODEL_NAMES
from .profile import DLMS, WITHOUT_CODEC, Profile
from .settings import dlms_settings, wire_address

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ...model import Device

    # device, parameter or None for the device itself, message, whether it is an error
    Remark = tuple[Device, str | None, str, bool]


def review(devices: list[Device]) -> list[Remark]:
    """All remarks, in the order of the devices."""
    remarks: list[Remark] = []
    taken: dict[tuple[str, str], Device] = {}
    on_line: dict[str, int] = {}
    for device in devices:
        on_line[device.line] = on_line.get(device.line, 0) + 1
    for device in devices:
        profile = Profile(device.profile or {})
        if profile.protocol in WITHOUT_CODEC:
            remarks.append((device, "meter_model", no_profile(device, profile), False))
            continue
        try:
            address = wire_address(profile, device["id"])
            if profile.protocol == DLMS:
                dlms_settings(device, profile)
        except ValueError as error:
            remarks.append(
                (device, "id", f"found {device['id']}, of which profile {profile.name} makes no address: {error}", True)
            )
            continue
        except ConfigError as error:
            remarks.append((device, None, error.message, True))
            continue
        other = taken.setdefault((device.line, address), device)
        if other is not device and other["id"] == device["id"]:
            remarks.append((device, None, f"is the meter of device {other.alias} too, by its id {device['id']}", False))
        elif other is not device:
            message = f"found {device['id']}, whose {address} is that of device {other.alias} (id {other['id']}) too"
            remarks.append((device, "id", f"{message}, allowed: meters that differ in it on one line", True))
        remarks += _doubts(device, profile, on_line[device.line])
    return remarks


def _doubts(device: Device, profile: Profile, neighbours: int) -> list[Remark]:
    told = []
    if not device["id"]:
        told.append("id 0 asks whoever is there, so the meter must be the only one on its line, and is not verified")
        if neighbours > 1:
            told.append(f"id 0, but {neighbours} Elgama devices are configured on {device.line}")
    if device["use_time"] and not profile.clock:
        told.append(f"use_time 1, but profile {profile.name} knows no clock: readings are stamped by the gateway")
    model = profile.content.get("meter_model")
    if model not in (None, device["meter_model"]):
        told.append(f"profile {profile.name} is for meter_model {model}, not {device['meter_model']}")
    length = profile.part("session").get("password_length")
    if length and device["password"] and len(device["password"]) != length:
        told.append(f"password has {len(device['password'])} characters, where profile {profile.name} expects {length}")
    if profile.content.get("status") == "unverified" and not profile.entries:
        told.append(f"profile {profile.name} is unverified and has no registers; add them to {profile.file}")
    return [(device, None, message, False) for message in told]


def no_profile(device: Device, profile: Profile) -> str:
    """Why a device cannot be read, in plain words."""
    what = f"meter_model {device['meter_model']} ({MODEL_NAMES[device['meter_model']]})"
    if profile.protocol == "none":
        return f"{what}: no profile is public, nothing is known of its protocol; the device is not read"
    return (
        f"{what}: profile {profile.name} names {profile.protocol.upper().replace('IEC', 'IEC ')}, of which no frame is "
        "public; no profile can be had and the device is not read"
    )
