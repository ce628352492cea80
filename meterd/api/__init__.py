"""The Python face: read meters from a program. What is named here is public and stays; the rest of meterd may move.

`meterd` itself offers the same names, and loads them when they are first used: the daemon on a gateway never pays for
what only programs on larger machines need (typing, datetime, decimal, logging, asyncio).
"""

from __future__ import annotations

from ..errors import (
    ConfigError,
    DecodeError,
    Garbled,
    Incomplete,
    LineError,
    MeterdError,
    PortGone,
    ProtocolError,
    Refused,
    SecurityError,
    Silence,
    WrongMeter,
)
from .connection import Connection, connect
from .daemon import Daemon
from .one_meter import read, scan
from .readings import Reading, Value

__all__ = [
    "ConfigError",
    "Connection",
    "Daemon",
    "DecodeError",
    "Garbled",
    "Incomplete",
    "LineError",
    "MeterdError",
    "PortGone",
    "ProtocolError",
    "Reading",
    "Refused",
    "SecurityError",
    "Silence",
    "Value",
    "WrongMeter",
    "connect",
    "read",
    "scan",
]
