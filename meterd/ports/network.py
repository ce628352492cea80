"""The port of a line that is reached over the network: `host:port` for bytes as they are, `rfc2217://host:port` for a
serial server that takes the line's settings, `udp://host:port` for datagrams. Few sites have the latter two, so a
package of their own brings them to a gateway, and they are loaded where a line is called so.
"""

from __future__ import annotations

from ..errors import module_for
from ..model import LISTENS
from .tcp_port import TcpPort

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._loop import Loop

# How a line's key begins → module, its port, what of the configuration asks for it.
SCHEMES = {
    "rfc2217": ("rfc2217", "Rfc2217Port", "serial_server: rfc2217"),
    "udp": ("udp", "UdpPort", "transport: udp"),
}


def network_port(loop: Loop, key: str) -> TcpPort:
    """The port for a line's key. Raises: ConfigError where its kind is not installed."""
    host, _, port = key.rpartition("://")[2].rpartition(":")
    return kind_of(key)(loop, host, int(port))


def kind_of(key: str) -> type[TcpPort]:
    """Raises: ConfigError, in words, where it is not installed."""
    scheme = key.removeprefix(LISTENS).rpartition("://")[0]
    if not scheme:
        return TcpPort
    module, name, what = SCHEMES[scheme]
    kind: type[TcpPort] = getattr(module_for(what, f"{__package__}.{module}", "meterd-transports"), name)
    return kind
