"""The port of a line that is reached over the network: `host:port` for bytes as they are, `rfc2217://host:port` for a
serial server that takes the line's settings.
"""

from __future__ import annotations

from .tcp_port import TcpPort

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._loop import Loop

SCHEME = "rfc2217://"


def network_port(loop: Loop, key: str) -> TcpPort:
    """The port for a line's key."""
    kind: type[TcpPort] = TcpPort
    if key.startswith(SCHEME):
        from .rfc2217 import Rfc2217Port  # few sites have one

        kind = Rfc2217Port
    host, _, port = key.removeprefix(SCHEME).rpartition(":")
    return kind(loop, host, int(port))
