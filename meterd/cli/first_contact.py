"""`meterd scan PORT|HOST:PORT`: finds by itself what is there, and writes a configuration that reads it.

The ways of all protocols are tried one after the other, the likelier first, until somebody answers; then each meter is
asked what it has. Ctrl-C keeps what was found until then.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module

from ..config.command_line import make_device
from ..daemon.one_scan import Single
from ..errors import Aborted, ConfigError, MeterdError, PortGone
from ..model import Device, Memory, network_line
from ..protocols import registry
from .ends import interruptible_loop
from .exit_codes import INTERRUPTED, OK, READ_FAILED
from .found_file import device_row, write
from .ladder import Ladder, attempts_of, place_of
from .options import UsageError
from .terminal import Status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..sighting import Sighting
    from .options import Arguments

SCHEMES = {"rfc2217://": {"serial_server": "rfc2217"}, "udp://": {"transport": "udp"}}
MAX_PORT = 65535
# How a meter is asked that has just answered.
BRISK = {"timeout_ms": 2500, "retry_counter": 1}
MAX_ALIAS = 40
SHORT = {"iec62056_21": "iec"}  # in aliases
# Among ways of one rank; a GAMA is a DLMS meter as well, and its own protocol looks first.
ORDER = ("dlms_push", "p1", "iec62056_21", "elgama", "dlms", "mbus")
SHOWN_BYTES = 16


def looks_like_a_place(word: str) -> bool:
    return "/" in word or ":" in word or os.path.exists(word)


def place_named(word: str) -> dict[str, Any]:
    """What a device at a port has in its row. Raises: UsageError."""
    scheme = next((scheme for scheme in SCHEMES if word.startswith(scheme)), "")
    plain = word.removeprefix(scheme)
    host, colon, port = plain.rpartition(":")
    if colon and not os.path.exists(word) and "/" not in plain:
        if not port.isdigit() or not 0 < int(port) <= MAX_PORT or not host:
            raise UsageError(f"{word!r} is no HOST:PORT")
        return {"ip": host.strip("[]"), "port": int(port), **SCHEMES.get(scheme, {})}
    return {"device": word}


def find(word: str, arguments: Arguments) -> int:
    """Look for meters at a place, and write what is found."""
    place = place_named(word)
    port = Device("scan", "", dict(place), network_line(place) if "ip" in place else word)
    single = Single(interruptible_loop(), port, word, lambda reading: None)
    status = Status()
    ladder = Ladder(single, status)
    attempts = attempts_of(ORDER, place_of(port))
    longest = sum(attempt.seconds for attempt in attempts)
    status.line(f"{word}: {len(attempts)} ways to try, {_span(longest)} if nobody answers; Ctrl-C keeps what was found")
    findings = Findings(ladder, place, status)
    try:
        ladder.climb(attempts, findings.add)
        if not ladder.found:
            ladder.ask_stranger()
    except PortGone as error:
        print(f"meterd scan: the port does not open: {error}", file=sys.stderr)
        return READ_FAILED[error.reason]
    finally:
        single.close()
    if not ladder.found:
        say_nobody(ladder, word)
        return INTERRUPTED if ladder.interrupted else READ_FAILED["bad_frame" if ladder.noise else "no_bytes"]
    output = arguments.value("output")
    devices = findings.devices or findings.doubtful
    write(output, {"devices": devices, "signals": findings.signals})
    _say_next(output, devices, findings.signals)
    return INTERRUPTED if ladder.interrupted else OK


def _span(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


class Findings:
    """The rows of what was found: `devices` that said what they have, or what they want before they do; `doubtful` ones
    that answered and then said nothing, which are kept only where nobody else is there.
    """

    def __init__(self, ladder: Ladder, place: dict[str, Any], status: Status) -> None:
        self.ladder = ladder
        self.place = place
        self.status = status
        self.devices: list[dict[str, Any]] = []
        self.doubtful: list[dict[str, Any]] = []
        self.signals: list[dict[str, Any]] = []

    def add(self, sighting: Sighting) -> bool:
        """Whether it is a meter beyond doubt. Raises: KeyboardInterrupt."""
        sighting = _adopted(sighting)
        alias = self._alias(sighting)
        given = {**self.place, **sighting.parameters, "device_alias": alias, "name": _name(sighting, alias)}
        program, unsaid = registry.program(sighting.package), registry.tables(sighting.package).UNSAID
        row = device_row(make_device(program, given, unsaid), self.place.get("device", ""), with_secrets=True)
        if sighting.more:
            self.status.line(f"  {alias}: needs more before it can be read: {sighting.more}")
            self.devices.append(row)
            return True
        known = {parameter.name for parameter in registry.tables(sighting.package).DEVICE}
        brisk = make_device(program, {**given, **{name: BRISK[name] for name in BRISK if name in known}}, unsaid)
        self.devices.append(row)  # an interrupt keeps it
        found = self._offered(brisk)
        if "lists" in found.get("profile", {}) and not found["signals"]:
            from .nameless import told

            self.status.line(f"  {alias}: {told(sighting.package, found['profile'])}")
            return True
        if not found["signals"]:
            self.doubtful.append(self.devices.pop())
            return False
        self._take(sighting, row, found)
        return True

    def _take(self, sighting: Sighting, row: dict[str, Any], found: dict[str, Any]) -> None:
        rows: list[dict[str, Any]] = found["signals"]
        if found.get("numbers") and not sighting.plate.serial:  # now it has told its number
            sighting.plate.serial = found["numbers"][0].strip()
            self.devices.remove(row)
            alias = self._alias(sighting)
            self.devices.append(row)
            row |= {"device_alias": alias, "name": _name(sighting, alias)}
            rows = [{**one, "device_alias": alias} for one in rows]
        self.signals += rows
        self.status.line(f"  {row['device_alias']}: {row['name']}, {len(rows)} signals")

    def _offered(self, device: Device) -> dict[str, Any]:
        """What a meter says that it has: its rows under "signals", and perhaps its "numbers"."""
        discovery = import_module(f"{registry.__package__}.{device.protocol}.discovery")
        offers = getattr(discovery, "discover_one", discovery.discover)
        try:
            found: dict[str, Any] = self.ladder.run(
                offers(device, Memory(), {}, lambda text: self.status.now(f"  {device.alias}: {text}"))
            )
        except (MeterdError, Aborted) as error:
            self.status.line(f"  {device.alias}: does not say what it has: {error}")
            self.ladder.single.close()
            return {"signals": []}
        return found

    def _alias(self, sighting: Sighting) -> str:
        """Protocol and number; unique, of letters, digits, `-` and `_`."""
        told = sighting.plate.serial or str(sighting.parameters.get("address", "")) or "meter"
        letters = "".join(one if one.isascii() and (one.isalnum() or one == "_") else "-" for one in told)
        stem = f"{SHORT.get(sighting.package, sighting.package)}-{letters.strip('-') or 'meter'}"[:MAX_ALIAS]
        taken = {row["device_alias"].lower() for row in self.devices}
        alias, number = stem, 1
        while alias.lower() in taken:
            number += 1
            alias = f"{stem}-{number}"
        return alias


def _adopted(sighting: Sighting) -> Sighting:
    """A meter that a protocol of its maker's reads is read by that."""
    if not registry.is_installed("elgama"):
        return sighting
    from ..protocols.elgama.sightings import adopted

    return adopted(sighting)


def _name(sighting: Sighting, alias: str) -> str:
    return sighting.plate.words() or alias


def _say_next(output: str | None, devices: list[dict[str, Any]], signals: list[dict[str, Any]]) -> None:
    """What to do with it."""
    if output is None:
        print(
            "next: keep what stands above as a file (or scan with -o FILE), then meterd read -c FILE", file=sys.stderr
        )
        return
    if signals:
        print(f"next: meterd read -c {output}; then meterd run -c {output}", file=sys.stderr)
    else:
        print(f"next: add to {output} what is needed, and signals; then meterd check {output}", file=sys.stderr)


def say_nobody(ladder: Ladder, word: str) -> None:
    """What was heard, and what a person at the meter can look at."""
    say = [f"No meter answers at {word}: {ladder.tried} ways tried in {ladder.seconds:.0f} s."]
    if ladder.strangers:
        say.append(f"There is {ladder.strangers[0]} behind this port, and no meter: check the address and port number.")
    elif ladder.echoes:
        say.append(
            "Only our own bytes come back, an echo: an optical head that is not on a meter (or is upside down), or a "
            "bus converter with nothing behind it."
        )
    elif ladder.noise:
        words, count, start = ladder.noise[0]
        say.append(
            f"Bytes came that are no meter's, {count} at the first time ({words}): {start[:SHOWN_BYTES].hex(' ')}"
        )
        say.append("Look for a second master, an echo, crossed wires or a speed of 7E1 or 8N1 behind a converter.")
    elif ladder.single.device.over_tcp():
        say.append("Not one byte came: check the converter's own serial settings, and the wires behind it.")
    else:
        say.append(
            "Not one byte came: check that the meter has power, swap the two bus wires, turn the optical head (cable "
            "downwards), and that this is the right port."
        )
    print("\n".join(say), file=sys.stderr)


def list_ports() -> int:
    """The serial ports of this machine on stdout."""
    from .serial_ports import ports

    try:
        found = ports()
    except ImportError:
        raise ConfigError("", "pyserial is not installed, which knows the serial ports") from None
    if not found:
        print("no serial port is here; a meter over TCP: meterd scan HOST:PORT", file=sys.stderr)
        return OK
    longest = max(len(port.node) for port in found)
    for port in found:
        print(f"{port.node:<{longest}}  {port.words}")
        if port.lasting:
            print(f"{'':<{longest}}  always {port.lasting}")
    first = found[0].lasting or found[0].node
    print(f"next: meterd scan {first} -o meterd.json (over TCP: meterd scan HOST:PORT)", file=sys.stderr)
    return OK
