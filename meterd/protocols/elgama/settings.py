"""What a device's parameters and its profile come to together: line, address, association or session.

The parameters win where they are given. Everything that can be wrong is found here, before a byte is sent.
"""

from __future__ import annotations

from ...conversation import LineSettings
from ...errors import ConfigError
from ...model import Device
from ...parameters import SERIAL_PORT
from ..dlms.apdus import conformance
from ..dlms.links import address
from ..dlms.parameters import DEVICE as DLMS_DEVICE
from ..dlms.settings import Settings
from ..iec62056_21.settings import SessionSettings
from .profile import DLMS, Profile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_DEFAULT_BAUDRATE = next(parameter.default for parameter in SERIAL_PORT if parameter.name == "baudrate")
DEFAULT_LINES = {True: LineSettings(9600), False: LineSettings(300, 7, "even", 1)}


def server_address(profile: Profile, serial: int) -> bytes:
    """The HDLC address of the meter with that serial number; 0 calls all stations. Raises: ValueError."""
    rule = profile.part("address")
    lower = apply_rule(rule, serial) if serial else rule.get("anyone", address.MAX_HALF)
    return address.server_address(rule.get("upper", address.SERIAL_LOGICAL), lower, rule.get("size", 4))


def apply_rule(rule: dict[str, Any], serial: int) -> int:
    """What the rule of a profile's address makes of a serial number. Raises: ValueError."""
    return address.apply_formula(str(rule["lower"]), serial)


def wire_address(profile: Profile, serial: int) -> str:
    """What tells meters on one line apart, in words. Raises: ValueError."""
    if profile.protocol == DLMS:
        return f"HDLC address {server_address(profile, serial).hex(' ').upper()}"
    if not serial or profile.part("address")["scheme"] == "iec-anyone":
        return "request /?!"
    return f"request /?{serial}!"


def line_settings(device: Device, profile: Profile, baudrate: int) -> LineSettings | None:
    """The serial line at that speed, or None over TCP."""
    if not device.has_line():
        return None
    default = DEFAULT_LINES[profile.protocol == DLMS]
    line = {
        "databits": default.data_bits, "parity": default.parity, "stopbits": default.stop_bits,
        **profile.part("transport").get("line", {}),
    }  # fmt: skip
    chosen = {name: line[name] if device[name] is None else device[name] for name in ("databits", "parity", "stopbits")}
    return LineSettings(baudrate, chosen["databits"], chosen["parity"], chosen["stopbits"])


# ---- DLMS


def dlms_device(device: Device, profile: Profile) -> Device:
    """The device as a DLMS configuration would have it. Raises: ConfigError."""
    association = dict(profile.part("association"))
    extra = association.pop("with_password", None) or {}
    if device["password"]:
        association |= extra
    try:
        server = server_address(profile, device["id"])
    except ValueError as error:
        raise ConfigError("", f"id: {error}") from None
    optical = profile.part("transport").get("opening") == "mode-e"
    given: dict[str, Any] = {
        "server_address_hex": server.hex(),
        "client_address": association.get("client", 16),
        "type": association.get("referencing", "SN"),
        "mode": "IEC" if optical else "DLMS-HDLC",
        "timeout_ms": device["timeout_ms"],
        "retry_counter": 1 + device["retry_counter"],
        "auth": "Low" if association.get("auth") == "low" else "None",
        "password": device["password"],
        "ip": device["ip"],
        "port": device["port"],
        "serial_server": device["serial_server"],
        "max_info_field": association.get("max_info", 128),
        "max_pdu_size": association.get("max_pdu", 65535),
    }
    line = line_settings(device, profile, device["baudrate"])
    if line is not None:
        given |= {"databits": line.data_bits, "parity": line.parity, "stopbits": line.stop_bits}
        given["baudrate"] = line.baudrate
    parameters = {parameter.name: parameter.default for parameter in DLMS_DEVICE} | given
    return Device(device.alias, device.protocol, parameters, device.line)


def dlms_settings(device: Device, profile: Profile) -> Settings:
    """Raises: ConfigError."""
    settings = Settings(dlms_device(device, profile))
    bits = profile.part("association").get("conformance")
    if bits:
        settings.proposal = conformance.decode(bytes.fromhex(bits))
    return settings


# ---- IEC 62056-21


def session_settings(device: Device, profile: Profile) -> list[SessionSettings]:
    """One for each opening speed to try, the likelier first: what the device is set to, and what the profile says."""
    default = profile.part("transport").get("line", {}).get("baudrate", DEFAULT_LINES[False].baudrate)
    speeds = [device["baudrate"], default]
    if device["baudrate"] == _DEFAULT_BAUDRATE:
        speeds.reverse()
    if not device.has_line():
        speeds = speeds[:1]
    anyone = profile.part("address")["scheme"] == "iec-anyone"
    serial = "0" if anyone else str(device["id"])
    found = []
    for speed in dict.fromkeys(speeds):
        settings = SessionSettings(serial, line_settings(device, profile, speed), device["timeout_ms"])
        settings.protocol_control = profile.part("session").get("protocol_control", 0)
        settings.identity_check = False  # the profile says where the number stands, and how it is compared
        found.append(settings)
    return found
