"""The Device and Signal tables of DLMS meters that push. All rows are ours: the manual knows meters that are asked.

The defaults are those of Nordic customer interfaces on M-Bus adapters: 2400 8E1.
"""

from __future__ import annotations

from ...parameters import (
    BOTH,
    CHARACTER_FORMAT,
    DEVICE_IDENTITY,
    INTEGER,
    SERIAL_PORT,
    SIGNAL_IDENTITY,
    STRING,
    TCP_ENDPOINT,
    Parameter,
    octets_in_hex,
    unasked,
)

# What a device described on a command line need not say.
UNSAID: dict[str, object] = {}
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
        "What lists come in: HDLC frames, or the long frames of M-Bus, as on Austrian customer interfaces",
        default="HDLC",
        choices=("HDLC", "M-Bus"),
        origin="meterd",
    ),
    SERIAL_PORT[0],
    SERIAL_PORT[1].but(default=2400),
    *map(_format, CHARACTER_FORMAT),
    *TCP_ENDPOINT,
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
        "Power of ten of the value where the list does not tell it; what the list tells comes first",
        low=-64,
        high=64,
        origin="meterd",
    ),
)
