"""One device described on a command line: the same table, the same checks, no file."""

from __future__ import annotations

from ..errors import ConfigError
from ..model import Device, network_line
from ..protocols import registry
from .profiles import Profiles
from .validation import Table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .validation import Row


def make_device(program: str, given: Row, defaults: Row) -> Device:
    """A device of the protocol whose debug program is `program`; `defaults` stand in for required parameters.

    Its `line` is the path of its port, or ip:port. Raises: ConfigError, every mistake in one sentence.
    """
    package = registry.PROGRAMS[program]
    names = [name for name, named in registry.PROTOCOL_NAMES.items() if named == package]
    over_tcp = bool(given.get("ip"))
    protocol = next((name for name in names if name.endswith("tcp") == over_tcp), names[0])
    row = {"name": program, "device_alias": "meter", "protocol": protocol, **defaults, **given}
    wrong: list[str] = []

    def complain(name: str | None, message: str) -> None:
        wrong.append(f"{name} {message}" if name else message)

    values = Table(registry.tables(package).DEVICE).read(row, over_tcp, "", complain)
    profiles = Profiles()
    profile = None if wrong else profiles.of(package, values, "", complain)[1]
    wrong += [str(error) for error in profiles.errors]
    if wrong:
        raise ConfigError(program, "; ".join(wrong))
    line = network_line(values) if over_tcp else str(values["device"])
    device = Device(values["device_alias"], package, values, line)
    device.profile = profile
    return device
