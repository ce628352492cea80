"""Ways to find a DLMS meter: other addresses, the usual clients, every framing, other speeds, mode E.

The problem: a meter answers nobody who calls it by another name, so a wrong address, client, framing or speed look all
the same. Each is asked once, with the least that a meter must answer: SNRM, or an AARQ without authentication. Who
answers is asked for an association, which tells the kind of its names and what it demands, and for its logical device
name.
Standard: IEC 62056-46 clause 6.4.2 (all-station addresses of 1, 2 and 4 octets; management logical device 1), IEC
62056-47 (wrapper), IEC 62056-21 annex E.
The dirt: meters that ignore all-station calls; converters that hang up on bytes they do not know; UA to any client, and
an association to one alone.
"""

from __future__ import annotations

from ..._hdlc import HdlcDecoder, encode_frame
from ...conversation import LineSettings, Receive, Send
from ...errors import DecodeError, Garbled, LineError, MeterdError, PortGone, ProtocolError, Refused, Silence
from ...model import Device, Memory
from ...names.makers import Plate, from_logical_device_name
from ...sighting import FIRST, SECOND, THIRD, Attempt, Sighting
from . import enumerations as codes
from .apdus import acse, conformance, initiate
from .conversation import Session, resume_or_open
from .data import plain
from .enumerations import DATA
from .identity import LOGICAL_DEVICE_NAME, SN_LOGICAL_DEVICE_NAME
from .links import address
from .links.hdlc_control import DISC, FINAL, SNRM
from .links.mode_e import sign_on
from .links.wrapper import WrapperLink
from .memory import recall
from .naming import Item, attribute_name
from .parameters import DEVICE
from .settings import Settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from ...conversation import Conversation
    from ...sighting import Place

PACKAGE = "dlms"
SIGN_ON = "iec62056_21"
PUBLIC_CLIENT = 16
CLIENTS = (PUBLIC_CLIENT, 32, 1, 48, 17, 2)
# All stations, then what meters bear from the factory: 1 and 16, and logical device 1 at physical 1, 16 and 17.
SERVERS = (
    "FF", "FEFF", "FEFEFEFF", "02FF", "0002FEFF", "03", "21", "0203", "0221", "0223", "00020003", "00020021",
    "00020023",
)  # fmt: skip
PORTS = (1, 16, 17)
SPEEDS = ((9600, FIRST), (19200, SECOND), (4800, SECOND), (2400, SECOND), (38400, THIRD), (57600, THIRD),
          (115200, THIRD), (300, THIRD))  # fmt: skip
# Meters answer within some tenths of a second; what is slower is not worth the wait for all that is not there.
SERIAL_MS, TCP_MS = 500, 700
FRAME_BITS = 14 * 10
SIGN_ON_S, SIGN_ONS = 4.0, 2  # the first may end what was said before at another speed
HIGHEST = 115200
# While it is found out what a meter wants it is asked patiently.
ASSOCIATION_MS, ASSOCIATION_TRIES = 2000, 2


def attempts(place: Place) -> list[Attempt]:
    """The ways to find a meter there; around a device first on its own line, by its own client and framing."""
    near = place.near if place.near is not None and place.near.protocol == PACKAGE else None
    settings = Settings(near) if near is not None else None
    wait_ms = min(near["timeout_ms"], TCP_MS) if near is not None else TCP_MS if place.over_tcp else SERIAL_MS
    clients = CLIENTS if settings is None else tuple(dict.fromkeys((settings.client, *CLIENTS)))
    servers = list(SERVERS)
    if settings is not None and not settings.wrapped:
        servers.insert(0, settings.server.hex().upper())
    search = Search(tuple(dict.fromkeys(servers)), clients, wait_ms, near)
    if place.over_tcp and (near is None or not near.has_line()):
        ways = [search.wrapped(FIRST), search.direct(None, FIRST)]
        if settings is not None and not settings.wrapped:
            ways.reverse()
        return [*ways, search.others(None), search.wrapped_others()]
    own = settings.line if settings is not None else None
    lines = [(LineSettings(speed), rank) for speed, rank in SPEEDS]
    if own is not None:
        lines = [(own, FIRST), *((line, rank) for line, rank in lines if line != own)]
    ways = [search.direct(line, rank) for line, rank in lines]
    ways.insert(1, search.mode_e())
    ways.insert(2, search.others(lines[0][0]))
    return ways


def greeting(device: Device, memory: Memory) -> Conversation:
    """The association of a device without signals, opened and ended. Raises: MeterdError."""
    session: Session = yield from resume_or_open(Settings(device), recall(memory))
    yield from session.leave()


class Search:
    """What is tried on one port: `servers` (hex), `clients` (the first is asked first), `wait_ms` for each answer."""

    def __init__(self, servers: tuple[str, ...], clients: tuple[int, ...], wait_ms: int, near: Device | None) -> None:
        self.servers = servers
        self.clients = clients
        self.wait_ms = wait_ms
        self.near = near

    def _seconds(self, line: LineSettings | None, calls: int) -> float:
        return calls * (self.wait_ms / 1000 + (FRAME_BITS / line.baudrate if line else 0.0))

    def direct(self, line: LineSettings | None, rank: int) -> Attempt:
        # Around a device that is known, the public client as well as its own.
        clients = self.clients[: 2 if self.near is not None and rank == FIRST else 1]
        named = " and ".join(map(str, clients))
        words = f"DLMS over HDLC{_shown(line)}: client {named} to {len(self.servers)} addresses"
        seconds = self._seconds(line, len(self.servers) * len(clients))
        return Attempt(PACKAGE, words, seconds, lambda tell: self._call(line, clients), rank)

    def others(self, line: LineSettings | None) -> Attempt:
        words = f"DLMS over HDLC{_shown(line)}: clients {', '.join(map(str, self.clients[1:]))}"
        seconds = self._seconds(line, len(self.servers) * (len(self.clients) - 1))
        return Attempt(PACKAGE, words, seconds, lambda tell: self._call(line, self.clients[1:]), THIRD)

    def mode_e(self) -> Attempt:
        words = "DLMS by sign-on at 300 7E1 (mode E), then HDLC"
        return Attempt(PACKAGE, words, SIGN_ON_S, lambda tell: self._call_signed_on(), SECOND, follows=SIGN_ON)

    def wrapped(self, rank: int) -> Attempt:
        words = f"DLMS over the TCP wrapper: client {self.clients[0]} to wPort {', '.join(map(str, self._ports()))}"
        return Attempt(PACKAGE, words, self._seconds(None, len(self._ports())),
                       lambda tell: self._call_wrapped(self.clients[:1]), rank)  # fmt: skip

    def wrapped_others(self) -> Attempt:
        words = f"DLMS over the TCP wrapper: clients {', '.join(map(str, self.clients[1:]))}"
        calls = len(self._ports()) * (len(self.clients) - 1)
        return Attempt(
            PACKAGE, words, self._seconds(None, calls), lambda tell: self._call_wrapped(self.clients[1:]), THIRD
        )

    def _ports(self) -> tuple[int, ...]:
        if self.near is None or self.near["mode"] != "DLMS-WRAPPER":
            return PORTS
        own = int.from_bytes(Settings(self.near).server, "big")
        return tuple(dict.fromkeys((own, *PORTS)))

    # ---- what is said

    def _call(self, line: LineSettings | None, clients: Iterable[int]) -> Conversation:
        if line is not None:
            yield line
        extra_ms = FRAME_BITS * 1000 / line.baudrate if line is not None else 0.0
        found: list[Sighting] = []
        sources: set[bytes] = set()
        for client in clients:
            for server in self.servers:
                source: bytes = yield from self.answers(client, bytes.fromhex(server), extra_ms)
                if not source or source in sources:
                    continue
                sources.add(source)
                parameters = {"mode": "DLMS-HDLC", "client_address": client, **in_terms(source), **_line(line)}
                how = f"server {source.hex(' ').upper()} answers client {client} over HDLC{_shown(line)}"
                one: Sighting = yield from self._acquainted(parameters, how)
                # Some meters answer to any address: a further one must say that it is another.
                if not found or (one.plate.serial and not any(one.is_same(other) for other in found)):
                    found.append(one)
            if found:
                break
        return found

    def _call_signed_on(self) -> Conversation:
        try:
            told: bytes = yield from sign_on(HIGHEST, "", int(SIGN_ON_S * 1000 / SIGN_ONS), SIGN_ONS)
        except (LineError, ProtocolError) as error:
            if isinstance(error, PortGone):
                raise
            return []
        for server in self.servers:
            source: bytes = yield from self.answers(self.clients[0], bytes.fromhex(server), 0.0)
            if source:
                parameters = {"mode": "IEC", "client_address": self.clients[0], **in_terms(source),
                              "baudrate": 300, "databits": 8, "parity": "none"}  # fmt: skip
                how = f"{told.decode('latin-1')}, then server {source.hex(' ').upper()} over HDLC"
                return [(yield from self._acquainted(parameters, how))]
        return []

    def _call_wrapped(self, clients: Iterable[int]) -> Conversation:
        for client in clients:
            for port in self._ports():
                if (yield from _answers_wrapped(client, port, self.wait_ms)):
                    parameters = {"mode": "DLMS-WRAPPER", "client_address": client, "logical_address": port,
                                  "physical_address": 0, "address_size": 1}  # fmt: skip
                    how = f"wPort {port} answers client {client} over the wrapper"
                    return [(yield from self._acquainted(parameters, how))]
        return []

    def answers(self, client: int, server: bytes, extra_ms: float) -> Conversation:
        """The address at which the meter that answers SNRM is called, or b''; its link is ended again.

        Called as all stations it tells its own; else the one it was called by may be the only one that it hears.
        """
        own, decoder = address.client_address(client), HdlcDecoder()
        yield Send(encode_frame(server, own, SNRM | FINAL))
        wait_ms = self.wait_ms + extra_ms
        try:
            frame = yield Receive(decoder, wait_ms, wait_ms)
        except (Silence, Garbled):
            return b""
        if not address.same_station(frame.destination, own) or not _is_unnumbered(frame.control):
            return b""
        if not address.same_station(frame.source, server):
            server = bytes(frame.source)
        yield Send(encode_frame(server, own, DISC | FINAL))
        try:
            yield Receive(decoder, wait_ms, wait_ms)
        except (Silence, Garbled):
            pass
        return server

    def _acquainted(self, parameters: dict[str, Any], how: str) -> Conversation:
        """The Sighting of who answers so, with the kind of its names, what it demands, and what it calls itself."""
        more, name = "", ""
        for kind in self._kinds():
            parameters["type"] = kind
            session = Session(Settings(device_of(parameters)), recall(Memory()))
            try:
                yield from session.politely(session.open())
                more = ""
                name = yield from _name(session)
                yield from session.leave()
                break
            except PortGone:
                raise
            except Refused as error:
                more = str(error)
                if "application context" in more:
                    continue
                break
            except (LineError, MeterdError) as error:
                more = str(error)
        return Sighting(PACKAGE, parameters, how, from_logical_device_name(name) if name else Plate(""), more)

    def _kinds(self) -> tuple[str, ...]:
        return ("SN", "LN") if self.near is not None and self.near["type"] == "SN" else ("LN", "SN")


def _name(session: Session) -> Conversation:
    """The logical device name; '' where it tells none."""
    item = Item(DATA, LOGICAL_DEVICE_NAME, 2, short_name=attribute_name(SN_LOGICAL_DEVICE_NAME, 2))
    try:
        code, value = yield from session.reader().attempt(item)
        return "" if code else str(plain(value) or "")
    except (DecodeError, Refused):
        return ""


def device_of(parameters: dict[str, Any]) -> Device:
    """A device with these parameters, asked in short."""
    values = {parameter.name: parameter.default for parameter in DEVICE}
    values |= {"ip": None if "baudrate" in parameters else "-", "timeout_ms": ASSOCIATION_MS}
    values |= {"retry_counter": ASSOCIATION_TRIES, "check_identity": False, **parameters}
    return Device("sighted", PACKAGE, values)


def in_terms(server: bytes) -> dict[str, Any]:
    """An HDLC address as the Devices table has it; as bytes where the numbers would make others."""
    logical, physical = address.split_address(server)
    if len(server) == 1:
        logical, physical = 0, logical
    terms: dict[str, Any] = {"logical_address": logical, "physical_address": physical, "address_size": len(server)}
    if address.server_address(logical, physical, len(server)) == server:
        return terms
    return {"server_address_hex": server.hex().upper()}


def _is_unnumbered(control: int) -> bool:
    return control & 0x03 == 0x03


def _line(line: LineSettings | None) -> dict[str, Any]:
    if line is None:
        return {}
    return {"baudrate": line.baudrate, "databits": line.data_bits, "parity": line.parity, "stopbits": line.stop_bits}


def _shown(line: LineSettings | None) -> str:
    return f", {line.baudrate} {line.data_bits}{line.parity[0].upper()}1" if line else ""


def _answers_wrapped(client: int, port: int, timeout_ms: int) -> Conversation:
    """Whether anything answers an AARQ at a wPort."""
    request = initiate.InitiateRequest(conformance.LN_READER - {"general-protection"}, 0xFFFF, b"").encode()
    link = WrapperLink(client, port, timeout_ms)
    try:
        yield from link.request(acse.Aarq(codes.LN, codes.MECHANISM_NONE, None, request, b"").encode())
    except (Silence, Garbled, ProtocolError, DecodeError):
        return False
    try:
        yield from link.request(acse.Rlrq(0).encode())
    except (Silence, Garbled, ProtocolError, DecodeError):
        pass
    return True
