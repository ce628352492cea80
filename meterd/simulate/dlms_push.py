"""A simulated DLMS meter that pushes its lists, plain or ciphered; where it calls (`--call`), in the wrapper.

| option | meaning |
|---|---|
| `form` | codes (default), pairs, objects: how lists explain themselves; values: they do not (kaifa-han); event |
| `frame` | UI (default); I: I frames without a session; M-Bus: long frames (`info` up to 200); wrapper: TCP, UDP |
| `info` | octets of a frame's information field; longer lists come in segments; default 512 |
| `blocks` | octets of a general block, each in a frame of its own; 0 (default): none |
| `llc` | 1 (default): an LLC header before each list |
| `interval_ms`, `lists` | from list to list, default 2500; so many, 0 (default) without end |
| `serial` | the meter's number; default 7359992800001234 |
| `confirmed` | 1: a list is sent again until it is confirmed (wrapper) |
| `answers` | 1: between lists it answers as `meterd simulate dlms mode=wrapper serial=…` does (wrapper) |
| `encryption_key`, `authentication_key`, `title` | ciphers the lists (hex) |
"""

from __future__ import annotations

from .._hdlc import encode_frame
from .._wrapper import WrapperDecoder, encode_wrapper
from ..conversation import LineSettings, Pause, Receive, Send
from ..errors import Garbled, PortGone, Silence
from ..obis import parse_logical_name
from ..protocols.dlms.apdus import notification
from ..protocols.dlms.apdus.block_transfer import GeneralBlock
from ..protocols.dlms.data import date_time_octets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..conversation import Conversation

LINE = LineSettings(2400, 8, "even", 1)
DEFAULTS = {
    "form": "codes", "frame": "UI", "info": "512", "blocks": "0", "llc": "1", "interval_ms": "2500", "lists": "0",
    "serial": "7359992800001234", "encryption_key": "", "authentication_key": "", "title": "53494D0000000006",
    "confirmed": "0", "answers": "0",
}  # fmt: skip
CONTROLS = {"UI": 0x13, "I": 0x10}
SOURCE, DESTINATION = b"\x08\x83", b"\x41"
WPORT, SERVER_WPORT = 1, 102
CONFIRM = b"\x10"
CONFIRMED = 0x40000000  # the service class in an invoke id
GAP_MS = 5000
LLC = b"\xe6\xe7\x00"
# Code, octets of the value (unsigned), scaler, unit.
ENTRIES = (("1.0.1.7.0.255", 4, 0, 27), ("1.0.1.8.0.255", 4, 1, 30), ("1.0.32.7.0.255", 2, -1, 35))
TAGS = {2: b"\x12", 4: b"\x06"}


def meter(**options: str) -> Callable[[], Conversation]:
    """Its options are above. Raises: TypeError for one that there is not."""
    unknown = [name for name in options if name not in DEFAULTS]
    if unknown:
        raise TypeError(f"the simulated meter that pushes has no option {unknown[0]!r}")
    return Pusher({name: str(options.get(name, default)) for name, default in DEFAULTS.items()}).conversation


class Pusher:
    """`sent` lists so far: values move on with each."""

    def __init__(self, chosen: dict[str, str]) -> None:
        self.chosen = chosen
        self.sent = 0
        self._seal: Callable[[bytes], bytes] = lambda apdu: apdu
        if chosen["encryption_key"]:
            from ..protocols.dlms.security.context import SecurityContext

            keys = [bytes.fromhex(chosen[name]) for name in ("title", "encryption_key", "authentication_key")]
            context = SecurityContext(*keys, authenticate=bool(keys[2]), counter=1)
            self._seal = lambda apdu: context.protect(apdu, general=True)

    def conversation(self) -> Conversation:
        if self.chosen["frame"] == "wrapper":
            yield from self._calling()
            return
        most = int(self.chosen["lists"])
        try:
            while not most or self.sent < most:
                yield Send(self.frames())
                yield Pause(int(self.chosen["interval_ms"]) / 1000)
            while True:
                yield Pause(3600)
        except PortGone:
            return

    def _calling(self) -> Conversation:
        """Over a connection: lists, and between them answers to what is asked."""
        answer = self._server() if self.chosen["answers"] == "1" else None
        decoder = WrapperDecoder()
        most, interval_ms = int(self.chosen["lists"]), int(self.chosen["interval_ms"])
        unconfirmed = b""
        while True:
            if unconfirmed or not most or self.sent < most:
                telegram = unconfirmed or self.frames()
                yield Send(telegram, keep_input=True)
                unconfirmed = telegram if self.chosen["confirmed"] == "1" else b""
            try:
                frame = yield Receive(decoder, interval_ms, GAP_MS)
                while frame.apdu[:1] != CONFIRM:
                    reply = answer(frame.source, frame.apdu) if answer is not None else b""
                    if reply:
                        yield Send(encode_wrapper(WPORT, frame.source, reply))
                    frame = yield Receive(decoder, interval_ms, GAP_MS)
                unconfirmed = b""
                yield Pause(interval_ms / 1000)
            except (Silence, Garbled):
                decoder.reset()

    def _server(self) -> Callable[[int, bytes], bytes]:
        """What answers a client."""
        from .dlms import server

        return server(serial=self.chosen["serial"])

    def frames(self) -> bytes:
        """The next list, as it goes over a line or a connection."""
        apdu = self.apdu()
        size = int(self.chosen["blocks"])
        return b"".join(map(self._framed, _blocks(apdu, size) if size else [apdu]))

    def apdu(self) -> bytes:
        """The next list without its frames."""
        self.sent += 1
        return self._seal(self._plain())

    def _plain(self) -> bytes:
        stamp = date_time_octets("2026-11-28T10:00:00+01:00")
        if self.chosen["form"] == "event":
            name, value, _ = self._values()[2]
            return b"\xc2\x01\x0c" + stamp + b"\x00\x03" + name[2:] + b"\x02" + value
        forms = {"codes": self._codes, "pairs": self._pairs, "objects": self._objects, "values": self._alone}
        return notification.encode(self._invoke(), stamp, forms[self.chosen["form"]]())

    def _invoke(self) -> int:
        """On a line confirmed by habit, and nobody answers; over a connection as it was chosen."""
        if self.chosen["frame"] != "wrapper":
            return CONFIRMED
        return CONFIRMED * (self.chosen["confirmed"] == "1") | (self.sent & 0xFFFFFF)

    def _framed(self, apdu: bytes) -> bytes:
        if self.chosen["frame"] == "wrapper":
            return encode_wrapper(WPORT, SERVER_WPORT, apdu)
        if self.chosen["frame"] == "M-Bus":
            return _long_frames(apdu, int(self.chosen["info"]))
        octets = (LLC if self.chosen["llc"] == "1" else b"") + apdu
        size = int(self.chosen["info"])
        parts = [octets[at : at + size] for at in range(0, len(octets), size)]
        control = CONTROLS[self.chosen["frame"]]
        return b"".join(
            encode_frame(DESTINATION, SOURCE, control, part, number < len(parts))
            for number, part in enumerate(parts, 1)
        )

    def _values(self) -> list[tuple[bytes, bytes, bytes]]:
        """Code, value, scaler and unit, encoded."""
        found = [(_octets(parse_logical_name("0.0.96.1.0.255")), _text(self.chosen["serial"]), b"")]
        for number, (code, size, scaler, unit) in enumerate(ENTRIES, 1):
            value = TAGS[size] + (2000 * number + self.sent).to_bytes(size, "big")
            power = scaler.to_bytes(1, "big", signed=True)
            found.append((_octets(parse_logical_name(code)), value, b"\x02\x02\x0f" + power + b"\x16" + bytes((unit,))))
        return found

    def _codes(self) -> bytes:
        entries = [bytes((2, 3 if scaling else 2)) + name + value + scaling for name, value, scaling in self._values()]
        return bytes((1, len(entries))) + b"".join(entries)

    def _pairs(self) -> bytes:
        values = self._values()
        return bytes((2, 1 + 2 * len(values))) + _text("Simulated_V1") + b"".join(one + two for one, two, _ in values)

    def _objects(self) -> bytes:
        """The list of the objects is the value of its own first entry."""
        values = self._values()
        columns = [(3 if scaling else 1, name, 2, value) for name, value, scaling in values]
        columns += [(3, name, 3, scaling) for name, _, scaling in values if scaling]
        columns.insert(0, (40, _octets(parse_logical_name("0.8.25.9.0.255")), 2, b""))
        objects = [
            b"\x02\x04\x12" + class_id.to_bytes(2, "big") + name + bytes((0x0F, attribute, 0x12, 0, 0))
            for class_id, name, attribute, _ in columns
        ]
        listed = bytes((1, len(objects))) + b"".join(objects)
        return bytes((2, len(columns))) + listed + b"".join(value for _, _, _, value in columns)

    def _alone(self) -> bytes:
        """List version, number and type, powers, currents in mA, voltages in tenths."""
        texts = (b"KFM_001", self.chosen["serial"].encode("ascii"), b"MA304H3E")
        numbers = (2000 + self.sent, 0, 0, 100 + self.sent, *(1000 * phase + self.sent for phase in (1, 2, 3)))
        values = [_octets(text) for text in texts]
        values += [TAGS[4] + number.to_bytes(4, "big") for number in (*numbers, 2301, 2302, 2303)]
        return bytes((2, len(values))) + b"".join(values)


def _blocks(apdu: bytes, size: int) -> list[bytes]:
    """General blocks that wait for no answer."""
    parts = [apdu[at : at + size] for at in range(0, len(apdu), size)]
    return [
        GeneralBlock(number == len(parts), True, 0, number, 0, part).encode() for number, part in enumerate(parts, 1)
    ]


def _long_frames(apdu: bytes, size: int) -> bytes:
    """M-Bus frames of an APDU, `size` octets of it in each, numbered."""
    parts = [apdu[at : at + size] for at in range(0, len(apdu), size)]
    found = b""
    for number, part in enumerate(parts):
        body = bytes((0x53, 0xFF, number & 0x0F | (0x10 if number == len(parts) - 1 else 0), 0x01, 0x67)) + part
        found += bytes((0x68, len(body), len(body), 0x68)) + body + bytes((sum(body) & 0xFF, 0x16))
    return found


def _octets(octets: bytes) -> bytes:
    return b"\x09" + bytes((len(octets),)) + octets


def _text(text: str) -> bytes:
    return b"\x0a" + bytes((len(text),)) + text.encode("ascii")
