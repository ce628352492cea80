"""Devices and signals described on a command line, or by a program: the same tables, the same checks, no file."""

from __future__ import annotations

from ..errors import ConfigError
from ..model import Device, network_line
from ..protocols import registry
from .files import Configuration, load
from .source import Given
from .validation import Table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from .validation import Row

ALIAS = "meter"
ADDRESSES = ("obis_job", "job_todo", "tag_job_todo")  # where a protocol's signals say what is wanted
MAX_ALIAS = 40


def make_device(program: str, given: Row, defaults: Row) -> Device:
    """A device of the protocol whose debug program is `program`; `defaults` stand in for required parameters.

    Its `line` is the path of its port, or ip:port. Raises: ConfigError, every mistake in one sentence.
    """
    package = registry.PROGRAMS[program]
    over_tcp = bool(given.get("ip"))
    row = device_row(program, given, defaults)
    wrong: list[str] = []

    def complain(name: str | None, message: str) -> None:
        wrong.append(f"{name} {message}" if name else message)

    values = Table(registry.tables(package).DEVICE).read(row, over_tcp, "", complain)
    profile = None
    if not wrong and hasattr(registry.tables(package), "profile_name"):
        from .profiles import Profiles

        profiles = Profiles()
        profile = profiles.of(package, values, "", complain)[1]
        wrong += [str(error) for error in profiles.errors]
    if wrong:
        raise ConfigError(program, "; ".join(wrong))
    line = network_line(values) if over_tcp else str(values["device"])
    device = Device(values["device_alias"], package, values, line)
    device.profile = profile
    return device


def device_row(program: str, given: Row, defaults: Row) -> Row:
    """The row of the Devices table that a device described so has."""
    package = registry.PROGRAMS[program]
    names = [name for name, named in registry.PROTOCOL_NAMES.items() if named == package]
    over_tcp = bool(given.get("ip"))
    protocol = next((name for name in names if name.endswith("tcp") == over_tcp), names[0])
    return {"name": program, "device_alias": ALIAS, "protocol": protocol, **defaults, **given}


def make_configuration(program: str, given: Row, addresses: Iterable[str], advised: bool = True) -> Configuration:
    """One device and the signals at these addresses; `errors` says what is wrong with them. `advised` as for `load`."""
    package = registry.PROGRAMS[program]
    row = device_row(program, given, registry.tables(package).UNSAID)
    signals = [{**signal_row(package, address), "device_alias": row["device_alias"]} for address in addresses]
    return load([Given({"devices": [row], "signals": signals}, simple=True)], advised=advised)


def signal_row(package: str | None, address: str, number: int | None = None) -> Row:
    """A signal by the address alone: a number where it is one, wherever its protocol wants addresses to stand."""
    letters = "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in address[:MAX_ALIAS])
    alias = letters if number is None else f"{letters}_{number}"
    row: Row = {"signal_name": address, "signal_alias": alias}
    if package is None:
        return row
    for parameter in registry.tables(package).SIGNAL:
        if parameter.name in ADDRESSES and (parameter.required_tcp or parameter.required_serial):
            row[parameter.name] = address
        elif parameter.name == "number_type":
            row[parameter.name] = "DOUBLE"
    return row
