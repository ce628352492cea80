"""What a program says of its meters, as configuration: files, or what would stand in one, held against the tables."""

from __future__ import annotations

from os import PathLike, fspath

from ..config.command_line import ALIAS, signal_row
from ..config.files import load
from ..config.source import Given
from ..errors import ConfigError
from ..protocols import registry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from ..config.files import Configuration

    Path = str | PathLike[str]


def configuration_of(configuration: Path | Iterable[Path] | Mapping[str, Any]) -> Configuration:
    """Raises: ConfigError, with every mistake on a line of its own."""
    if isinstance(configuration, (str, PathLike)):
        found = load([fspath(configuration)])
    elif hasattr(configuration, "keys"):
        found = load([Given(configuration)])
    else:
        found = load([fspath(path) for path in configuration])
    if found.errors:
        raise ConfigError("", "\n".join(str(error) for error in found.errors))
    return found


def one_device(
    device: Mapping[str, Any], signals: Iterable[str | Mapping[str, Any]] = ()
) -> tuple[Configuration, dict[str, str]]:
    """One device and its signals, and what the caller calls each signal by its alias."""
    package = _package(device)
    row = row_of(device)
    rows: list[dict[str, Any]] = []
    names: dict[str, str] = {}
    for signal in signals:
        made = signal_row(package, signal, len(rows)) if isinstance(signal, str) else dict(signal)
        made = {"signal_name": "signal", "signal_alias": f"s{len(rows)}", **made, "device_alias": row["device_alias"]}
        names[made["signal_alias"]] = signal if isinstance(signal, str) else made["signal_alias"]
        rows.append(made)
    return configuration_of({"devices": [row], "signals": rows}), names


def row_of(device: Mapping[str, Any]) -> dict[str, Any]:
    """The device with what it need not say: names, and what devices of its protocol are where nothing is said."""
    package = _package(device)
    unsaid = {} if package is None else registry.tables(package).UNSAID
    return {"name": ALIAS, "device_alias": ALIAS, **unsaid, **device}


def _package(device: Mapping[str, Any]) -> str | None:
    """The package of its protocol, if there is one and it is installed."""
    package = registry.find(str(device.get("protocol", "")))
    return package if package is not None and registry.is_installed(package) else None


def discovery(package: str) -> Any:
    """The protocol's module with `discover`."""
    from importlib import import_module

    return import_module(f"{registry.__package__}.{package}.discovery")
