"""Which protocols there are. Adding one is a package with `parameters` and `driver`, and one row in each table here.

A package is imported when the first device needs it, so a gateway pays only for what it reads.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

    from ..model import Plan

# What may stand in a Devices tab's `protocol` column (without regard to case) → package.
PROTOCOL_NAMES = {
    "IEC 62056-21": "iec62056_21",
    "DLMS": "dlms",
    "DLMS/COSEM": "dlms",
    "mbus serial": "mbus",
    "mbus tcp": "mbus",
    "Elgama": "elgama",
    "P1": "p1",
    "DLMS push": "dlms_push",
}

# The debug program that runs one protocol alone → package.
PROGRAMS = {
    "iec62056-21": "iec62056_21",
    "dlms": "dlms",
    "mbus": "mbus",
    "elgama": "elgama",
    "p1": "p1",
    "dlms-push": "dlms_push",
}

# Python package → the package of a gateway that brings it, where that is not meterd itself.
BROUGHT_BY = {"elgama": "meterd-elgama", "p1": "meterd-push", "dlms_push": "meterd-push"}

_PACKAGES = {name.lower(): package for name, package in PROTOCOL_NAMES.items()}


def find(name: str) -> str | None:
    """The package for a protocol's name as configured, or None."""
    return _PACKAGES.get(" ".join(name.split()).lower())


def program(package: str) -> str:
    """The name under which a package's debug program runs, and under which it is started and stopped."""
    return next((name for name, found in PROGRAMS.items() if found == package), package)


def is_installed(package: str) -> bool:
    """Whether this installation has the protocol; a small gateway may carry only those that it needs."""
    try:
        tables(package)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith(f"{__package__}.{package}"):
            return False
        raise
    return True


def installed() -> list[str]:
    """The packages of all protocols that this installation has."""
    return [package for package in dict.fromkeys(PROTOCOL_NAMES.values()) if is_installed(package)]


def brought_by(package: str) -> str:
    """The package of a gateway that brings a protocol."""
    return BROUGHT_BY.get(package, "meterd")


def tables(package: str) -> ModuleType:
    """The module that declares the protocol's DEVICE and SIGNAL tables.

    It may also have `review(devices) -> [(device, parameter or None, message, is an error)]`, which looks at devices
    together once each of them is right alone; and, where meters of the protocol are described by profile files,
    `profile_name(parameters)`, the profile of a device; `profile_merge(below, over)`, what two files come to; and
    `profile_faults(content, whole)`, `[(steps to the place, message)]` for the content of one file, or, with `whole`,
    of what a file and those below it come to; `PROFILE_PARTS` is what stands in them and in no other protocol's.
    """
    return _module(package, "parameters")


def driver(package: str) -> ModuleType:
    """The module with `plan(device, signals)` and `conversation(plan, memory)`."""
    return _module(package, "driver")


def sends_unasked(driver: ModuleType, plan: Plan) -> bool:
    """Whether the device is listened to, and not asked."""
    listens = getattr(driver, "listens", None)
    return listens is not None and bool(listens(plan))


def module(package: str, name: str) -> ModuleType:
    """A part that not every protocol has. Raises: ModuleNotFoundError."""
    return _module(package, name)


def calls() -> ModuleType:
    """The module with `talk(caller, book, framing)`: what is made of a meter that calls, whatever reads it then."""
    return _module("dlms_push", "calls")


def _module(package: str, name: str) -> ModuleType:
    """One module of a protocol's package. importlib, which would do the same, costs a gateway as much as a protocol."""
    module: ModuleType = __import__(f"{__package__}.{package}.{name}", fromlist=(name,))
    return module
