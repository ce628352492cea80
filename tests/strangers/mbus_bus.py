"""M-Bus slaves and their bus written by hand from EN 13757-2/-3: no codec of the project is used.

Each slave keeps the FCB as the standard says: the last telegram again where the bit did not change, the next of the
chain where it did. The bus lets all that are addressed talk at once, which is what a collision is.
"""

from __future__ import annotations

from collections.abc import Callable

Chunks = list[tuple[float, bytes]]


def long(control: int, address: int, ci: int, data: bytes = b"") -> bytes:
    body = bytes([control, address, ci]) + data
    assert len(body) < 256
    return bytes([0x68, len(body), len(body), 0x68]) + body + bytes([sum(body) & 0xFF, 0x16])


def header(serial: str, maker: str = "ABC", version: int = 1, medium: int = 7, access: int = 0, status: int = 0,
           signature: int = 0) -> bytes:  # fmt: skip
    """The long header of CI 72: identification BCD, manufacturer, version, medium, access number, status, signature."""
    letters = [ord(letter) - 64 for letter in maker]
    number = letters[0] << 10 | letters[1] << 5 | letters[2]
    return (
        bytes.fromhex(serial)[::-1] + number.to_bytes(2, "little")
        + bytes([version, medium, access, status]) + signature.to_bytes(2, "little")
    )  # fmt: skip


def secondary(serial: str, maker: str = "ABC", version: int = 1, medium: int = 7) -> str:
    return serial + header(serial, maker, version, medium)[4:8].hex().upper()


VOLUME = bytes.fromhex("0C 13 27 04 85 02")  # 2850.427 m³
PLAIN = VOLUME + bytes.fromhex("04 06 10 27 00 00  0A 5A 34 F2")


class Slave:
    """`telegrams` [(CI, data behind the header or all of it)]; quirks by name."""

    def __init__(
        self, serial: str = "12345678", primary: int | None = 5, telegrams: list[bytes] | None = None,
        maker: str = "ABC", version: int = 1, medium: int = 7, ci: int = 0x72, signature: int = 0,
        nke_needed: int = 1, ignores_fcb: bool = False, header_less: bool = False, status: int = 0,
    ) -> None:  # fmt: skip
        self.serial, self.primary = serial, primary
        self.maker, self.version, self.medium = maker, version, medium
        self.telegrams = telegrams or [PLAIN]
        self.ci, self.signature, self.status = ci, signature, status
        self.nke_needed, self.ignores_fcb, self.header_less = nke_needed, ignores_fcb, header_less
        self.nkes = 0
        self.selected = False
        self.at = -1
        self.last_fcb: int | None = None

    def address(self) -> str:
        return secondary(self.serial, self.maker, self.version, self.medium)

    def fits(self, mask: bytes) -> bool:
        digits = mask[3::-1].hex() + mask[4:8].hex()
        return all(digit in ("f", own) for digit, own in zip(digits, self.address().lower(), strict=True))

    def hear(self, control: int, address: int, ci: int | None, data: bytes) -> bytes:
        if address == 253 and ci == 0x52:
            self.selected = self.fits(data)
            self.at, self.last_fcb = -1, None
            return b"\xe5" if self.selected else b""
        mine = address == self.primary or address == 254 or (address == 253 and self.selected)
        if not mine:
            return b""
        if control == 0x40:
            if address == 253:
                self.selected = False
            self.nkes += 1
            self.at, self.last_fcb = -1, None
            return b"\xe5" if self.nkes >= self.nke_needed else b""
        if control & 0x4F == 0x4B:
            return self.request(control & 0x20)
        if control & 0x4F == 0x43:
            return b"\xe5"
        return b""

    def request(self, fcb: int) -> bytes:
        if self.nke_needed > 1 and self.nkes < self.nke_needed:
            return b""
        if self.ignores_fcb:
            self.at = 0
        elif fcb != self.last_fcb or self.at < 0:
            self.at = min(self.at + 1, len(self.telegrams) - 1) if self.at + 1 < len(self.telegrams) else 0
        self.last_fcb = fcb
        body = self.telegrams[self.at]
        if not self.header_less:
            head = header(self.serial, self.maker, self.version, self.medium, 42, self.status, self.signature)
            body = head + body
        return long(0x08, self.primary or 0, self.ci, body)


class Bus:
    """All slaves hear all; where several answer, their octets are overlaid (wired-and of the levels)."""

    def __init__(self, *slaves: Slave, pieces: Callable[[bytes], Chunks] | None = None, echo: bool = False) -> None:
        self.slaves = slaves
        self.pieces = pieces or (lambda octets: [(0.0, octets)])
        self.echo = echo
        self.buffer = b""
        self.heard: list[bytes] = []

    def hear(self, octets: bytes) -> Chunks:
        self.buffer += octets
        out: Chunks = [(0.0, octets)] if self.echo else []
        while (frame := self._frame()) is not None:
            self.heard.append(frame)
            if frame[0] == 0x10:
                asked: tuple[int, int, int | None, bytes] = (frame[1], frame[2], None, b"")
            else:
                asked = (frame[4], frame[5], frame[6], frame[7:-2])
            answers = [answer for slave in self.slaves if (answer := slave.hear(*asked))]
            if answers and asked[1] != 255:
                out += self.pieces(overlay(answers))
        return out

    def _frame(self) -> bytes | None:
        while self.buffer:
            if self.buffer[0] == 0x10:
                size = 5
            elif self.buffer[0] == 0x68 and len(self.buffer) > 1:
                size = self.buffer[1] + 6
            elif self.buffer[0] == 0x68:
                return None
            else:
                self.buffer = self.buffer[1:]
                continue
            if len(self.buffer) < size:
                return None
            frame, self.buffer = self.buffer[:size], self.buffer[size:]
            body = frame[1:-2] if size == 5 else frame[4:-2]
            assert frame[-1] == 0x16 and frame[-2] == sum(body) & 0xFF, "the client sent a wrong frame"
            return frame
        return None


def overlay(answers: list[bytes]) -> bytes:
    merged = bytearray(max(map(len, answers)))
    for at in range(len(merged)):
        value = 0xFF
        for answer in answers:
            if at < len(answer):
                value &= answer[at]
        merged[at] = value
    return bytes(merged)
