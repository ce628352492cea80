"""Who calls: meters that connect to us are known by what they tell of themselves, or by where they call from.

A device has names (`caller`, and what else its table has: `serialnumber`, `expect_serial`, `meter_title`), each the
logical device name, the number or the system title in hex; or an address, with a wPort where several logical devices
stand behind one. One that has none takes whoever is no other's. Several devices may stand for one meter: one for what
it pushes, another for what is read of it.

Anybody who can reach the port can claim a name in plain text. So where a device of that name has a key, plain text is
not taken for the name, and a ciphered message counts once it is opened.
Assumption: a name is looked up for every message that comes, from thousands of meters; so nothing here looks at all.
"""

from __future__ import annotations

from ...errors import ConfigError
from ..iec62056_21.identity import LEAST_NUMBER, bare, is_same

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from ...model import Device, Memory, Plan
    from .profile import Profile

    Entry = tuple[Plan, Memory]

NAMES = ("caller", "serialnumber", "expect_serial", "meter_title")
MAX_WPORT = 0xFFFF


class Caller:
    """One who calls, from `address`; the daemon overrides what it wants to hear of."""

    def __init__(self, address: str) -> None:
        self.address = address
        # What joins its telegrams, from one talk to the next: `has_begun()` says whether it is in the midst of one.
        self.apdus: Any = None

    def is_known(self) -> bool:
        """Whether it has told who it is."""
        return False

    def whole(self) -> None:
        """A telegram came to its end."""

    def known(self, entries: list[Entry]) -> None:
        """It is the meter of these devices."""

    def refused(self, plan: Plan | None, error: Exception) -> None:
        """What it sent cannot be used; of that device, if it is known."""

    def stranger(self, name: str, said: str, pushed: object, apdu: bytes) -> None:
        """Nobody knows it. What it calls itself, and said, in words; its list, where that is plain; the APDU."""


class Book:
    """The devices at one listener by the ways in which they are known."""

    def __init__(self, served: Iterable[Entry]) -> None:
        self._names: dict[str, list[Entry]] = {}
        self._ends: dict[str, list[Entry]] = {}  # by the last digits of a long number
        self._places: dict[tuple[str, int | None], list[Entry]] = {}
        self.others: list[Entry] = []  # who have no name
        self.profiles: dict[Plan, Profile | None] = {}  # of those whose lists were read
        for entry in served:
            self._put_in(entry)

    def _put_in(self, entry: Entry) -> None:
        device = entry[0].device
        place = place_of(device["caller"] or "")
        if place is not None:
            self._places.setdefault(place, []).append(entry)
            return
        names = names_of(device)
        for name in names:
            self._names.setdefault(name, []).append(entry)
            if len(name) >= LEAST_NUMBER:
                self._ends.setdefault(name[-LEAST_NUMBER:], []).append(entry)
        if not names:
            self.others.append(entry)

    def find(self, address: str, wport: int, told: list[str]) -> list[Entry]:
        """The devices of one who calls from there and calls itself so; of no name but its place, if `told` is empty."""
        for name in told:
            known = self._names.get(bare(name))
            if known is not None:
                return known
        for name in told:
            known = self._by_end(name)
            if known:
                return known
        return self._places.get((address, wport)) or self._places.get((address, None)) or self.others

    def at(self, address: str) -> list[Entry]:
        """The devices of one who has only called from there as yet: by its place, or all that are here for whoever
        calls, where nobody has a name."""
        found = self._places.get((address, None))
        return found if found is not None else [] if self._names or self._places else self.others

    def _by_end(self, told: str) -> list[Entry]:
        """By a number that one of both has a maker's prefix before; of one device alone, else nobody's."""
        alike = self._ends.get(bare(told)[-LEAST_NUMBER:], ())
        found = [entry for entry in alike if any(is_same(name, told) for name in names_of(entry[0].device))]
        apart = {tuple(names_of(entry[0].device)) for entry in found}
        return found if len(apart) == 1 else []


def names_of(device: Device) -> list[str]:
    """As they are compared; not a place."""
    given = [str(device.parameters.get(name) or "") for name in NAMES]
    if place_of(given[0]) is not None:
        given[0] = ""
    return list(dict.fromkeys(bare(name) for name in given if name.strip(" 0")))


def check_listening(device: Device) -> None:
    """Raises: ConfigError for an address at which nobody can listen: a name would be looked up, and lead elsewhere."""
    ip = str(device["ip"] or "")
    if place_of(ip) is None or "/" in ip:
        raise ConfigError("", f"ip: found {ip!r}; with listen it is an address of this machine, 0.0.0.0 for all it has")


def place_of(caller: str) -> tuple[str, int | None] | None:
    """Address and wPort, where `caller` is such; None for a name."""
    address, slash, wport = caller.replace(" ", "").partition("/")
    octets = address.split(".")
    if len(octets) != 4 or not all(part.isdigit() and int(part) < 256 for part in octets):
        return None
    if slash and not (wport.isdigit() and int(wport) <= MAX_WPORT):
        return None
    return (".".join(str(int(part)) for part in octets), int(wport) if slash else None)
