"""The Device and Signal tables of Elgama meters: the manual's rows (chapter 17.3), then ours.

The manual says nothing of framing, handshake or passwords: those follow from `meter_model`, that is from its profile.
What a profile gets wrong for one site can be set for one device. `baudrate` has the manual's default, so 9600 may mean
that nobody chose it: an IEC 62056-21 meter is then signed on at its profile's speed first.
"""

from __future__ import annotations

from ...parameters import (
    BOOLEAN,
    BOTH,
    CHARACTER_FORMAT,
    DEVICE_IDENTITY,
    INTEGER,
    JOB_TODO,
    NUMBER_TYPE,
    SCAN_ALIGN,
    SCAN_RATE,
    SERIAL_CLOSE_DELAY,
    SERIAL_PORT,
    SIGNAL_IDENTITY,
    STRING,
    TAG_JOB_TODO,
    TCP_ENDPOINT,
    TIMEOUT,
    Parameter,
    printable_text,
)
from .models import MODEL_NAMES, MODELS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from ...model import Device

# What stands in a profile of these meters and in no other.
PROFILE_PARTS = ("registers", "aliases")
MAX_SERIAL = 10**16 - 1
# What a device described on a command line need not say.
UNSAID = {"timeout_ms": 2500, "id": 0}

DEVICE = (
    *DEVICE_IDENTITY,
    *SERIAL_PORT,
    SERIAL_CLOSE_DELAY,
    TIMEOUT.but(default=None, help="Wait for an answer, ms", **BOTH),
    Parameter(
        "id",
        INTEGER,
        "Meter serial number: makes the address by the model's rule, and is compared with the number that the meter "
        "itself tells; 0 asks for the only meter on the line",
        low=0,
        high=MAX_SERIAL,
        **BOTH,
    ),
    Parameter(
        "meter_model",
        INTEGER,
        "Meter type: " + ", ".join(f"{number} {name}" for number, name in enumerate(MODEL_NAMES)),
        low=0,
        high=len(MODELS) - 1,
        **BOTH,
    ),
    Parameter(
        "use_time",
        BOOLEAN,
        "Time that readings are stamped with: 0 the system's, 1 the meter's, read in the same conversation",
        default=False,
    ),
    SCAN_RATE.but(origin="meterd"),
    *SCAN_ALIGN,
    *(parameter.but(origin="meterd") for parameter in TCP_ENDPOINT),
    *(
        parameter.but(default=None, origin="meterd", help=f"{parameter.help}; absent: as the profile says")
        for parameter in CHARACTER_FORMAT
        if parameter.name != "flowcontrol"
    ),
    Parameter(
        "profile",
        STRING,
        "Profile to use instead of the meter model's: its name, or the path of a file",
        low=1,
        high=4095,
        origin="meterd",
    ),
    Parameter(
        "password",
        STRING,
        "Password of the meter; no profile has one",
        low=1,
        high=32,
        origin="meterd",
        secret=True,
        check=printable_text,
    ),
    Parameter(
        "retry_counter",
        INTEGER,
        "Number of times that a request without an answer is sent again",
        default=2,
        low=0,
        high=10,
        origin="meterd",
        aliases=("retry_count",),
    ),
    Parameter(
        "profile_rows",
        INTEGER,
        "Rows of a load profile or log to read when it is seen for the first time",
        default=96,
        low=1,
        high=65535,
        origin="meterd",
    ),
)

SIGNAL = (
    *SIGNAL_IDENTITY,
    NUMBER_TYPE,
    JOB_TODO.but(
        help="What to fetch in one exchange: a name of the profile (an OBIS code, an alias, clock, serial), a raw form "
        "(sn:0x0108, ln:1.0.1.8.0.255:2, r5:1.8.0, readout:1.8.0), or several with commas between"
    ),
    TAG_JOB_TODO.but(
        help="Which item of job_todo feeds the signal; name#n its n-th field, from 1 (of a load profile: its column, "
        "or name#OBIS code), name:n attribute n of the object; clock and serial are always there"
    ),
)


def profile_name(parameters: Mapping[str, Any]) -> str | None:
    """The profile of a device by its validated parameters; None where those are wrong."""
    if parameters.get("profile"):
        return str(parameters["profile"])
    model = parameters.get("meter_model")
    return None if model is None else MODELS[model]


def profile_merge(below: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """What a profile and one laid over it come to."""
    from .profile import merge

    return merge(below, over)


def profile_faults(content: dict[str, Any], whole: bool) -> list[tuple[tuple[str | int, ...], str]]:
    """What is wrong with a profile file, or with what it and those below it come to."""
    from .schema import faults, whole_faults

    return whole_faults(content) if whole else faults(content)


def review(devices: Iterable[Device]) -> list[tuple[Device, str | None, str, bool]]:
    """What is wrong or doubtful about devices that are each right alone: (device, parameter, message, is an error)."""
    from .neighbours import review as look

    return look(list(devices))
