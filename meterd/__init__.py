"""meterd reads utility meters and hands their values on without losing one.

In a program, `meterd` has the names of `meterd.api` (docs/python.md). The daemon, which needs none of them, does not
load what they need: they come when they are first used.
"""

from __future__ import annotations

__version__ = "0.1.0"

PUBLIC = (
    "ConfigError", "Connection", "Daemon", "DecodeError", "Garbled", "Incomplete", "LineError", "MeterdError",
    "PortGone", "ProtocolError", "Reading", "Refused", "SecurityError", "Silence", "Value", "WrongMeter", "connect",
    "read", "scan",
)  # fmt: skip

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .api import *  # noqa: F403  # what type checkers see


def __getattr__(name: str) -> object:
    if name in PUBLIC:
        from . import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *PUBLIC})
