"""The one device that a command is about: of a configuration file, or described by `parameter=value`."""

from __future__ import annotations

from difflib import get_close_matches
from importlib import import_module

from .. import log
from ..config.command_line import make_device
from ..config.files import load
from ..errors import ConfigError, needs
from ..protocols import registry
from .options import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..config.files import Configuration
    from ..model import Device, Signal
    from .options import Arguments


def find_device(arguments: Arguments, command: str) -> tuple[Device, str]:
    """The device that the command line names, and the node of its port. Raises: ConfigError, UsageError."""
    if arguments.has("config"):
        configuration, names = _loaded(arguments)
        chosen = [device for device in configuration.devices if not names or device.alias == names[0]]
        if len(chosen) == 1:
            return chosen[0], configuration.ports.get(chosen[0].line, chosen[0].line)
        for error in configuration.errors:
            log.error(str(error))
        known = ", ".join(device.alias for device in configuration.devices) or "none without errors"
        raise UsageError(f"say which device; there are: {known}")
    return described_device(arguments.operands, command)


def described_device(operands: list[str], command: str) -> tuple[Device, str]:
    """The device described as PROTOCOL parameter=value… Raises: ConfigError, UsageError."""
    if not operands or operands[0] not in registry.PROGRAMS:
        raise UsageError(f"name a configuration file and a device, or a protocol: {', '.join(registry.PROGRAMS)}")
    package = registry.PROGRAMS[operands[0]]
    if not registry.is_installed(package):
        raise ConfigError("", needs(f"protocol {operands[0]}", registry.brought_by(package)))
    row = {}
    for word in operands[1:]:
        name, equals, value = word.partition("=")
        if not equals:
            raise UsageError(f"{word!r} is not parameter=value")
        row[name] = value
    device = make_device(operands[0], row, _defaults(package, command))
    return device, device.line


def device_signals(arguments: Arguments, device: Device) -> list[Signal]:
    """The signals configured for the device; none for one described on the command line."""
    return _loaded(arguments)[0].signals.get(device.alias, []) if arguments.has("config") else []


def configured_devices(arguments: Arguments, everybody: bool) -> list[tuple[Device, str, list[Signal]]]:
    """The devices of a configuration that are named, the only one, or everybody: each with its port and signals.

    What is wrong with others does not matter. Raises: UsageError, with the nearest name.
    """
    configuration, names = _loaded(arguments)
    known = {device.alias: device for device in configuration.devices}
    told = ", ".join(known) or "none without errors"
    for name in names:
        if name not in known:
            for error in configuration.errors:
                log.error(str(error))
            near = get_close_matches(name, known, 1)
            raise UsageError(f"no device is called {name!r}" + (f"; {near[0]!r} perhaps?" if near else f": {told}"))
    chosen = names if names else list(known) if everybody or len(known) == 1 else []
    if not chosen:
        for error in configuration.errors:
            log.error(str(error))
        raise UsageError(f"say which device, or --all; there are: {told}")
    return [
        (known[name], configuration.ports.get(known[name].line, known[name].line), configuration.signals.get(name, []))
        for name in chosen
    ]


def _loaded(arguments: Arguments) -> tuple[Configuration, list[str]]:
    """The configuration, and what stands behind its files on the command line: an alias has neither / nor point."""
    first, *others = arguments.values("config")
    files = [word for word in others if "/" in word or "." in word]
    return load([first, *files]), [word for word in others if word not in files] + arguments.operands


def _defaults(package: str, command: str) -> dict[str, Any]:
    """What a device described on the command line need not say; SEARCH where a search has other times than a scan."""
    unsaid: dict[str, Any] = registry.tables(package).UNSAID
    if command != "scan":
        return unsaid
    module = import_module(f"meterd.protocols.{package}.discovery")
    return {**unsaid, **getattr(module, "SEARCH", {})}
