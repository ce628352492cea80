"""What `meterd scan` has found, written as a configuration file: rows without defaults, secrets for the owner alone."""

from __future__ import annotations

import json
import os
import sys

from ..errors import ConfigError
from ..protocols import registry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..model import Device


def device_row(device: Device, path: str, with_secrets: bool) -> dict[str, Any]:
    """The device's own row, without defaults. Secrets go into a file of the owner's, and never to the screen."""
    tables = registry.tables(device.protocol)
    row = {}
    for parameter in tables.DEVICE:
        value = device.parameters.get(parameter.name)
        if value is None or value == parameter.default:
            continue
        if parameter.secret and not with_secrets:
            print(f"{parameter.name} is left out: add it, or {parameter.name}_file", file=sys.stderr)
            continue
        row[parameter.name] = int(value) if isinstance(value, bool) else value
    if not device.over_tcp():
        row["device"] = path
    return row


def write(name: str | None, configuration: dict[str, Any]) -> None:
    print(f"devices: {len(configuration['devices'])}, signals: {len(configuration['signals'])}", file=sys.stderr)
    write_text(name, configuration)


def write_text(name: str | None, content: dict[str, Any]) -> None:
    """To the file of that name, or to stdout."""
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    if name is None:
        sys.stdout.write(text)
        return
    try:
        with open(name, "w", encoding="utf-8", opener=_for_its_owner) as file:
            file.write(text)
    except OSError as error:
        raise ConfigError(name, f"cannot be written: {error.strerror}") from None


def _for_its_owner(name: str, flags: int) -> int:
    return os.open(name, flags, 0o600)
