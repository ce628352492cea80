"""Meters that call, of our own making: telegrams put together by hand from IEC 62056-47 and the Green Book.

Nothing here comes from the project; AES-GCM is pycryptodomex's.
"""

from __future__ import annotations

import errno
import socket

from .dlms_meter import Meter, obis

ENERGY, NUMBER, LDN = "1.0.1.8.0.255", "0.0.96.1.0.255", "0.0.42.0.0.255"
WRAPPER = b"\x00\x01"


def name(code: str) -> bytes:
    return b"\x09\x06" + obis(code)


def text(words: str) -> bytes:
    return b"\x09" + bytes([len(words)]) + words.encode()


def listed(who: str, energy: int, code: str = LDN) -> bytes:
    """The body of a list: its name, and an energy in Wh."""
    scaling = b"\x02\x02\x0f\x00\x16\x1e"
    return b"\x01\x02\x02\x02" + name(code) + text(who) + b"\x02\x03" + name(ENERGY) + b"\x06" + energy.to_bytes(
        4, "big"
    ) + scaling  # fmt: skip


def notification(body: bytes, invoke: int = 1, confirmed: bool = False) -> bytes:
    return b"\x0f" + (invoke | confirmed << 30).to_bytes(4, "big") + b"\x00" + body


def wrapped(apdu: bytes, source: int = 1, destination: int = 0x66) -> bytes:
    return WRAPPER + source.to_bytes(2, "big") + destination.to_bytes(2, "big") + len(apdu).to_bytes(2, "big") + apdu


def push(who: str, energy: int, **given: bool) -> bytes:
    return wrapped(notification(listed(who, energy), **given))


def sealed(apdu: bytes, title: bytes, key: bytes, authentication_key: bytes, counter: int) -> bytes:
    """general-glo-ciphering, suite 0, encrypted and authenticated."""
    from Cryptodome.Cipher import AES

    control = b"\x30"
    count = counter.to_bytes(4, "big")
    cipher = AES.new(key, AES.MODE_GCM, nonce=title + count, mac_len=12)
    cipher.update(control + authentication_key)
    body, tag = cipher.encrypt_and_digest(apdu)
    content = control + count + body + tag
    return b"\xdb\x08" + title + bytes([len(content)]) + content


class Caller:
    """A socket that calls port `port`, over TCP or UDP, and then answers what it is asked as `meter` does."""

    def __init__(self, port: int, udp: bool = False, address: str = "127.0.0.1", meter: Meter | None = None) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM if udp else socket.SOCK_STREAM)
        self.socket.setblocking(False)
        self.socket.bind((address, 0))
        self.socket.connect_ex(("127.0.0.1", port))
        self.meter = meter
        self.heard = b""
        self.hung_up = False
        self._unsent = b""

    def say(self, octets: bytes) -> None:
        """As far as it goes; the rest with `look`."""
        self._unsent += octets
        self.look()

    def look(self) -> None:
        """Send what waits, take what has come, and answer it."""
        try:
            while self._unsent:
                self._unsent = self._unsent[self.socket.send(self._unsent) :]
            octets = self.socket.recv(65536)
        except BlockingIOError:
            return
        except OSError as error:
            self.hung_up = self.hung_up or error.errno in (errno.ECONNRESET, errno.EPIPE, errno.ECONNREFUSED)
            self._unsent = b""
            return
        if not octets:
            self.hung_up = True
        self.heard += octets
        if self.meter is not None and octets:
            for _, answer in self.meter.hear(octets):
                self._unsent += answer

    def close(self) -> None:
        self.socket.close()
