"""The port of a line, by what the line is called: each kind is loaded where the first line needs it, for a site has
often only one of them.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._loop import Loop
    from ._port import Port


def make_port(loop: Loop, key: str, path: str | None) -> Port:
    """`path` is the device node of a serial line; over the network it is None, and the key says where."""
    if path is not None:
        from .serial_port import SerialCarrier

        return SerialCarrier(loop, path).port
    from .network import network_port

    return network_port(loop, key)
