"""The Device and Signal tables of P1 ports. All rows are ours: the manual knows only meters that are asked.

DSMR 4 and 5 send at 115200 8N1, which are the defaults here; DSMR 2.2 and 3 at 9600 7E1.
"""

from __future__ import annotations

from ...parameters import (
    BOTH,
    CHARACTER_FORMAT,
    DEVICE_IDENTITY,
    NUMBER_TYPE,
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
_KEY = octets_in_hex("16 octets in hex", 16)
# Luxembourg's meters all authenticate by this one, so it is no secret.
COMMON_AUTHENTICATION_KEY = "00112233445566778899AABBCCDDEEFF"


DEVICE = (
    *DEVICE_IDENTITY,
    Parameter(
        "serialnumber",
        STRING,
        "The meter's number (0-0:96.1.1, in plain text), where several share the port or another one must not be "
        "taken for it; 0 takes whichever sends",
        default="0",
        high=64,
        origin="meterd",
    ),
    SERIAL_PORT[0],
    SERIAL_PORT[1].but(default=115200),
    *CHARACTER_FORMAT,
    *TCP_ENDPOINT,
    *unasked("telegram"),
    Parameter(
        "encryption_key",
        STRING,
        "Key of a meter that ciphers its telegrams, 16 octets in hex; what comes in plain text is then refused",
        secret=True,
        check=_KEY,
        origin="meterd",
    ),
    Parameter(
        "authentication_key",
        STRING,
        "By which ciphered telegrams are authentic, 16 octets in hex; the default is that of Luxembourg's meters",
        default=COMMON_AUTHENTICATION_KEY,
        secret=True,
        check=_KEY,
        origin="meterd",
    ),
)

SIGNAL = (
    *SIGNAL_IDENTITY,
    NUMBER_TYPE.but(origin="meterd"),
    Parameter(
        "tag_job_todo",
        STRING,
        "Address as the telegram has it (1-0:1.8.1, or 1.8.1 alone), with [n] its n-th group; or gas, water, heat, "
        "cold, electricity: the last value of that meter behind this one, whichever channel it is on, with its own "
        "time",
        aliases=("obis_job",),
        origin="meterd",
        **BOTH,
    ),
    Parameter("job_todo", STRING, "The same as tag_job_todo, where a table has both", origin="meterd", seldom=True),
)
