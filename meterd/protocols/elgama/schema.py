"""What may stand in a profile file: the schema as data, and the checks that need more than one key.

How it is held against a file: `profile_shape`.
"""

from __future__ import annotations

from ...parameters import BAUDRATES
from ...profile_shape import STATUSES, Map, Or, flag, hold, is_comment, named, one_of, shown, text, whole
from ..dlms.enumerations import UNITS
from ..dlms.links.address import MAX_CLIENT, MAX_HALF, apply_formula, parse_formula
from .profile import CLOCK, DLMS, IEC, SERIAL, WITHOUT_CODEC, decimal, full_name
from .raw import DLMS_KINDS, IEC_KINDS, is_raw, parse_raw

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ...profile_shape import Check, Fault, Steps

MAX_FIELD = 255
OPENINGS = ("direct", "mode-e")
DISPLAY_UNITS = tuple(prefix + unit for prefix in ("k", "M") for unit in ("Wh", "varh", "VAh", "W", "var", "VA", "V"))
KNOWN_UNITS = frozenset((*UNITS.values(), *DISPLAY_UNITS))
RESERVED = (CLOCK, SERIAL)


def _read(*kinds: str) -> Check:
    def check(value: Any) -> None:
        if not isinstance(value, str):
            raise ValueError("a text such as " + ", ".join(f"{kind}:…" for kind in kinds))
        try:
            parse_raw(value)
        except ValueError as error:
            raise ValueError(str(error).partition("allowed: ")[2] or str(error)) from None

    return check


def _address_rule(value: Any) -> None:
    """A number, or the tiny grammar: SN, whole numbers, % + - * /; no code is ever run."""
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise ValueError("a number, or a rule such as 'sn % 10000 + 1000'")
    rule = str(value)
    try:
        parse_formula(rule)
    except ValueError as error:
        raise ValueError(str(error)) from None


def _hex_bits(value: Any) -> None:
    if not isinstance(value, str) or len(value) != 6 or not set(value.upper()) <= set("0123456789ABCDEF"):
        raise ValueError("six hex digits, such as 1C0320")


def _unit(value: Any) -> None:
    if not isinstance(value, str) or value not in KNOWN_UNITS:
        raise ValueError("a unit such as Wh, kWh, varh, W, var, V, A, Hz, s, %")


def _obis(value: Any) -> None:
    if not isinstance(value, str) or full_name(value) is None:
        raise ValueError("an OBIS code such as 1.8.0 or 1.0.1.8.0.255")


def _is_taken(name: str) -> bool:
    return name in RESERVED or is_raw(name)


ANY_READ = _read("sn", "ln", *IEC_KINDS)
ASSOCIATION = {
    "referencing": one_of("SN", "LN"),
    "client": whole(0, MAX_CLIENT),
    "auth": one_of("none", "low"),
    "max_info": whole(32, 2030),
    "max_pdu": whole(64, 65535),
    "conformance": _hex_bits,
    "max_vars_per_read": whole(1, 64),
}
REGISTER = {
    "read": ANY_READ,
    "scaler": Or(ANY_READ),
    "scale": decimal,
    "unit": _unit,
    "field": whole(1, MAX_FIELD),
    "class": whole(1, 65535),
    "obis": _obis,
    "kind": one_of("value", "profile", "log"),
    "type": one_of("cosem-datetime"),
    "source": text,
    "confidence": text,
}
SCHEMA: dict[str, Any] = {
    "profile": text,
    "extends": text,
    "meter_model": whole(0, 4),
    "status": one_of(*STATUSES),
    "about": text,
    "source": text,
    "transport": {
        "protocol": one_of(DLMS, IEC, *WITHOUT_CODEC),
        "opening": one_of(*OPENINGS),
        "line": {
            "baudrate": one_of(*BAUDRATES),
            "databits": one_of(7, 8),
            "parity": one_of("none", "even", "odd"),
            "stopbits": one_of(1, 2),
        },
        "source": text,
        "confidence": text,
    },
    "address": {
        "scheme": one_of("hdlc-serial", "iec-serial", "iec-anyone"),
        "upper": whole(0, MAX_HALF),
        "lower": _address_rule,
        "anyone": whole(0, MAX_HALF),
        "size": one_of(1, 2, 4),
        "source": text,
        "confidence": text,
    },
    "association": {**ASSOCIATION, "with_password": ASSOCIATION, "source": text, "confidence": text},
    "session": {
        "protocol_control": whole(0, 9),
        "password_length": Or(whole(1, 32)),
        "source": text,
        "confidence": text,
    },
    "identity": Or({
        "read": ANY_READ,
        "compare": one_of("integer", "text"),
        "required": flag,
        "source": text,
        "confidence": text,
    }),
    "clock": Or({
        "read": ANY_READ,
        "date": ANY_READ,
        "time": ANY_READ,
        "ignore_deviation": flag,
        "ignore_status": flag,
        "source": text,
        "confidence": text,
    }),
    "unlisted": Or(one_of("ln", *IEC_KINDS)),
    "registers": Map(Or(REGISTER), _is_taken),
    "aliases": Map(Or(text), _is_taken),
}  # fmt: skip


def faults(content: dict[str, Any]) -> list[Fault]:
    """What is wrong with the content of one file, which need not be a whole profile."""
    found: list[Fault] = []
    hold(content, SCHEMA, (), found)
    for name, entry in named(content, "registers"):
        if "scaler" in entry and "scale" in entry:
            found.append((("registers", name, "scale"), "is given beside scaler, allowed: one of the two"))
    return found


# ---- what only the whole profile can tell


def whole_faults(content: dict[str, Any]) -> list[Fault]:
    """What is wrong with a profile once all its files are merged."""
    found: list[Fault] = []
    for name in ("profile", "transport"):
        if name not in content:
            found.append(((name,), "is missing"))
    protocol = (content.get("transport") or {}).get("protocol")
    if protocol is None:
        found.append(
            (("transport", "protocol"), f"is missing, allowed: one of {DLMS}, {IEC}, {', '.join(WITHOUT_CODEC)}")
        )
        return found
    if protocol in WITHOUT_CODEC:
        return found
    _check_transport(content, protocol, found)
    _check_reads(content, protocol, found)
    _check_registers(content, found)
    _check_aliases(content, found)
    return found


def _check_transport(content: dict[str, Any], protocol: str, found: list[Fault]) -> None:
    transport, address = content["transport"], content.get("address") or {}
    if protocol != DLMS and "opening" in transport:
        found.append((("transport", "opening"), f"is for {DLMS} only: what a register reads says how it is asked for"))
    scheme = address.get("scheme")
    fits = ("hdlc-serial",) if protocol == DLMS else ("iec-serial", "iec-anyone")
    if scheme not in fits:
        found.append(
            (("address", "scheme"), f"found {shown(scheme)}, allowed with {protocol}: one of {', '.join(fits)}")
        )
    elif protocol == DLMS:
        _check_rule(address, found)


def _check_rule(address: dict[str, Any], found: list[Fault]) -> None:
    """The rule must give an address for any serial number that its modulus lets through."""
    rule = str(address.get("lower", ""))
    if not rule:
        found.append((("address", "lower"), "is missing, allowed: a number, or a rule such as 'sn % 10000 + 1000'"))
        return
    steps = parse_formula(rule)
    moduli = [number for operator, number in steps if operator == "%" and number]
    for serial in (1, max(moduli[0] - 1, 1) if moduli else 1):
        result = apply_formula(rule, serial)
        if not 0 <= result <= MAX_HALF:
            message = f"found {shown(rule)}, which makes {result} of {serial}, allowed: 0 to {MAX_HALF}"
            found.append((("address", "lower"), message))
            return


def _check_reads(content: dict[str, Any], protocol: str, found: list[Fault]) -> None:
    """Reads must be of the profile's own protocol."""
    kinds: tuple[str, ...] = DLMS_KINDS if protocol == DLMS else IEC_KINDS
    if protocol == DLMS and (content.get("association") or {}).get("referencing") == "LN":
        kinds = ("ln",)
    places: list[tuple[Steps, Any]] = [((part,), content.get(part) or {}) for part in ("identity", "clock")]
    places += [(("registers", name), entry) for name, entry in named(content, "registers")]
    for steps, entry in places:
        for key in ("read", "date", "time", "scaler"):
            text = entry.get(key)
            if text is not None and parse_raw(text).kind not in kinds:
                allowed = ", ".join(f"{kind}:…" for kind in kinds)
                found.append(((*steps, key), f"found {shown(text)}, allowed in this profile: {allowed}"))
    unlisted = content.get("unlisted")
    if unlisted is not None and unlisted not in kinds:
        found.append((("unlisted",), f"found {shown(unlisted)}, allowed in this profile: {', '.join(kinds)}"))
    if content.get("identity") and "read" not in content["identity"]:
        found.append((("identity", "read"), "is missing"))
    clock = content.get("clock")
    if clock and "read" not in clock and not ("date" in clock and "time" in clock):
        found.append((("clock", "read"), "is missing, allowed: read, or date and time"))


def _check_registers(content: dict[str, Any], found: list[Fault]) -> None:
    seen: dict[tuple[Any, ...], str] = {}
    codes: dict[bytes, str] = {}
    for name, entry in named(content, "registers"):
        if "read" not in entry:
            found.append((("registers", name, "read"), "is missing"))
            continue
        key = (str(parse_raw(entry["read"])), entry.get("field"))
        if key in seen:
            found.append(
                (("registers", name, "read"), f"found {shown(entry['read'])}, which {seen[key]} reads already")
            )
        seen.setdefault(key, name)
        code = full_name(name)
        if code is not None and codes.setdefault(code, name) != name:
            found.append((("registers", name), f"is the OBIS code of {codes[code]} written in another way"))


def _check_aliases(content: dict[str, Any], found: list[Fault]) -> None:
    registers = content.get("registers") or {}
    for name, target in (content.get("aliases") or {}).items():
        if is_comment(name):
            continue
        if name in registers:
            found.append((("aliases", name), "is the name of a register already"))
        for item in target.split(","):
            word = item.strip().partition("#")[0].strip()
            if word not in registers and word not in RESERVED and not is_raw(word):
                found.append((("aliases", name), f"found {shown(word)}, which is no register of the profile"))
