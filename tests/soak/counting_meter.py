"""A ciphered DLMS meter over the TCP wrapper that notes every invocation counter it is shown.

Written apart from the project: APDUs are put together by hand from the Green Book (9.2.7, 9.4, 9.5), and AES-GCM is
that of the `cryptography` package. A meter's memory outlives every client, so it sees what no client may do: show one
counter twice under one title and key. What does not decipher is noted too, and answered as a wrong key is.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections import Counter
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import GCM

ENCRYPTION_KEY = bytes.fromhex("5EC4E7000102030405060708090A0B0C")
AUTHENTICATION_KEY = bytes.fromhex("A07E000F0E0D0C0B0A09080706050403")
TITLE = b"SOK\x00\x00\x00\x00\x07"
SUITE_AND_PROTECTION = 0x30
ADDED = bytes([SUITE_AND_PROTECTION]) + AUTHENTICATION_KEY
CONTEXT_CIPHERED = bytes.fromhex("60857405080103")
COUNTER_OBJECT = bytes([0, 0, 43, 1, 0, 255])


def tlv(tag: int, content: bytes) -> bytes:
    size = len(content)
    return bytes([tag]) + (bytes([size]) if size < 128 else b"\x81" + bytes([size])) + content


def fields(data: bytes) -> dict[int, bytes]:
    found, at = {}, 0
    while at + 2 <= len(data):
        tag, size = data[at], data[at + 1]
        at += 2
        if size == 0x81:
            size, at = data[at], at + 1
        found[tag] = data[at : at + size]
        at += size
    return found


class CountingMeter:
    """Serves every connection in a thread; `shown` counts (title, invocation counter) over all of them."""

    def __init__(self, key: bytes = ENCRYPTION_KEY) -> None:
        self._key = AES(key)
        self._lock = threading.Lock()
        self.shown: Counter[tuple[bytes, int]] = Counter()
        self.unreadable = 0
        self.own = 40_000
        self.energy = 1000
        self.lie: int | None = None
        self.answers = True
        self.listener = socket.create_server(("", 0), backlog=64)
        self.port: int = self.listener.getsockname()[1]
        threading.Thread(target=self._listen, daemon=True).start()

    def repeated(self) -> list[tuple[str, int]]:
        with self._lock:
            return sorted((title.hex(), number) for (title, number), times in self.shown.items() if times > 1)

    def apdus(self) -> int:
        with self._lock:
            return sum(self.shown.values())

    def highest(self, title: bytes) -> int:
        with self._lock:
            return max((number for known, number in self.shown if known == title), default=-1)

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        client: dict[str, Any] = {}
        try:
            with connection:
                while True:
                    version, source, destination, size = struct.unpack(">HHHH", _exactly(connection, 8))
                    answer = self._answer(_exactly(connection, size), client)
                    if answer and self.answers:
                        connection.sendall(struct.pack(">HHHH", version, destination, source, len(answer)) + answer)
        except (OSError, EOFError):
            return

    # ---- sealing

    def _open(self, title: bytes, sealed: bytes) -> bytes | None:
        number = int.from_bytes(sealed[1:5], "big")
        with self._lock:
            self.shown[title, number] += 1
        opening = Cipher(self._key, GCM(title + sealed[1:5], sealed[-12:], min_tag_length=12)).decryptor()
        opening.authenticate_additional_data(ADDED)
        try:
            return opening.update(sealed[5:-12]) + opening.finalize()
        except InvalidTag:
            with self._lock:
                self.unreadable += 1
            return None

    def _seal(self, tag: int, plain: bytes) -> bytes:
        with self._lock:
            self.own += 1
            number = self.own.to_bytes(4, "big")
        sealing = Cipher(self._key, GCM(TITLE + number)).encryptor()
        sealing.authenticate_additional_data(ADDED)
        body = sealing.update(plain) + sealing.finalize() + sealing.tag[:12]
        return tlv(tag, bytes([SUITE_AND_PROTECTION]) + number + body)

    # ---- answers

    def _answer(self, apdu: bytes, client: dict[str, Any]) -> bytes:
        if apdu[0] == 0x60:
            return self._associate(fields(fields(apdu)[0x60]), client)
        if apdu[0] == 0x62:
            return bytes.fromhex("6303800100")
        if apdu[0] == 0xC0:
            return self._get(apdu)
        if apdu[0] != 0xC8:
            return b"\xd8\x01\x01"
        plain = self._open(client["title"], next(iter(fields(apdu).values())))
        return b"\xd8\x01\x01" if plain is None else self._seal(0xCC, self._get(plain))

    def _associate(self, request: dict[int, bytes], client: dict[str, Any]) -> bytes:
        response = bytes.fromhex("0800065f1f040000001004000007")
        if not request[0xA1].endswith(CONTEXT_CIPHERED):
            return _accepted(request[0xA1][2:], response)
        client["title"] = fields(request[0xA6])[4]
        sealed = fields(fields(request[0xBE])[4])[0x21]
        if self._open(client["title"], sealed) is None:
            return tlv(0x61, tlv(0xA1, tlv(6, CONTEXT_CIPHERED)) + bytes.fromhex("a203020101a305a10302010d"))
        return _accepted(tlv(6, CONTEXT_CIPHERED)[2:], self._seal(0x28, response), tlv(0xA4, tlv(4, TITLE)))

    def _get(self, request: bytes) -> bytes:
        invoke, name, attribute = request[2:3], request[5:11], request[11]
        self.energy += 1
        value = b"\x06" + self.energy.to_bytes(4, "big")
        if name == COUNTER_OBJECT:
            highest = max((number for _, number in self.shown), default=0) if self.lie is None else self.lie
            value = b"\x06" + highest.to_bytes(4, "big") if highest < 1 << 32 else b"\x15" + highest.to_bytes(8, "big")
        elif attribute == 3:
            value = b"\x02\x02\x0f\x00\x16\x1e"
        return b"\xc4\x01" + invoke + b"\x00" + value


def _accepted(name: bytes, response: bytes, more: bytes = b"") -> bytes:
    head = tlv(0xA1, tlv(6, name)) + bytes.fromhex("a203020100a305a103020100")
    return tlv(0x61, head + more + tlv(0xBE, tlv(4, response)))


def _exactly(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        block = connection.recv(size - len(data))
        if not block:
            raise EOFError
        data += block
    return data
