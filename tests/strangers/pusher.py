"""Meters that push, put together by hand from the standards, each in its own manner; nothing of the project is in it.

Lists (values with codes, in turns, behind their objects), events, HDLC frames with and without segments, long frames of
M-Bus, general blocks, and the forms of ciphering, made with Cryptodome alone.
"""

from __future__ import annotations

from typing import Any

from tests.strangers.dlms_meter import hdlc, length, obis

KEY = "A0A1A2A3A4A5A6A7A8A9AAABACADAEAF"
AUTH = "B0B1B2B3B4B5B6B7B8B9BABBBCBDBEBF"
TITLE = "4B464D1000000042"
ENERGY, POWER, CURRENT, NUMBER = "1.0.1.8.0.255", "1.0.1.7.0.255", "1.0.31.7.0.255", "0.0.96.1.0.255"
TIME = bytes.fromhex("07EA0B1C060A0F05FF8000FF")  # 2026-11-28 10:15:05, deviation not told


def name(code: str) -> bytes:
    return b"\x09\x06" + obis(code)


def scaling(power: int, unit: int) -> bytes:
    return b"\x02\x02\x0f" + power.to_bytes(1, "big", signed=True) + b"\x16" + bytes([unit])


def text(words: str) -> bytes:
    return b"\x0a" + bytes([len(words)]) + words.encode()


def whole(number: int) -> bytes:
    return b"\x06" + number.to_bytes(4, "big")


def notification(body: bytes, stamp: bytes = b"\x00") -> bytes:
    return b"\x0f\x40\x00\x00\x00" + stamp + body


def entries(energy: int, number: str = "6970001") -> bytes:
    """Each a structure of its own, as Aidon's lists are."""
    return b"\x01\x04" + b"".join(
        [
            b"\x02\x02" + name(NUMBER) + text(number),
            b"\x02\x03" + name(POWER) + whole(1234) + scaling(0, 27),
            b"\x02\x03" + name(ENERGY) + whole(energy) + scaling(1, 30),
            b"\x02\x03" + name(CURRENT) + b"\x10" + (-23).to_bytes(2, "big", signed=True) + scaling(-1, 33),
        ]
    )


# Codes and values in turns, the date in the header without a tag, as Kamstrup's lists are.
PAIRS = notification(
    b"\x02\x07" + text("Kamstrup_V0001") + name("1.1.0.0.5.255") + text("5706567") + name(POWER) + whole(700)
    + name(CURRENT) + whole(512), b"\x0c" + TIME,
)  # fmt: skip


def column(class_id: int, code: str, attribute: int) -> bytes:
    return b"\x02\x04\x12" + class_id.to_bytes(2, "big") + name(code) + bytes([0x0F, attribute, 0x12, 0, 0])


def behind_objects(itself: bool) -> bytes:
    """Values behind the list of their objects, which may name the list itself first."""
    columns = [column(3, ENERGY, 2), column(3, ENERGY, 3), column(1, NUMBER, 2), column(4, POWER, 5)]
    columns = [column(40, "0.1.25.9.0.255", 2), *columns] if itself else columns
    values = whole(81) + scaling(2, 30) + text("AB12") + b"\x09\x0c" + TIME
    return notification(bytes([2, 5, 1, len(columns)]) + b"".join(columns) + values, b"\x09\x0c" + TIME)


def framed(apdu: bytes, size: int = 2000, control: int = 0x13, llc: bytes = b"\xe6\xe7\x00", numbered: bool = False,
           source: bytes = b"\x08\x83") -> bytes:  # fmt: skip
    octets = llc + apdu
    parts = [octets[at : at + size] for at in range(0, len(octets), size)]
    return b"".join(
        hdlc(b"\x41", source, control + 2 * (index % 8) * numbered, part, index < len(parts) - 1)
        for index, part in enumerate(parts)
    )


AUSTRIAN = notification(
    b"\x02\x07\x09\x0c" + TIME + name(ENERGY) + whole(55) + scaling(3, 30) + name(POWER) + whole(321) + scaling(0, 27),
    b"\x0c" + TIME,
)


def long_frame(part: bytes, ci: int, address: int = 0xFF) -> bytes:
    body = bytes([0x53, address, ci, 0x01, 0x67]) + part
    return bytes([0x68, len(body), len(body), 0x68]) + body + bytes([sum(body) % 256, 0x16])


def numbered(apdu: bytes, size: int) -> list[bytes]:
    parts = [apdu[at : at + size] for at in range(0, len(apdu), size)]
    return [long_frame(part, index % 16 + 0x10 * (index == len(parts) - 1)) for index, part in enumerate(parts)]


def block(number: int, raw: bytes, last: bool, window: int = 0) -> bytes:
    head = bytes([0xE0, (0x80 if last else 0) | 0x40 | window]) + number.to_bytes(2, "big") + b"\x00\x00"
    return head + length(len(raw)) + raw


def blocks(apdu: bytes, size: int, **given: Any) -> list[bytes]:
    parts = [apdu[at : at + size] for at in range(0, len(apdu), size)]
    return [block(index + 1, part, index == len(parts) - 1, **given) for index, part in enumerate(parts)]


def as_e450(apdus: list[bytes], **given: Any) -> bytes:
    """Each block a frame, the first alone with an LLC header."""
    return b"".join(framed(each, llc=b"" if index else b"\xe6\xe7\x00", **given) for index, each in enumerate(apdus))


def event(value: bytes, job: str = ENERGY, attribute: int = 2, time: bytes = b"\x00") -> bytes:
    return b"\xc2" + time + b"\x00\x03" + obis(job) + bytes([attribute]) + value


def sealed(apdu: bytes, counter: int, key: str = KEY, control: int = 0x20, auth: str = AUTH) -> bytes:
    from Cryptodome.Cipher import AES

    nonce = bytes.fromhex(TITLE) + counter.to_bytes(4, "big")
    cipher = AES.new(bytes.fromhex(key), AES.MODE_GCM, nonce=nonce, mac_len=12)
    if control & 0x10:
        cipher.update(bytes([control]) + bytes.fromhex(auth))
    body = cipher.encrypt(apdu)
    content = bytes([control]) + counter.to_bytes(4, "big") + body + (cipher.digest() if control & 0x10 else b"")
    size = b"\x81" + bytes([len(content)]) if len(content) < 0x100 else length(len(content))
    return b"\xdb\x08" + bytes.fromhex(TITLE) + size + content


def glo_event(value: int, counter: int, **given: Any) -> bytes:
    """As the service's own ciphered form has it: without the title."""
    general = sealed(event(whole(value)), counter, **given)
    return b"\xca" + general[2 + 8 :]


def generally(apdu: bytes, counter: int, info: bytes = b"\x01\x00\x00", tagged: bool = False, head_too: bool = False,
              key: str = KEY, auth: str = AUTH) -> bytes:  # fmt: skip
    """General-ciphering: transaction, titles of both, neither time nor further information, which key."""
    from Cryptodome.Cipher import AES

    head = b"\x04" + counter.to_bytes(4, "big") + b"\x08" + bytes.fromhex(TITLE) + b"\x08RECEIVER\x00\x00"
    control = 0x30 if tagged else 0x20
    cipher = AES.new(
        bytes.fromhex(key), AES.MODE_GCM, nonce=bytes.fromhex(TITLE) + counter.to_bytes(4, "big"), mac_len=12
    )
    if tagged:
        cipher.update(bytes([control]) + bytes.fromhex(auth) + (head if head_too else b""))
    body = cipher.encrypt(apdu)
    content = bytes([control]) + counter.to_bytes(4, "big") + body + (cipher.digest() if tagged else b"")
    return b"\xdd" + head + info + length(len(content)) + content
