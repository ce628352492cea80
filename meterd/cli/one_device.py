"""The one device that a command is about: of a configuration file, or described by `parameter=value`."""

from __future__ import annotations

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
    operands = arguments.operands
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


def _loaded(arguments: Arguments) -> tuple[Configuration, list[str]]:
    """The configuration, and what stands behind its file on the command line."""
    paths = arguments.values("config")
    return load(paths[:1]), paths[1:] + arguments.operands


def _defaults(package: str, command: str) -> dict[str, Any]:
    """What a device described on the command line need not say; SEARCH where a search has other times than a scan."""
    unsaid: dict[str, Any] = registry.tables(package).UNSAID
    if command != "scan":
        return unsaid
    module = import_module(f"meterd.protocols.{package}.discovery")
    return {**unsaid, **getattr(module, "SEARCH", {})}
