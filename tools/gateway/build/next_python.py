"""The Python that OpenWrt 25.12 has and no release of Debian: from Debian's sid, unpacked and not installed.

What its packages need of it: the program that compiles byte code, on this machine, and the headers for the processors
that sid has. Its source cannot be had here, so no musl, and no MIPS, runs it.
"""

from __future__ import annotations

from .byte_code import NEXT
from .cache import ToolMissing
from .debian import unpacked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

    from .machines import Machine

VERSION = NEXT
# This machine's, for which the whole of it is unpacked.
OWN, OWN_LOADER = "amd64", "lib64/ld-linux-x86-64.so.2"
LIBRARIES = ("libc6", "zlib1g", "libexpat1")


def root(architecture: str) -> Path:
    """A root with the program, its library and its headers."""
    parts = (f"libpython{VERSION}-minimal", f"libpython{VERSION}-stdlib", f"libpython{VERSION}-dev")
    return unpacked(architecture, (*parts, f"python{VERSION}-minimal", *LIBRARIES), sid=True)


def program() -> list[str]:
    """The words that run it here."""
    place = root(OWN)
    libraries = ":".join(str(found) for found in (*place.glob("usr/lib/*-gnu"),))
    words = [str(place / OWN_LOADER), "--library-path", libraries, str(place / "usr" / "bin" / f"python{VERSION}")]
    return ["env", f"PYTHONHOME={place / 'usr'}", *words]


def headers(machine: Machine) -> list[Path]:
    """The folders with Python.h and pyconfig.h for the machine's processor. Raises: ToolMissing where sid has none."""
    if machine.debian_next is None:
        raise ToolMissing(f"{machine.name}: Debian's sid has no Python {VERSION} for this processor, nor its source")
    include = root(machine.debian_next) / "usr" / "include"
    [own] = include.glob(f"*/python{VERSION}")
    # The one under python3.14 leads on to the processor's by the compiler's own macros, which are of another float ABI.
    return [own, include / f"python{VERSION}", include]
