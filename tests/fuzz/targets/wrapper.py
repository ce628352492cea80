"""The TCP wrapper against the plainest possible Python, in pieces of any size, and there and back again.

The first byte says in what pieces the rest comes; with its highest bit set nobody collects what came.
"""

from __future__ import annotations

from meterd._wrapper import WrapperDecoder, encode_wrapper

SEEDS = [
    b"\x00" + encode_wrapper(1, 16, b"apdu") + encode_wrapper(16, 1, b""),
    b"\x03OK\r\n\x00" + encode_wrapper(0xFFFF, 0x100, bytes(300)) + b"\x00\x01",
    b"\x11\x00\x01\x00\x01\x00\x10\xff\xff" + bytes(40),
    b"\xff" + encode_wrapper(1, 16, b"\x00\x01" * 30) * 40,
    b"\x80\x00\x00\x01\x00\x00\x01",
]
HEADER = 8
HELD_LIMIT = 262144
LONGEST = 4096


class Model:
    def __init__(self) -> None:
        self.held = b""
        self.discarded = 0

    def drop(self, count: int) -> None:
        self.held = self.held[count:]
        self.discarded += count

    def feed(self, data: bytes) -> tuple[int, int, bytes] | None:
        self.held += data
        self.drop(max(0, len(self.held) - HELD_LIMIT))
        start = 0
        while start < len(self.held) and not b"\x00\x01".startswith(self.held[start : start + 2]):
            start += 1
        self.drop(start)
        size = self.size()
        if len(self.held) < size:
            return None
        frame, self.held = self.held[:size], self.held[size:]
        return (int.from_bytes(frame[2:4], "big"), int.from_bytes(frame[4:6], "big"), frame[HEADER:])

    def size(self) -> int:
        return HEADER if len(self.held) < HEADER else HEADER + int.from_bytes(self.held[6:8], "big")


def compare(decoder: WrapperDecoder, model: Model, data: bytes) -> bool:
    """Feed both; returns whether a frame came, which is then the same."""
    expected, frame = model.feed(data), decoder.feed(data)
    found = None if frame is None else (frame.source, frame.destination, frame.apdu)
    assert found == expected
    assert (decoder.pending, decoder.discarded) == (len(model.held), model.discarded)
    assert decoder.missing == (HEADER if found else max(1, model.size() - len(model.held)))
    assert bool(decoder.reason) == bool(decoder.discarded)
    if found:
        again = WrapperDecoder().feed(encode_wrapper(*found))
        assert again is not None and (again.source, again.destination, again.apdu) == found
    return found is not None


def one(data: bytes) -> None:
    first, data = (data[0] if data else 0), data[1:]
    decoder, model = WrapperDecoder(), Model()
    if first == 0xFF and len(data) % 16 == 0:  # rarely: it takes long
        data *= 1 + 300_000 // max(1, len(data))
    size = 1 + first % 128 * 33 if len(data) <= LONGEST else 65536
    if size < 34:
        data = data[:200]
    for at in range(0, len(data), size):
        came = compare(decoder, model, data[at : at + size])
        while came and first < 0x80:
            came = compare(decoder, model, b"")
    decoder.reset()
    assert (decoder.pending, decoder.discarded, decoder.missing, decoder.reason) == (0, 0, HEADER, "")
