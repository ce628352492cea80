"""What is allowed and yet rarely meant. Each kind is told once, naming its devices."""

from __future__ import annotations

from ..ports.work import at_once

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..model import Device, Signal
    from ..ports.work import Work

PORTION = 50  # devices that are looked at in one go
MAX_NAMED = 10
_KEYS = ("encryption_key", "authentication_key", "dedicated_key")
_MANUALS_ADDRESS = 1600
_MANUALS_CLIENT = 11
# Protocol → the parameter that says which meter of a line is meant.
_ADDRESSES = {"iec62056_21": "serialnumber", "mbus": "address"}
_WITHOUT_PASSWORD = ("None", "HighGmac", "HighEcdsa")


def advice(devices: list[Device], signals: dict[str, list[Signal]]) -> list[str]:
    """One sentence for each kind of doubt."""
    return at_once(advising(devices, signals))


def advising(devices: list[Device], signals: dict[str, list[Signal]]) -> Work[list[str]]:
    """The same in portions."""
    told = []
    for sentence, doubtful in _DOUBTS:
        found = []
        for at in range(0, len(devices), PORTION):
            yield
            found += [device for device in devices[at : at + PORTION] if doubtful(device, signals[device.alias])]
        if found:
            told.append(f"{_named(found)}: {sentence}")
    return told + (yield from _in_common(devices))


def _in_common(devices: list[Device]) -> Work[list[str]]:
    """Devices that ask one meter, and such that talk to one port in two ways (DLMS and Elgama look for themselves)."""
    meters: dict[tuple[str, str, str], list[Device]] = {}
    ports: dict[str, list[Device]] = {}
    for device in devices:
        yield
        named = _ADDRESSES.get(device.protocol)
        if named is not None:
            address = device[named]
            if device.protocol == "iec62056_21":
                address = address.strip().lstrip("0") or "0"
            meters.setdefault((device.line, named, address), []).append(device)
        if not device.line.startswith("udp://"):  # whose ports are others than TCP's
            ports.setdefault(device.line.rpartition("://")[2], []).append(device)
    told = [
        f"{_named(sharing)}: ask the same meter ({line}, {named} {address}): it is read more than once; put the "
        "signals under one of them"
        for (line, named, address), sharing in meters.items()
        if len(sharing) > 1
    ]
    told += [
        f"{_named(sharing)}: talk to {port} both with and without serial_server rfc2217: one port is one of the two"
        for port, sharing in ports.items()
        if len({device.line for device in sharing}) > 1
    ]
    return told


def _named(devices: list[Device]) -> str:
    return ", ".join(device.alias for device in devices[:MAX_NAMED]) + (", …" if len(devices) > MAX_NAMED else "")


def _aligns_nothing(device: Device, signals: list[Signal]) -> bool:
    return bool(device.parameters.get("scan_align")) and device["scan_rate_ms"] <= 0


def _is_idle(device: Device, signals: list[Signal]) -> bool:
    return not signals


def _opens_fast(device: Device, signals: list[Signal]) -> bool:
    # IEC 62056-21 clause 6.3.1: modes B and C open at 300 baud. The manual's default, 9600, stays for old workbooks.
    if device.protocol != "iec62056_21" or device.over_tcp() or device["type"] in ("A", "D"):
        return False
    return bool(device["baudrate"] != 300)


def _pushes_oddly(device: Device, signals: list[Signal]) -> bool:
    # IEC 62056-21 clause 6.4.4. The manual's defaults, 9600 8N1, stay for old workbooks.
    if device.protocol != "iec62056_21" or device.over_tcp() or device["type"] != "D":
        return False
    return (device["baudrate"], device["databits"], device["parity"]) != (2400, 7, "even")


def _idle_key(device: Device, signals: list[Signal]) -> bool:
    if device.protocol != "dlms" or device["security"] != "none":
        return False
    # HighGmac proves who is who by two of the keys, with nothing else protected.
    names = ("dedicated_key",) if device["auth"] == "HighGmac" else _KEYS
    return any(device[name] for name in names)


def _idle_key_pair(device: Device, signals: list[Signal]) -> bool:
    if device.protocol != "dlms" or device["auth"] == "HighEcdsa":
        return False
    return bool(device["private_key"] or device["peer_public_key"])


def _idle_password(device: Device, signals: list[Signal]) -> bool:
    return device.protocol == "dlms" and device["auth"] in _WITHOUT_PASSWORD and bool(device["password"])


def _lacks_password(device: Device, signals: list[Signal]) -> bool:
    return device.protocol == "dlms" and device["auth"] == "Low" and not device["password"]


def _cannot_sign_on(device: Device, signals: list[Signal]) -> bool:
    return device.protocol == "dlms" and device["mode"] == "IEC" and not device.has_line()


def _at_the_manuals_address(device: Device, signals: list[Signal]) -> bool:
    if device.protocol != "dlms" or device["physical_address"] != _MANUALS_ADDRESS:
        return False
    return not any(device[name] for name in ("serial_number", "server_address_hex", "logical_address"))


def _is_the_manuals_client(device: Device, signals: list[Signal]) -> bool:
    return device.protocol == "dlms" and device["client_address"] == _MANUALS_CLIENT


def _not_even(device: Device, signals: list[Signal]) -> bool:
    # EN 13757-2 clause 5.4: 8 data bits, even parity. The manual's default, 9600 8N1, stays for old workbooks.
    return device.protocol == "mbus" and not device.over_tcp() and bool(device["parity"] != "even")


def _whoever_is_there(device: Device, signals: list[Signal]) -> bool:
    return device.protocol == "mbus" and device["address"] in ("253", "254")


def _recalculated(signals: list[Signal]) -> list[Signal]:
    return [signal for signal in signals if signal.recalculation is not None]


def _unit_is_lost(device: Device, signals: list[Signal]) -> bool:
    return any(
        signal.parameters.get("multiply") and not signal.parameters.get("units") for signal in _recalculated(signals)
    )


def _suppresses_nothing(device: Device, signals: list[Signal]) -> bool:
    return any(
        bool(signal.parameters.get("suppression_values")) != bool(signal.parameters.get("suppression_time_ms"))
        for signal in _recalculated(signals)
    )


_DOUBTS: tuple[tuple[str, Callable[[Device, list[Signal]], bool]], ...] = (
    ("no enabled signal, so nothing is read", _is_idle),
    ("modes B and C open at baudrate 300 (7 data bits, even parity) unless the meter says otherwise", _opens_fast),
    ("mode D sends at baudrate 2400 (7 data bits, even parity), as a rule", _pushes_oddly),
    (
        "a key is given that nothing uses, for security is none: values are asked for and taken in clear "
        "(authentication, encryption or both would protect them)",
        _idle_key,
    ),
    ("private_key and peer_public_key are used by auth HighEcdsa alone: what is given is not used", _idle_key_pair),
    ("a password is given, but this auth has none: it is not used", _idle_password),
    ("auth is Low without a password", _lacks_password),
    ("mode IEC signs on over serial lines only; over TCP it begins with HDLC at once", _cannot_sign_on),
    (
        "no address is given, so the manual's default is called, physical_address 1600: many meters are at 1, others "
        "go by serial_number",
        _at_the_manuals_address,
    ),
    (
        "M-Bus address 254 is whoever is there, 253 whoever is selected: sound with one meter on the line alone; "
        "expect_serial says which one is meant",
        _whoever_is_there,
    ),
    (
        "client_address 11 is decimal here; the manual's hex 11 is written 0x11 (17), and the public client of most is "
        "16 (0x10)",
        _is_the_manuals_client,
    ),
    (
        "a signal has multiply and no units: its values leave without a unit, for the meter's is not theirs any more",
        _unit_is_lost,
    ),
    (
        "suppression_values and suppression_time_ms work together only: one without the other holds nothing back",
        _suppresses_nothing,
    ),
    (
        "scan_align needs a scan_rate_ms, at whose multiples by the clock scans begin; without one (0 or less) nothing "
        "is aligned",
        _aligns_nothing,
    ),
    ("M-Bus meters talk 8 data bits with even parity (parity even), mostly at baudrate 2400", _not_even),
)
