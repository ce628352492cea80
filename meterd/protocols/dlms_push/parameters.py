"""The Device and Signal tables of DLMS meters that push. All rows are ours: the manual knows meters that are asked.

The defaults are those of Nordic customer interfaces on M-Bus adapters: 2400 8E1.
"""

from __future__ import annotations

from ...parameters import (
    BOTH,
    CALLS,
    CHARACTER_FORMAT,
    DEVICE_IDENTITY,
    INTEGER,
    SERIAL_PORT,
    SIGNAL_IDENTITY,
    STRING,
    TCP_ENDPOINT,
    TRANSPORT,
    Parameter,
    octets_in_hex,
    unasked,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

# What a device described on a command line need not say.
UNSAID: dict[str, object] = {}
# What stands in a profile of these meters and in no other.
PROFILE_PARTS = ("lists", "codes", "telegrams")
_TITLE = octets_in_hex("8 octets in hex", 8)
_KEY = octets_in_hex("16 octets in hex, 32 for security suite 2", 16, 32)


def _format(row: Parameter) -> Parameter:
    return row.but(default="even") if row.name == "parity" else row


DEVICE = (
    *DEVICE_IDENTITY,
    Parameter(
        "serialnumber",
        STRING,
        "The meter's number as its lists tell it (0.0.96.1.0.255, 1.1.0.0.5.255), or its system title in hex where "
        "they are ciphered; 0 takes whichever sends",
        default="0",
        high=64,
        origin="meterd",
    ),
    Parameter(
        "framing",
        STRING,
        "What lists come in: HDLC frames, the long frames of M-Bus, as on Austrian customer interfaces, or the wrapper "
        "of TCP and UDP",
        default="HDLC",
        choices=("HDLC", "M-Bus", "wrapper"),
        origin="meterd",
    ),
    Parameter(
        "profile",
        STRING,
        "What the meter's lists do not say themselves: the name of a profile (kaifa-han, kamstrup-han, …), or the path "
        "of a file",
        low=1,
        high=4095,
        origin="meterd",
    ),
    SERIAL_PORT[0],
    SERIAL_PORT[1].but(default=2400),
    *map(_format, CHARACTER_FORMAT),
    *TCP_ENDPOINT,
    TRANSPORT.but(help="What carries the wrapper: tcp, or udp, which is for framing wrapper alone"),
    *CALLS,
    *unasked("list"),
    Parameter(
        "encryption_key",
        STRING,
        "Key of a meter that ciphers its lists, hex; what comes in plain text is then refused",
        secret=True,
        check=_KEY,
        origin="meterd",
    ),
    Parameter(
        "system_title",
        STRING,
        "System title of a meter that ciphers and does not tell it (events under glo-ciphering), hex; what comes from "
        "another is refused",
        check=_TITLE,
        origin="meterd",
    ),
    Parameter(
        "authentication_key",
        STRING,
        "By which ciphered lists are authentic, hex; what has no tag is then refused. Without it lists are taken that "
        "have none",
        secret=True,
        check=_KEY,
        origin="meterd",
    ),
)

SIGNAL = (
    *SIGNAL_IDENTITY,
    Parameter(
        "obis_job",
        STRING,
        "OBIS code with an optional attribute index, as in the list: 1.0.1.8.0.255, or 1-0:1.8.0*255",
        aliases=("tag_job_todo",),
        origin="meterd",
        **BOTH,
    ),
    Parameter(
        "scaler",
        INTEGER,
        "Power of ten of the value where the list does not tell it; what the list tells comes first, what a profile "
        "says last",
        low=-64,
        high=64,
        origin="meterd",
    ),
)


def profile_name(parameters: Mapping[str, Any]) -> str | None:
    """The profile of a device by its validated parameters; None where it has none, as most."""
    name = parameters.get("profile")
    return None if name is None else str(name)


def profile_merge(below: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """What a profile and one laid over it come to."""
    from ...profile_shape import merged, without_null

    return without_null(merged(below, over), *PROFILE_PARTS)


def profile_faults(content: dict[str, Any], whole: bool) -> list[tuple[tuple[str | int, ...], str]]:
    """What is wrong with a profile file, or with what it and those below it come to."""
    from .profile_schema import faults, whole_faults

    return whole_faults(content) if whole else faults(content)
