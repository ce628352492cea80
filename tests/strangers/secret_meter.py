"""Hand-made DLMS meters that prove themselves (High…) or seal what they say (AES-GCM), from the Green Book alone.

The cipher is that of pycryptodomex, everything around it is put together here.
"""

from __future__ import annotations

import hashlib
from typing import Any

from .dlms_meter import Meter, length, obis

TITLE = b"STR\x05\x04\x03\x02\x01"
CONTEXT_NAME = bytes.fromhex("A109060760857405080101")


class Proving(Meter):
    """High level security, mechanism 3, 4 or 6, whose proof is taken by `where` alone."""

    where = "0.0.40.0.0.255"
    mechanism = 3
    secret = b"9-8-7-6-5"
    stoc = b"qwertyuiopasdfgh"
    ctos = b""
    client_title = b""
    tells_title = True
    tries = 0

    def _function(self, challenge: bytes, other: bytes, own: bytes, peer: bytes) -> bytes:
        if self.mechanism == 3:
            return hashlib.md5(challenge + self.secret, usedforsecurity=False).digest()
        if self.mechanism == 4:
            return hashlib.sha1(challenge + self.secret, usedforsecurity=False).digest()
        return hashlib.sha256(self.secret + own + peer + challenge + other).digest()

    def _associate(self, apdu: bytes) -> bytes:
        if b"\xa6\x0a\x04\x08" in apdu:
            at = apdu.index(b"\xa6\x0a\x04\x08")
            self.client_title = apdu[at + 4 : at + 12]
        at = apdu.index(b"\xac", apdu.index(b"\x8b\x07"))
        self.ctos = apdu[at + 4 : at + 4 + apdu[at + 3]]
        granted = b"\x08\x00\x06\x5f\x1f\x04\x00\x00\x1a\x1d" + self.quirks.pdu.to_bytes(2, "big") + b"\x00\x07"
        body = CONTEXT_NAME + bytes.fromhex("A203020100A305A10302010E")
        body += b"\xa4\x0a\x04\x08" + TITLE if self.tells_title else b""
        body += bytes.fromhex("880207808907608574050802") + bytes([self.mechanism])
        body += b"\xaa" + bytes([len(self.stoc) + 2, 0x80, len(self.stoc)]) + self.stoc
        body += b"\xbe" + bytes([len(granted) + 2, 4, len(granted)]) + granted
        self.associated = False
        return b"\x61" + bytes([len(body)]) + body

    def apdu(self, apdu: bytes) -> bytes:
        if apdu[:2] != b"\xc3\x01":
            return super().apdu(apdu)
        self.tries += 1
        head = b"\xc7\x01" + apdu[2:3]
        if apdu[3:12] != b"\x00\x0f" + obis(self.where) + b"\x01":
            return head + b"\x04\x00"
        proof = apdu[15 : 15 + apdu[14]]
        if proof != self._function(self.stoc, self.ctos, self.client_title, TITLE):
            return head + b"\x03\x00"
        self.associated = True
        answer = self._function(self.ctos, self.stoc, TITLE, self.client_title)
        return head + b"\x00\x01\x00\x09" + bytes([len(answer)]) + answer


class Sealed(Meter):
    """Suite 0, authenticated and encrypted. `general`: answers in general-glo, with or without its own title."""

    encryption_key = bytes.fromhex("000102030405060708090A0B0C0D0E0F")
    authentication_key = bytes.fromhex("D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF")
    general = False
    titled = True
    tells_title = True
    pushes: tuple[bytes, ...] = ()
    client_title = b""
    count = 0x100

    def _gcm(self, title: bytes, counter: int, key: bytes) -> Any:
        from Cryptodome.Cipher import AES

        cipher = AES.new(key, AES.MODE_GCM, nonce=title + counter.to_bytes(4, "big"), mac_len=12)
        cipher.update(b"\x30" + self.authentication_key)
        return cipher

    def seal(
        self, plain: bytes, tag: int, key: bytes | None = None, title: bytes = TITLE, general: bool = False
    ) -> bytes:
        self.count += 1
        sealed, mark = self._gcm(title, self.count, key or self.encryption_key).encrypt_and_digest(plain)
        body = b"\x30" + self.count.to_bytes(4, "big") + sealed + mark
        if general:
            return b"\xdb" + (b"\x08" + title if self.titled or key else b"\x00") + length(len(body)) + body
        return bytes([tag]) + length(len(body)) + body

    def open(self, sealed: bytes) -> bytes:
        at = 2 if sealed[1] < 0x80 else 2 + (sealed[1] & 0x7F)
        body = sealed[at:]
        cipher = self._gcm(self.client_title, int.from_bytes(body[1:5], "big"), self.encryption_key)
        plain: bytes = cipher.decrypt_and_verify(body[5:-12], body[-12:])
        return plain

    def _associate(self, apdu: bytes) -> bytes:
        at = apdu.index(b"\xa6\x0a\x04\x08")
        self.client_title = apdu[at + 4 : at + 12]
        request = self.open(apdu[apdu.index(b"\xbe", at + 12) + 4 :])
        assert request[0] == 1
        granted = b"\x08\x00\x06\x5f\x1f\x04\x00\x00\x1a\x1d" + self.quirks.pdu.to_bytes(2, "big") + b"\x00\x07"
        sealed = self.seal(granted, 0x28)
        body = CONTEXT_NAME[:-1] + b"\x03" + bytes.fromhex("A203020100A305A103020100")
        body += b"\xa4\x0a\x04\x08" + TITLE if self.tells_title else b""
        body += b"\xbe" + bytes([len(sealed) + 2, 4, len(sealed)]) + sealed
        self.associated = True
        return b"\x61" + bytes([len(body)]) + body

    def apdu(self, apdu: bytes) -> bytes:
        if apdu[:1] != b"\xc8":
            return super().apdu(apdu)
        answer = self.dressed(super().apdu(self.open(apdu)))
        return self.seal(answer, 0xCC, general=self.general) if answer[:1] == b"\xc4" else answer

    def answers(self, apdu: bytes) -> list[bytes]:
        """Pushes, and the answer behind them."""
        answer = self.apdu(apdu)
        return [*self.pushes, answer] if apdu[:1] == b"\xc8" else [answer]

    def _answer_wrapped(self, message: bytes) -> list[bytes]:
        ports = message[4:6] + message[2:4]
        return [b"\x00\x01" + ports + len(one).to_bytes(2, "big") + one for one in self.answers(message[8:]) if one]

    def _information(self, control: int, information: bytes, more: bool) -> list[bytes]:
        assert not more
        if control >> 1 & 7 != self.receive_seq:
            return self._supervisory(control >> 5)
        self.receive_seq = (self.receive_seq + 1) & 7
        self.queue = [(self.quirks.llc + one, False) for one in self.answers(information[3:])]
        return self._next()
