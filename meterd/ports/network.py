"""The port of a line that is reached over the network: `host:port` for bytes as they are, `rfc2217://host:port` for a
serial server that takes the line's settings, `udp://host:port` for datagrams.
"""

from __future__ import annotations

from .tcp_port import TcpPort

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._loop import Loop

RFC2217 = "rfc2217://"
UDP = "udp://"


def network_port(loop: Loop, key: str) -> TcpPort:
    """The port for a line's key."""
    kind: type[TcpPort] = TcpPort
    if key.startswith(RFC2217):
        from .rfc2217 import Rfc2217Port  # few sites have one

        kind = Rfc2217Port
    elif key.startswith(UDP):
        from .udp import UdpPort

        kind = UdpPort
    host, _, port = key.removeprefix(RFC2217).removeprefix(UDP).rpartition(":")
    return kind(loop, host, int(port))
