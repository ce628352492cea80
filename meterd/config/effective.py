"""The configuration as it acts: every parameter with its effective value, secrets masked."""

from __future__ import annotations

from ..protocols import registry
from ..sinks import registry as sinks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ..model import Signal
    from .files import Configuration

MASK = "***"


def effective(configuration: Configuration) -> dict[str, Any]:
    """What runs, in the shape of a configuration file, for `meterd check` to print."""
    secrets = {package: secrets_of(package) for package in configuration.protocols}
    return {
        "devices": [masked(device.parameters, secrets[device.protocol]) for device in configuration.devices],
        "signals": [
            row_of(signal, secrets[device.protocol])
            for device in configuration.devices
            for signal in configuration.signals[device.alias]
        ],
        **general(configuration),
    }


def general(configuration: Configuration) -> dict[str, Any]:
    """What belongs to no device."""
    return {
        "ports": dict(configuration.ports),
        "publish": {name: _published(name, value) for name, value in configuration.publish.items()},
    }


def _published(name: str, value: Any) -> Any:
    if name not in sinks.SINKS or not isinstance(value, dict):
        return value
    return masked(value, {parameter.name for parameter in sinks.table(name).PARAMETERS if parameter.secret})


def secrets_of(package: str) -> set[str]:
    tables = registry.tables(package)
    return {parameter.name for parameter in (*tables.DEVICE, *tables.SIGNAL) if parameter.secret}


def row_of(signal: Signal, secrets: set[str]) -> dict[str, Any]:
    return {"device_alias": signal.device_alias, **masked(signal.parameters, secrets)}


def masked(parameters: Mapping[str, Any], secrets: set[str]) -> dict[str, Any]:
    return {name: MASK if name in secrets and value is not None else value for name, value in parameters.items()}
