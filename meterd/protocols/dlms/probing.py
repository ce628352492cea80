"""What `meterd doctor` tries where a meter stays silent: other addresses, the public client, the other framing.

The problem: a meter answers nobody who calls it by another name, so a wrong address, a wrong client and a wrong framing
look all the same. Each is asked once, with the least that a meter must answer: SNRM, or an AARQ without authentication.
Standard: IEC 62056-46 clause 6.4.2 (all-station addresses of 1, 2 and 4 octets; management logical device 1).
The dirt: meters that ignore all-station calls; converters that hang up on bytes they do not know.
"""

from __future__ import annotations

from ..._hdlc import HdlcDecoder, encode_frame
from ...conversation import Receive, Send
from ...errors import DecodeError, Garbled, ProtocolError, Silence
from . import enumerations as codes
from .apdus import acse, conformance, initiate
from .links import address
from .links.hdlc_control import DISC, FINAL, SNRM
from .links.wrapper import WrapperLink
from .settings import Settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ...conversation import Conversation
    from ...model import Device

PUBLIC_CLIENT = 16
# All stations, then what meters bear from the factory: 1 and 16, and logical device 1 at physical 1, 16 and 17.
SERVERS = (
    "FF", "FEFF", "FEFEFEFF", "03", "21", "0203", "0221", "0223", "00020003", "00020021", "00020023",
)  # fmt: skip
PORTS = (1, 16, 17)
# Meters answer within some tenths of a second; what is slower is not worth the wait for all that is not there.
LONGEST_MS = 1000


def probe(device: Device) -> Conversation:
    """Returns: a sentence about who answered to what, or '' where nobody did. Raises: PortGone, ConfigError."""
    settings = Settings(device)
    if settings.signs_on:
        return ""
    if settings.line is not None:
        yield settings.line
    clients = list(dict.fromkeys((settings.client, PUBLIC_CLIENT)))
    timeout_ms = min(settings.timeout_ms, LONGEST_MS)
    ways = [_ask_hdlc(settings, clients, timeout_ms)]
    if device.over_tcp():
        ways.append(_ask_wrapped(settings, clients, timeout_ms))
    for way in reversed(ways) if settings.wrapped else ways:
        found: str = yield from way
        if found:
            return found
    return ""


def _ask_hdlc(settings: Settings, clients: list[int], timeout_ms: int) -> Conversation:
    own = [] if settings.wrapped else [settings.server]
    for server in dict.fromkeys((*own, *map(bytes.fromhex, SERVERS))):
        for client in clients:
            source: bytes = yield from _answers_hdlc(client, server, timeout_ms)
            if source:
                return f"over mode DLMS-HDLC, server_address_hex {source.hex().upper()} answers client_address {client}"
    return ""


def _ask_wrapped(settings: Settings, clients: list[int], timeout_ms: int) -> Conversation:
    own = [int.from_bytes(settings.server, "big")] if settings.wrapped else []
    for port in dict.fromkeys((*own, *PORTS)):
        for client in clients:
            if (yield from _answers_wrapped(client, port, timeout_ms)):
                return f"over mode DLMS-WRAPPER, logical_address {port} answers client_address {client}"
    return ""


def _answers_hdlc(client: int, server: bytes, timeout_ms: int) -> Conversation:
    """The address at which the meter that answers SNRM is called, or b''; its link is ended again.

    Called as all stations it tells its own; else the one it was called by may be the only one that it hears.
    """
    own, decoder = address.client_address(client), HdlcDecoder()
    yield Send(encode_frame(server, own, SNRM | FINAL))
    try:
        frame = yield Receive(decoder, timeout_ms, timeout_ms)
    except (Silence, Garbled):
        return b""
    if not address.same_station(frame.destination, own):
        return b""
    if not address.same_station(frame.source, server):
        server = bytes(frame.source)
    yield Send(encode_frame(server, own, DISC | FINAL))
    try:
        yield Receive(decoder, timeout_ms, timeout_ms)
    except (Silence, Garbled):
        pass
    return server


def _answers_wrapped(client: int, port: int, timeout_ms: int) -> Conversation:
    """Whether anything answers an AARQ at a wPort."""
    request = initiate.InitiateRequest(conformance.LN_READER - {"general-protection"}, 0xFFFF, b"").encode()
    link = WrapperLink(client, port, timeout_ms)
    try:
        yield from link.request(acse.Aarq(codes.LN, codes.MECHANISM_NONE, None, request, b"").encode())
        yield from link.request(acse.Rlrq(0).encode())
    except (Silence, Garbled, ProtocolError, DecodeError):
        return False
    return True
