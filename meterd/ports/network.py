"""The port of a line that is reached over the network: `host:port` for bytes as they are, `rfc2217://host:port` for a
serial server that takes the line's settings, `udp://host:port` for datagrams. Few sites have the latter two, so a
package of their own brings them to a gateway, and they are loaded where a line is called so.
"""

from __future__ import annotations

from ..errors import ConfigError, module_for
from ..model import LISTENS
from .tcp_port import TcpCarrier

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ._loop import Loop
    from ._port import Port

# How a line's key begins → module, its carrier, what of the configuration asks for it.
SCHEMES = {
    "rfc2217": ("rfc2217", "Rfc2217Carrier", "serial_server: rfc2217"),
    "udp": ("udp", "UdpCarrier", "transport: udp"),
}


WAITING = (
    "the meter calls {}: `meterd run` lets it in, `meterd status` tells whether it is there, `meterd read` reads it, "
    "and `meterd scan` shows who calls"
)


def network_port(loop: Loop, key: str) -> Port:
    """The port for a line's key. Raises: ConfigError where its kind is not installed, or nobody can be connected to."""
    if key.startswith(LISTENS):
        raise ConfigError("", WAITING.format(key.removeprefix(LISTENS)))
    port: Port = kind_of(key)(loop, key.rpartition("://")[2]).port
    return port


def kind_of(key: str) -> Callable[[Loop, str], Any]:
    """What makes the carrier, which has the port. Raises: ConfigError, in words, where it is not installed."""
    scheme = key.removeprefix(LISTENS).rpartition("://")[0]
    if not scheme:
        return TcpCarrier
    module, name, what = SCHEMES[scheme]
    kind: Callable[[Loop, str], Any] = getattr(module_for(what, f"{__package__}.{module}", "meterd-transports"), name)
    return kind
