"""Hand-made meters, and what is no meter, as a port may have them, for whoever looks for meters; with their servers."""

from __future__ import annotations

import random
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .mbus_bus import Bus
from .serve import OnPty, Served

METERD = [sys.executable, "-m", "meterd"]


def even(octets: bytes) -> bytes:
    """Seven bits with their parity in the eighth, as they lie on a wire of 7E1."""
    return bytes(byte | (byte.bit_count() & 1) << 7 for byte in octets)


class Lister:
    """An IEC 62056-21 meter of mode C, in 7E1 or 8N1; `number` None: it tells none, and hears any."""

    def __init__(self, number: str | None = "55107733", seven: bool = False) -> None:
        self.number, self.seven = number, seven
        self.heard = b""
        self.signed_on = False

    def hear(self, octets: bytes) -> list[tuple[float, bytes]]:
        self.heard = (self.heard + bytes(byte & 0x7F for byte in octets))[-64:]
        answer = b""
        if self.heard.endswith((b"/?!\r\n", f"/?{self.number}!\r\n".encode())):
            answer, self.signed_on = b"/STR5Lister 3\r\n", True
        elif self.signed_on and self.heard.endswith(b"\x06050\r\n"):
            block = f"1.8.0(004711.25*kWh)\r\n0.0.0({self.number or ''})\r\n!\r\n\x03".encode()
            check = 0
            for byte in block:
                check ^= byte
            answer, self.signed_on = b"\x02" + block + bytes([check]), False
        if answer:
            self.heard = b""
        return [(0.05, even(answer) if self.seven else answer)] if answer else []


class Amid:
    """A meter on a line that makes bytes of its own before each answer, and a few where nobody speaks to it."""

    def __init__(self, meter: Any, seed: int) -> None:
        self.meter = meter
        self.random = random.Random(seed)

    def hear(self, octets: bytes) -> list[tuple[float, bytes]]:
        # A spike on an idle line is a break or ones: bytes 00 and FF, and one bit off.
        noise = bytes(self.random.choice((0x00, 0xFF, 0x7F, 0xFE)) for _ in range(3))
        answers = self.meter.hear(octets)
        return [(0.0, noise), *answers] if answers else [(0.0, noise[:1])]


class Babbler:
    """No meter: whatever is sent, arbitrary bytes come back."""

    def __init__(self) -> None:
        self.random = random.Random(18)

    def hear(self, octets: bytes) -> list[tuple[float, bytes]]:
        return [(0.0, self.random.randbytes(40))]


class Mirror:
    """An optical head without a meter: what is sent comes back."""

    def hear(self, octets: bytes) -> list[tuple[float, bytes]]:
        return [(0.0, octets)]


class Page:
    """A web server."""

    def hear(self, octets: bytes) -> list[tuple[float, bytes]]:
        return [(0.0, b"HTTP/1.1 400 Bad Request\r\nServer: box\r\n\r\n")]


class Pushing(Served):
    """A meter with a P1 port: a telegram each second, whoever listens."""

    TELEGRAM = b"/STR5\\2PUSH\r\n\r\n0-0:96.1.1(4B38)\r\n1-0:1.8.1(000671.578*kWh)\r\n1-0:1.7.0(00.318*kW)\r\n!"

    def __init__(self) -> None:
        super().__init__(lambda: None)

    def _talk(self, connection: socket.socket) -> None:
        check = 0
        for byte in self.TELEGRAM:
            check ^= byte
            for _ in range(8):
                check = check >> 1 ^ (0xA001 if check & 1 else 0)
        telegram = self.TELEGRAM + f"{check:04X}\r\n".encode()
        while True:
            connection.sendall(telegram)
            time.sleep(1.0)


@contextmanager
def over_tcp(make: Callable[[], Any]) -> Iterator[str]:
    server = Served(make)
    yield f"127.0.0.1:{server.port}"
    server.close()


@contextmanager
def on_a_pty(make: Callable[[], Any]) -> Iterator[str]:
    served = OnPty(make())
    yield served.node
    served.close()


@contextmanager
def pushing() -> Iterator[str]:
    meter = Pushing()
    yield f"127.0.0.1:{meter.port}"
    meter.close()


@contextmanager
def simulated(words: tuple[str, ...], directory: Path) -> Iterator[str]:
    """On a pty, or on a TCP port where the words end so."""
    words, tcp = (words[:-1], True) if words[-1] == "tcp" else (words, False)
    link = str(directory / "port")
    place = ["--tcp", "0"] if tcp else ["--pty", link]
    process = subprocess.Popen([*METERD, "simulate", *words, *place], stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    told = process.stderr.readline()
    assert "simulated meter on" in told
    yield told.split()[-1]
    process.terminate()
    process.wait(20)
    process.stderr.close()


class Tolerant(Bus):
    """A bus that other protocols are spoken on, too: what is no frame is passed over."""

    def _frame(self) -> bytes | None:
        while True:
            try:
                return super()._frame()
            except AssertionError:
                continue
