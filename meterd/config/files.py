"""The configuration files: read, joined, checked, and turned into devices and signals.

A file is `{"devices": [ … ], "signals": [ … ], "ports": { … }, "publish": { … }}`, each part optional, the two lists
being the workbook's tabs with their column names. Several files are joined. Nothing starts half-configured:

- An error in a device, or in a signal of it, stops its whole protocol: none of its devices runs. Others do.
- A signal that names no known device counts against the protocol of the device most likely meant: the nearest alias,
  or else the only protocol there is.
- A device alias given twice counts against the protocols of both; a port that is mapped wrongly against those on it.
- A part of a file that is not known or no list counts against every protocol that the file configures.
- A broken profile file stops the devices that use it.
- A device of an unknown protocol concerns no other; nor does a file that cannot be read or is not JSON, except that
  signals of devices unknown elsewhere are then left aside in silence, for that file may hold them.
- An error under `publish` stops everything: readings would go astray.

A good file is read with ujson alone, since a small gateway starts slowly enough; only a file with something wrong in it
is read again, carefully, to name the line (see `careful`).
"""

from __future__ import annotations

from ..errors import ConfigError
from ..model import Device, Signal, network_line
from ..ports.work import at_once
from ..protocols import registry
from .rows import cell, is_over_tcp, not_a_row, unusable
from .source import PARTS, TWICE, Source, part_of
from .validation import Table, did_you_mean, is_comment, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    from ..ports.work import Work
    from .json_places import Steps
    from .nearest import Names
    from .profiles import Content, Profiles
    from .validation import Complain, Parameters, Row


class Configuration:
    """What runs, and what is wrong.

    `devices` those enabled, of protocols without errors (`protocol` is the package's name); `signals` theirs, enabled,
    by device alias; `ports` {name: device node}; `errors` in the order of the files; `warnings` in words; `broken` the
    packages that do not start, `protocols` those that do. `legible` is False where what is in force had better stay: a
    file that is there cannot be understood at all, or what the service itself is told cannot. `log_level` is None where
    no file says. `disabled` are the aliases of devices that are not to be read; `sources` what all this was read from.
    """

    __slots__ = (
        "broken", "devices", "disabled", "errors", "legible", "log_level", "ports", "protocols", "published", "signals",
        "sources", "warnings",
    )  # fmt: skip

    def __init__(self) -> None:
        self.sources: Sequence[str | Source] = ()
        self.devices: list[Device] = []
        self.disabled: list[str] = []
        self.signals: dict[str, list[Signal]] = {}
        self.ports: dict[str, str] = {}
        self.published: dict[str, Any] | None = None  # where files say something of it
        self.errors: list[ConfigError] = []
        self.warnings: list[str] = []
        self.broken: set[str] = set()
        self.protocols: list[str] = []
        self.legible = True
        self.log_level: int | None = None

    @property
    def publish(self) -> dict[str, Any]:
        """As `publishing.read_publish` returns it, also where the files say nothing of it."""
        if self.published is None:
            from .publishing import read_publish

            self.published = read_publish({}, lambda name, message: None)
        return self.published


def load(paths: Sequence[str | Source], careful: bool = False, advised: bool = True) -> Configuration:
    """Read and check the files; never raises for what is in them or for files that are not there.

    `careful` (meterd check) reads each strictly, and finds names given twice; `advised` warns of what might be better.
    """
    return at_once(loading(paths, careful, advised))


def loading(paths: Sequence[str | Source], careful: bool = False, advised: bool = True) -> Work[Configuration]:
    """The same in portions."""
    sources = []
    for path in paths:
        source = path if isinstance(path, Source) else Source(path, careful, read=False)
        if source is not path:
            yield from source.reading(careful)
        sources.append(source)
    files = _Loading(sources, careful)
    files.configuration.sources = paths
    for source in sources:
        files.settings(source)
        files.ports(source)
    for source in sources:
        yield from files.devices(source)
    for source in sources:
        yield from files.signals(source)
    files.publish()
    found = yield from files.finish()
    if advised:
        from .advice import advising

        found.warnings[:0] = yield from advising(found.devices, found.signals)
    return found


class _Loading:
    """The files on their way to a configuration."""

    def __init__(self, sources: list[Source], careful: bool) -> None:
        self.sources = sources
        self._profiles: Profiles | None = None  # where a protocol has some
        self._careful = careful
        self.configuration = Configuration()
        self._tables: dict[str, tuple[Table, Table]] = {}
        # Of every device row, wrong or not: alias → package (None: unknown protocol), over TCP, enabled, alias.
        self._known: dict[str, tuple[str | None, bool, bool, str]] = {}
        self._packages: set[str] = set()  # of all devices, wrong or not
        self._names: Names | None = None  # of devices, for signals of a device that there is not
        self._aliases: set[tuple[str, str]] = set()
        self._complain: dict[str, Complain] = {}  # of every enabled device
        self._bad_ports: set[str] = set()
        self._all_broken = False

    # ---- the service and its ports

    def settings(self, source: Source) -> None:
        """What the service itself is told, and whether the file can be understood at all."""
        configuration = self.configuration
        configuration.legible &= source.readable or source.absent
        if not source.settings:
            return
        from .settings import read_settings

        def complain(name: str | None, message: str) -> None:
            source.faults.append((("meterd", name or ""), f"section meterd, option {name}", message))
            configuration.legible = False
            self._all_broken = True

        level = read_settings(source.settings, complain)["log_level"]
        configuration.log_level = configuration.log_level if level is None else level

    def ports(self, source: Source) -> None:
        ports = self.configuration.ports
        for name, node in part_of(source, "ports").items():
            if is_comment(name):
                continue
            key = name.upper()
            if not isinstance(node, str) or not node.strip():
                message = f"found {shown(node)}, allowed: the path of a device node, such as /dev/ttyUSB0"
            elif ports.get(key, node) != node:
                message = f"found {shown(node)}, but it is mapped to {ports[key]} already"
            elif node in ports.values() and ports.get(key) != node:
                message = f"found {shown(node)}, which another port is mapped to already"
            else:
                ports[key] = node.strip()
                continue
            self._bad_ports.add(key)
            source.faults.append((("ports", name), f"ports.{name}", message))

    def _parts(self, source: Source) -> bool:
        """Whether all parts are known, of the right shape, and given once."""
        before = len(source.faults)
        for name, found in source.content.items():
            kind = PARTS.get(name)
            if kind is None and not is_comment(name):
                source.faults.append(((name,), name, f"is not known here{did_you_mean(name, PARTS)}"))
            elif kind is not None and not isinstance(found, kind):
                allowed = "a list" if kind is list else "an object"
                source.faults.append(((name,), name, f"found {shown(found)}, allowed: {allowed}"))
        return len(source.faults) == before and not source.slips

    # ---- devices

    def devices(self, source: Source) -> Work[None]:
        sound = self._parts(source)
        for number, row in enumerate(part_of(source, "devices")):
            yield
            if not isinstance(row, dict):
                source.faults.append((("devices", number), f"devices[{number}]", not_a_row(row)))
                sound = False
                continue
            self._device(source, number, row)
        if not sound:
            self.configuration.broken |= source.packages

    def _device(self, source: Source, number: int, row: Row) -> None:
        alias = cell(row, "device_alias")
        name = cell(row, "protocol")
        package = registry.find(name)
        over_tcp = is_over_tcp(row, name)
        complain = self._complaints(source, ("devices", number), alias, "", package)
        for twice in source.doubled.get(("devices", number), ()):
            complain(twice, TWICE)
        if package is None or not registry.is_installed(package):
            complain("protocol", unusable(name, package))
            self._known.setdefault(alias, (None, over_tcp, False, alias))
            return
        source.packages.add(package)
        row["protocol"] = next(
            each for each in registry.PROTOCOL_NAMES if each.lower() == " ".join(name.lower().split())
        )
        values = self._table(package)[0].kept(row, over_tcp, source.directory, complain)
        if alias and alias in self._known:
            complain("device_alias", f"found {shown(alias)}, which another device has already")
            self._break(self._known[alias][0])
            return
        line = self._tcp_line(values, complain) if over_tcp else self._serial_line(values, package, complain)
        enabled = bool(values["enable"])
        self._known[alias] = (package, over_tcp, enabled, alias)
        self._packages.add(package)
        if enabled:
            device = Device(alias, package, values, line)
            self._complain[alias] = complain
            self.configuration.signals[alias] = []
            sound, device.profile = self._profile(package, values, source.directory, complain)
            if sound:
                self.configuration.devices.append(device)
        else:
            self.configuration.disabled.append(alias)

    def _profile(
        self, package: str, values: Parameters, directory: str, complain: Complain
    ) -> tuple[bool, Content | None]:
        """Whether a device may run as far as its profile goes, and the profile."""
        if not hasattr(registry.tables(package), "profile_name"):
            return True, None
        if self._profiles is None:
            from .profiles import Profiles

            self._profiles = Profiles(self._careful)
        return self._profiles.of(package, values, directory, complain)

    def _tcp_line(self, values: Parameters, complain: Complain) -> str:
        if values.get("port") == 0:
            complain("port", "found 0, allowed: 1 to 65535 where ip is given")
        return network_line(values)

    def _serial_line(self, values: Parameters, package: str, complain: Complain) -> str:
        """The key of the port: a mapped name, or the path of a node, under its mapped name where it has one."""
        found = values.get("device") or ""
        ports = self.configuration.ports
        key = found.upper()
        if key in ports or not found:
            return key
        for name, node in ports.items():
            if node == found:
                return name
        if key in self._bad_ports:
            self._break(package)
        elif "/" not in found:
            near = did_you_mean(found, ports)
            hint = f"{near} Or" if near else ";"
            hint += f' map it to a device node: "ports": {{"{key}": "/dev/tty…"}}'
            complain("device", f"found {shown(found)}, which is not among the ports{hint}")
        return found

    # ---- signals

    def signals(self, source: Source) -> Work[None]:
        for number, row in enumerate(part_of(source, "signals")):
            yield
            if isinstance(row, dict):
                self._signal(source, number, row)
            else:
                source.faults.append((("signals", number), f"signals[{number}]", not_a_row(row)))
                self.configuration.broken |= source.packages

    def _signal(self, source: Source, number: int, row: Row) -> None:
        device_alias, alias = cell(row, "device_alias"), cell(row, "signal_alias")
        known = self._known.get(device_alias)
        if known is None:
            self._homeless(source, number, device_alias, alias)
            return
        package, over_tcp, enabled, own = known
        if package is None:
            return  # its device has been complained about
        table = self._table(package)[1]
        given = table.straight(row, over_tcp)
        key = (device_alias, alias)
        twice = source.doubled.get(("signals", number), ()) if source.doubled else ()
        if given is not None:
            values = table.shared(given, over_tcp)
        if given is None or key in self._aliases or twice:
            complain = self._complaints(source, ("signals", number), device_alias, alias, package)
            for name in twice:
                complain(name, TWICE)
            values = table.kept(row, over_tcp, source.directory, complain)
            if key in self._aliases:
                complain("signal_alias", f"found {shown(alias)}, which another signal of this device has already")
        self._aliases.add(key)
        if enabled and values["enable"]:
            # One alias for all signals of a device, not one for each; and of signals that are called alike.
            signal = Signal(own, values["signal_alias"] or alias, values, values["log"] or 0)
            if values.shape.recalculates:
                from ..recalculation import Recalculation  # seldom

                signal.recalculation = Recalculation(values)
            self.configuration.signals[device_alias].append(signal)

    def _homeless(self, source: Source, number: int, device_alias: str, alias: str) -> None:
        if device_alias and not all(each.readable for each in self.sources):
            return
        if self._names is None:
            from .nearest import Names

            self._names = Names(self._known)
        near = self._names.nearest(device_alias) if device_alias else None
        package = self._known[near][0] if near else next(iter(self._packages)) if len(self._packages) == 1 else None
        complain = self._complaints(source, ("signals", number), device_alias, alias, package)
        found = f"found {shown(device_alias)}" if device_alias else "is missing"
        hint = f"; did you mean {near}?" if near else ""
        complain("device_alias", f"{found}, allowed: the alias of a device{hint}")

    # ---- publish

    def publish(self) -> None:
        if any("publish" in source.content for source in self.sources):
            from .publishing import published  # one reading by hand publishes nothing

            self.configuration.published, sound = published(self.sources)
            self._all_broken |= not sound

    # ---- the end

    def finish(self) -> Work[Configuration]:
        configuration = self.configuration
        if self._all_broken:
            configuration.broken |= self._packages
        configuration.warnings = self._review()
        for source in self.sources:
            configuration.errors += yield from source.telling()
        configuration.errors += self._profiles.errors if self._profiles is not None else ()
        if configuration.broken:
            broken = configuration.broken
            configuration.devices = [device for device in configuration.devices if device.protocol not in broken]
        aliases = {device.alias for device in configuration.devices}
        configuration.signals = {alias: found for alias, found in configuration.signals.items() if alias in aliases}
        configuration.protocols = sorted({device.protocol for device in configuration.devices})
        self._complain.clear()  # they hold us, and we them: without it all that was read would stay
        return configuration

    def _review(self) -> list[str]:
        """Have each protocol look at its devices together; returns what it doubts."""
        doubts: list[str] = []
        by_package: dict[str, list[Device]] = {}
        for device in self.configuration.devices:
            if device.protocol not in self.configuration.broken:
                by_package.setdefault(device.protocol, []).append(device)
        for package, devices in by_package.items():
            for device, parameter, message, is_error in self._remarks(package, devices):
                if is_error:
                    self._complain[device.alias](parameter, message)
                else:
                    doubts.append(f"{device.alias}: {message}")
        return doubts

    def _remarks(self, package: str, devices: list[Device]) -> Iterable[tuple[Device, str | None, str, bool]]:
        review = getattr(registry.tables(package), "review", None)
        if review is None:
            return ()
        try:
            found: Iterable[tuple[Device, str | None, str, bool]] = review(devices)
        except (KeyError, TypeError, AttributeError, ValueError):
            if self._profiles is None or not self._profiles.look_again(package):
                raise
            self._break(package)
            return ()
        return found

    def _table(self, package: str) -> tuple[Table, Table]:
        found = self._tables.get(package)
        if found is None:
            module = registry.tables(package)
            found = self._tables[package] = (Table(module.DEVICE), Table(module.SIGNAL, "device_alias"))
        return found

    def _complaints(
        self, source: Source, steps: Steps, device_alias: str, signal_alias: str, package: str | None
    ) -> Complain:
        """What keeps a complaint about one row and lets its protocol bear it."""

        def complain(name: str | None, message: str) -> None:
            place = source.row_words(steps, device_alias, signal_alias, name)
            source.faults.append(((*steps, name) if name else steps, place, message))
            self._break(package)

        return complain

    def _break(self, package: str | None) -> None:
        if package is not None:
            self.configuration.broken.add(package)
