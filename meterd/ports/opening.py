"""The port of a line, by what the line is called: each kind is loaded where the first line needs it, for a site has
often only one of them.
"""

from __future__ import annotations

from ..errors import PortGone

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ._loop import Loop
    from .serial_port import SerialPort
    from .tcp_port import TcpPort


def make_port(loop: Loop, key: str, path: str | None) -> SerialPort | TcpPort:
    """`path` is the device node of a serial line; over the network it is None, and the key says where."""
    if path is not None:
        from .serial_port import SerialPort

        return SerialPort(loop, path)
    from .network import network_port

    return network_port(loop, key)


def open_port(port: Any, timeout_s: float, opened: Callable[[PortGone | None], None]) -> None:
    """`opened(error or None)` tells how it went, possibly before this returns."""
    if hasattr(port, "host"):  # to ask for its class would load the other kind
        tcp_port: TcpPort = port
        tcp_port.on_open = opened
        tcp_port.open(timeout_s)
        return
    serial_port: SerialPort = port
    try:
        serial_port.open()
    except PortGone as error:
        opened(error)
    else:
        opened(None)
