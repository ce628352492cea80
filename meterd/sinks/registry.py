"""Which sinks there are. Adding one is a module with `PARAMETERS` and `open_sink`, and one row here.

A module is imported when a configuration names its sink, so a gateway pays only for what it publishes to.
"""

from __future__ import annotations

from ..errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

    from ..ports._loop import Loop
    from .hub import Sink

# Its name under `publish` → (its module in this folder, the package of a gateway that brings it).
SINKS = {
    "store": ("store", "meterd-store"),  # before those that it stands behind
    "events": ("events", "meterd"),
    "stdout": ("stdout", "meterd"),
    "file": ("file", "meterd"),
    "socket": ("local_socket", "meterd"),
    "handover": ("handover", "meterd-handover"),
    "mqtt": ("mqtt", "meterd-mqtt"),
    "redis": ("redis", "meterd-redis"),
    "metrics": ("metrics", "meterd-metrics"),
    "csv": ("csv", "meterd-csv"),
    "influx": ("influx", "meterd-influx"),
    "page": ("page", "meterd-page"),
}
UNASKED = ("events",)  # there without being named: `log` > 0 is enough
NO_WAY_OUT = ("events", "store")  # these keep readings and send none anywhere
DEFAULT = ("stdout", "json")  # where no way out is named


def is_installed(name: str) -> bool:
    """Whether this installation has the sink; a small gateway may carry only those that it needs."""
    module = SINKS[name][0]
    try:
        _module(module)
    except ModuleNotFoundError as error:
        if error.name == f"{__package__}.{module}":
            return False
        raise
    return True


def table(name: str) -> ModuleType:
    """The module of a sink. Raises: ConfigError, in words, where it is not installed.

    It has `PARAMETERS`, the sink's table, and `open_sink(parameters, loop)`, which returns the `Sink` (see `sinks.hub`)
    or raises ConfigError. A sink whose table is one row of its own name is configured by that value alone, and not
    there where the value is `none`: `"stdout": "json"`.
    """
    module, package = SINKS[name]
    if not is_installed(name):
        raise ConfigError("", f"is not installed here: the package {package} brings it")
    return _module(module)


def is_short(name: str, sink: ModuleType) -> bool:
    """Whether the sink is configured by one value and no object."""
    return [parameter.name for parameter in sink.PARAMETERS] == [name]


def open_sinks(publish: dict[str, Any], loop: Loop) -> list[Sink]:
    """`publish` as `config.publishing.read_publish` returns it. Raises: ConfigError where one cannot be opened."""
    sinks: list[Any] = []
    store: Any = None
    for name in SINKS:
        if publish[name] is not None:
            module = table(name)
            sink = module.open_sink({name: publish[name]} if is_short(name, module) else publish[name], loop)
            sinks.append(sink)
            if name == "store":
                store = sink
            elif store is not None and hasattr(sink, "outbox"):
                store.stand_behind(name, sink)
    return sinks


def _module(name: str) -> ModuleType:
    module: ModuleType = __import__(f"{__package__}.{name}", fromlist=(name,))
    return module
