"""A small DLMS meter of its own making: HDLC or wrapper, logical names, and the manners of real meters as options.

Nothing here comes from the project: frames are put together by hand from IEC 62056-46, 56-47 and 56-53, so that a
mistake shared by the project's client and its simulated meter shows.
"""

from __future__ import annotations

from collections.abc import Callable

Chunks = list[tuple[float, bytes]]


def _fcs_table() -> list[int]:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x8408 if byte & 1 else 0)
        table.append(byte)
    return table


_FCS = _fcs_table()


def fcs(data: bytes) -> bytes:
    """FCS-16 of ISO 13239, as it goes over the wire."""
    value = 0xFFFF
    for byte in data:
        value = value >> 8 ^ _FCS[(value ^ byte) & 0xFF]
    return (value ^ 0xFFFF).to_bytes(2, "little")


def hdlc(destination: bytes, source: bytes, control: int, information: bytes = b"", more: bool = False) -> bytes:
    size = 2 + len(destination) + len(source) + 1 + 2 + (len(information) + 2 if information else 0)
    head = (0xA000 | (0x800 if more else 0) | size).to_bytes(2, "big") + destination + source + bytes([control])
    body = head + fcs(head)
    if information:
        body += information
        body += fcs(body)
    return b"\x7e" + body + b"\x7e"


def obis(text: str) -> bytes:
    return bytes(int(part) for part in text.split("."))


def length(size: int) -> bytes:
    return bytes([size]) if size < 0x80 else b"\x82" + size.to_bytes(2, "big")


def register(logical_name: str, value: bytes, scaler: int, unit: int, class_id: int = 3) -> dict:
    """Attributes 1 to 3 of a register, encoded."""
    name = obis(logical_name)
    return {
        (class_id, name, 1): b"\x09\x06" + name,
        (class_id, name, 2): value,
        (class_id, name, 3): b"\x02\x02\x0f" + scaler.to_bytes(1, "big", signed=True) + b"\x16" + bytes([unit]),
    }


def data(logical_name: str, value: bytes, class_id: int = 1) -> dict:
    name = obis(logical_name)
    return {(class_id, name, 1): b"\x09\x06" + name, (class_id, name, 2): value}


TIME = bytes.fromhex("07EA0B16070A1E0000FF8880")  # 2026-11-22 Sunday 10:30:00.00, deviation -120, summer time
OBJECTS = {
    **register("1.0.1.8.0.255", b"\x06\x00\x01\xe2\x40", 3, 30),
    **register("1.0.2.8.0.255", b"\x15" + b"\xff" * 8, -3, 30),
    **register("1.0.32.7.0.255", b"\x17\x43\x66\x80\x00", 0, 35),
    **register("1.0.13.7.0.255", b"\x12\x03\xdb", -3, 255),
    **register("1.0.16.7.0.255", b"\x05\xff\xff\xff\x38", 0, 27),
    **register("1.0.1.6.0.255", b"\x06\x00\x00\x10\x00", 1, 27, 4),
    (4, obis("1.0.1.6.0.255"), 5): b"\x09\x0c" + TIME,
    **data("0.0.96.1.0.255", b"\x0a\x0aSN12345678"),
    **data("0.0.96.1.1.255", b"\x0a\x81\x90" + b"x" * 144),
    **data("0.0.42.0.0.255", b"\x09\x10" + b"ABC" + bytes(range(0x70, 0x7D))),
    **data("0.0.1.0.0.255", b"\x09\x0c" + TIME, 8),
}
REFUSED = {code: obis(f"0.0.96.50.{code}.255") for code in (1, 2, 3, 4, 11, 250)}


def object_list(count: int) -> bytes:
    """The association's list of the objects above, and as many others as make `count`."""
    known = dict.fromkeys((class_id, name) for class_id, name, _ in OBJECTS)
    known.update(dict.fromkeys((1, name) for name in REFUSED.values()))
    for number in range(count - len(known)):
        known[3, bytes([1, 0, 128 + number // 100, number % 100, 0, 255])] = None
    rights = bytes.fromhex("02 02 01 02 02 03 0f 01 16 01 00 02 03 0f 02 16 01 00 01 00")
    parts = [b"\x02\x04\x12" + c.to_bytes(2, "big") + b"\x11\x00\x09\x06" + name + rights for c, name in known]
    return b"\x01" + length(len(parts)) + b"".join(parts)


class Quirks:
    """Set only what is asked for: anything else is a plain, well-behaved meter."""

    def __init__(self, **given: object) -> None:
        self.server = b"\x03"
        self.client = b"\x21"
        self.wrapped = False
        self.wport = 1
        self.ua: bytes = bytes.fromhex("8180120501800601800704000000010804000000 01".replace(" ", ""))
        self.snrm = "ua"
        self.info = 128
        self.block = 0
        self.lists = True
        self.pdu = 0x0400
        self.diagnostic = (0, 1, 0)
        self.password = b""
        self.pieces: Callable[[bytes], Chunks] = lambda octets: [(0.0, octets)]
        self.notify = b""
        self.duplicate = 0
        self.bad_fcs: frozenset[int] = frozenset()
        self.lost: frozenset[int] = frozenset()
        self.frmr_at = -1
        self.poll_at: frozenset[int] = frozenset()
        self.objects = OBJECTS
        self.count = 40
        self.fcs_7e = False
        self.idle = 0.0
        self.forgets = 0
        # How it writes the two addresses in its answers, where not as it is called.
        self.source = b""
        self.sink = b""
        self.llc = b"\xe6\xe7\x00"
        self.padding = b""
        self.invoke = -1
        self.stale = False
        for name, value in given.items():
            assert hasattr(self, name), name
            setattr(self, name, value)


class Meter:
    """`hear(octets)` returns what comes back, as [(delay, octets)]."""

    def __init__(self, **quirks: object) -> None:
        self.quirks = Quirks(**quirks)
        self.buffer = b""
        self.heard: list[bytes] = []
        self.told: list[int] = []
        self.apdus = 0
        self.frames = 0
        self.reset()

    def reset(self) -> None:
        self.linked = self.associated = False
        self.receive_seq = self.send_seq = 0
        self.incoming = b""
        self.queue: list[tuple[bytes, bool]] = []
        self.sent: dict[int, bytes] = {}
        self.blocks: list[bytes] = []

    def hear(self, octets: bytes) -> Chunks:
        # The rest of something else was over long ago where a new frame begins.
        self.buffer = octets if octets[:1] in b"\x7e\x00" else self.buffer + octets
        out: list[bytes] = []
        while True:
            message = self._wrapped() if self.quirks.wrapped else self._framed()
            if message is None:
                return [chunk for frame in out for chunk in self.quirks.pieces(frame)]
            self.heard.append(message)
            out += self._answer_wrapped(message) if self.quirks.wrapped else self._answer(message)

    # TCP wrapper

    def _wrapped(self) -> bytes | None:
        if len(self.buffer) < 8:
            return None
        end = 8 + int.from_bytes(self.buffer[6:8], "big")
        if len(self.buffer) < end:
            return None
        message, self.buffer = self.buffer[:end], self.buffer[end:]
        return message

    def _answer_wrapped(self, message: bytes) -> list[bytes]:
        client, server = message[2:4], message[4:6]
        if int.from_bytes(server, "big") != self.quirks.wport:
            return []

        def wrap(apdu: bytes) -> bytes:
            return b"\x00\x01" + server + client + len(apdu).to_bytes(2, "big") + apdu

        out = [wrap(self.quirks.notify)] if self.quirks.notify else []
        answer = self.dressed(self.apdu(message[8:]))
        return [*out, wrap(answer)] if answer else out

    # HDLC

    def _framed(self) -> bytes | None:
        """The octets of a frame between its flags."""
        while self.buffer:
            if self.buffer[0] != 0x7E or self.buffer[1:2] == b"\x7e":
                self.buffer = self.buffer[1:]
                continue
            size = int.from_bytes(self.buffer[1:3], "big") & 0x7FF
            if len(self.buffer) < 3 or len(self.buffer) < size + 2:
                return None
            message = self.buffer[1 : size + 1]
            if fcs(message[:-2]) != message[-2:]:
                self.buffer = self.buffer[1:]
                continue
            self.buffer = self.buffer[size + 1 :]
            return message
        return None

    def frame(self, control: int, information: bytes = b"", more: bool = False) -> bytes:
        quirks = self.quirks
        return hdlc(quirks.sink or quirks.client, quirks.source or quirks.server, control, information, more)

    def _answer(self, message: bytes) -> list[bytes]:
        at = 2 + len(self.quirks.server)
        if message[2:at] != self.quirks.server or message[at : at + 1] != self.quirks.client:
            return []
        control, information = message[at + 1], message[at + 4 : -2]
        self.frames += 1
        out = self._respond(control, information, bool(message[0] & 8))
        if self.quirks.notify and self.associated:
            out = [self.frame(0x13, b"\xe6\xe7\x00" + self.quirks.notify), *out]
        if self.quirks.duplicate and self.frames % self.quirks.duplicate == 0:
            out = out + out[-1:]
        if self.frames in self.quirks.bad_fcs:
            out = [octets[:-3] + bytes([octets[-3] ^ 0x41]) + octets[-2:] for octets in out]
        if self.frames in self.quirks.lost:
            out = []
        if self.frames == self.quirks.frmr_at:
            out = [self.frame(0x97, bytes([control, self.receive_seq << 5 | self.send_seq << 1, 1]))]
        return out

    def _respond(self, control: int, information: bytes, more: bool) -> list[bytes]:
        if control == 0x93:
            return self._connect(information)
        if control == 0x53:
            was, self.linked = self.linked, False
            self.associated = self.quirks.stale = False
            return [self.frame(0x73 if was else 0x1F)]
        if not self.linked:
            return [self.frame(0x1F)]
        if control & 1 == 0:
            return self._information(control, information, more)
        return self._supervisory(control >> 5)

    def _connect(self, information: bytes) -> list[bytes]:
        if self.quirks.snrm == "dm" or self.quirks.stale:
            return [self.frame(0x1F)]
        if self.quirks.snrm == "frmr":
            return [self.frame(0x97, b"\x93\x00\x01")]
        if self.quirks.snrm == "silent" or (self.quirks.snrm == "bare" and information):
            return []
        self.reset()
        self.linked = True
        return [self.frame(0x73, self.quirks.ua)]

    def _information(self, control: int, information: bytes, more: bool) -> list[bytes]:
        sequence, acknowledged = control >> 1 & 7, control >> 5
        if sequence != self.receive_seq:
            return self._supervisory(acknowledged)
        self.receive_seq = (self.receive_seq + 1) & 7
        self.incoming += information
        if more:
            return [self.frame(self.receive_seq << 5 | 0x11)]
        apdu, self.incoming = self.incoming[3:], b""
        answer = self.dressed(self.apdu(apdu))
        if not answer:
            return []
        octets = self.quirks.llc + answer
        cut = [octets[at : at + self.quirks.info] for at in range(0, len(octets), self.quirks.info)]
        self.queue = [(part, index + 1 < len(cut)) for index, part in enumerate(cut)]
        if self.frames in self.quirks.poll_at:
            return [self.frame(self.receive_seq << 5 | 0x11)]
        return self._next()

    def _next(self) -> list[bytes]:
        part, more = self.queue.pop(0)
        if self.quirks.fcs_7e and part[3:4] == b"\xc4" and part[-5:-4] == b"\x06":
            part = self._with_7e(part)
        control = self.receive_seq << 5 | 0x10 | self.send_seq << 1
        self.sent = {self.send_seq: self.frame(control, part, more)}
        self.send_seq = (self.send_seq + 1) & 7
        return list(self.sent.values())

    def _with_7e(self, part: bytes) -> bytes:
        """The same answer with a number that makes the frame's FCS end in 7E, or begin with it, in turn."""
        place = -3 if len(self.told) % 2 else -2
        control = self.receive_seq << 5 | 0x10 | self.send_seq << 1
        for number in range(100_000):
            changed = part[:-4] + number.to_bytes(4, "big")
            if self.frame(control, changed)[place] == 0x7E:
                self.told.append(number)
                return changed
        raise AssertionError("no such number")

    def _supervisory(self, acknowledged: int) -> list[bytes]:
        if acknowledged in self.sent:
            return [self.sent[acknowledged]]
        if self.queue:
            return self._next()
        return [self.frame(self.receive_seq << 5 | 0x11)]

    # Application

    def dressed(self, answer: bytes) -> bytes:
        """An answer to GET as this meter is used to writing it."""
        if answer[:1] != b"\xc4":
            return answer
        invoke = answer[2:3] if self.quirks.invoke < 0 else bytes([self.quirks.invoke])
        return answer[:2] + invoke + answer[3:] + self.quirks.padding

    def apdu(self, apdu: bytes) -> bytes:
        self.apdus += 1
        if apdu[0] == 0x60:
            return self._associate(apdu)
        if apdu[0] == 0x62:
            self.associated = False
            return bytes.fromhex("6303800100")
        if self.quirks.forgets and self.apdus == self.quirks.forgets:
            self.associated = False
        if not self.associated:
            return bytes.fromhex("D80101")
        if apdu[:2] == b"\xc0\x01":
            return self._get(apdu[2:3], apdu[3:12])
        if apdu[:2] == b"\xc0\x02":
            return self._block(apdu[2:3])
        if apdu[:2] == b"\xc0\x03" and self.quirks.lists:
            return self._get_list(apdu)
        return bytes.fromhex("D80102")

    def _associate(self, apdu: bytes) -> bytes:
        result, source, diagnostic = self.quirks.diagnostic
        if self.quirks.password and b"\xac" + bytes([len(self.quirks.password) + 2, 0x80]) not in apdu:
            result, source, diagnostic = 1, 1, 14
        elif self.quirks.password and self.quirks.password not in apdu:
            result, source, diagnostic = 1, 1, 13
        self.associated = result == 0
        granted = b"\x00\x1a\x1d"
        initiate = b"\x08\x00\x06\x5f\x1f\x04\x00" + granted + self.quirks.pdu.to_bytes(2, "big") + b"\x00\x07"
        body = bytes.fromhex("A109060760857405080101A2030201") + bytes([result])
        body += b"\xa3\x05" + bytes([0xA0 + source]) + b"\x03\x02\x01" + bytes([diagnostic])
        if result == 0:
            body += b"\xbe" + bytes([len(initiate) + 2]) + b"\x04" + bytes([len(initiate)]) + initiate
        return b"\x61" + bytes([len(body)]) + body

    def _value(self, descriptor: bytes) -> bytes:
        """Data or data-access-result of an attribute, with its choice."""
        class_id, name, attribute = int.from_bytes(descriptor[:2], "big"), descriptor[2:8], descriptor[8]
        if (class_id, name, attribute) == (15, obis("0.0.40.0.0.255"), 2):
            return b"\x00" + object_list(self.quirks.count)
        for code, refused in REFUSED.items():
            if name == refused and attribute == 2:
                return bytes([1, code])
        value = self.quirks.objects.get((class_id, name, attribute))
        return b"\x01\x04" if value is None else b"\x00" + value

    def _get(self, invoke: bytes, descriptor: bytes) -> bytes:
        result = self._value(descriptor)
        size = self.quirks.block or self.quirks.pdu - 10
        if result[0] == 0 and len(result) > size:
            return self._cut(invoke, result[1:])
        return b"\xc4\x01" + invoke + result

    def _get_list(self, apdu: bytes) -> bytes:
        count, at = apdu[3], 4
        results = b""
        for _ in range(count):
            results += self._value(apdu[at : at + 9])
            assert apdu[at + 9] == 0
            at += 10
        assert at == len(apdu)
        body = bytes([count]) + results
        size = self.quirks.block or self.quirks.pdu - 10
        return self._cut(apdu[2:3], body) if len(body) > size else b"\xc4\x03" + apdu[2:3] + body

    def _cut(self, invoke: bytes, octets: bytes) -> bytes:
        size = self.quirks.block or self.quirks.pdu - 20
        self.blocks = [octets[at : at + size] for at in range(0, len(octets), size)]
        self.number = 0
        return self._block(invoke)

    def _block(self, invoke: bytes) -> bytes:
        if not self.blocks:
            return b"\xc4\x01" + invoke + b"\x01\x13"
        self.number += 1
        raw = self.blocks.pop(0)
        last = b"\x00" if self.blocks else b"\x01"
        return b"\xc4\x02" + invoke + last + self.number.to_bytes(4, "big") + b"\x00" + length(len(raw)) + raw
