"""Faults of a line, by name, for simulated meters and tests: what a meter sends is lost, cut, flipped or drowned.

A fault is written `kind`, `kind:every` (each n-th transmission suffers, 1 by default) or `kind:every:argument`.

| kind | argument | what happens to a transmission |
|---|---|---|
| drop | | it is lost |
| flip | position | one bit of one byte changes; the position moves on each time if not given |
| truncate | length | only its beginning leaves, half by default |
| duplicate | | it leaves twice |
| delay | ms | it leaves later, 1,000 by default |
| slow | ms | that pause between any two bytes, 50 by default |
| noise | bytes | that many bytes of noise come first, 5 by default |
| babble | bytes | noise without end instead of it: that many bytes, 5,000 by default |
| bcc | | its last byte is wrong |
| echo | | what the client sends comes back to it, as from an optical head (`every` counts what it sends) |
| close | ms | the connection closes instead; a pty comes back after that time, 1,000 by default |
"""

from __future__ import annotations

from ..errors import ConfigError

KINDS = ("drop", "flip", "truncate", "duplicate", "delay", "slow", "noise", "babble", "bcc", "echo", "close")
DEFAULTS = {"delay": 1000, "slow": 50, "noise": 5, "babble": 5000, "close": 1000}


def noise(length: int, seed: int = 1) -> bytes:
    """The same noise every time, for a failure that cannot be repeated teaches nothing."""
    state, out = seed * 2654435761 % 2**32 or 1, bytearray()
    for _ in range(length):
        state = (state * 1664525 + 1013904223) % 2**32
        out.append(state >> 24)
    return bytes(out)


class Fault:
    """One kind of fault and its count; `echo` and `close` are the port's to carry out."""

    def __init__(self, kind: str, every: int = 1, argument: int | None = None) -> None:
        if kind not in KINDS:
            raise ConfigError("--fault", f"{kind!r} is not a fault; one of {', '.join(KINDS)} is")
        self.kind = kind
        self.every = max(1, every)
        self.argument = DEFAULTS.get(kind) if argument is None else argument
        self.count = 0

    @classmethod
    def parse(cls, text: str) -> Fault:
        """`kind[:every[:argument]]`. Raises: ConfigError."""
        kind, *rest = text.split(":")
        try:
            return cls(kind, *map(int, rest[:2]))
        except ValueError:
            raise ConfigError("--fault", f"{text!r} is not kind[:every[:argument]] with whole numbers") from None

    def strikes(self) -> bool:
        """Count one transmission; whether it is one that suffers."""
        self.count += 1
        return self.count % self.every == 0

    def apply(self, data: bytes) -> list[tuple[float, bytes]]:
        """What leaves instead of `data`: (delay in seconds, bytes), in order."""
        if self.kind in ("echo", "close") or not self.strikes():
            return [(0.0, data)]
        change = getattr(self, f"_{self.kind}")
        pieces: list[tuple[float, bytes]] = change(data, self.argument)
        return pieces

    def _drop(self, data: bytes, argument: int | None) -> list[tuple[float, bytes]]:
        return []

    def _flip(self, data: bytes, argument: int | None) -> list[tuple[float, bytes]]:
        at = (self.count if argument is None else argument) % len(data)
        return [(0.0, data[:at] + bytes([data[at] ^ 1 << self.count % 7]) + data[at + 1 :])]

    def _truncate(self, data: bytes, argument: int | None) -> list[tuple[float, bytes]]:
        return [(0.0, data[: len(data) // 2 if argument is None else argument])]

    def _duplicate(self, data: bytes, argument: int | None) -> list[tuple[float, bytes]]:
        return [(0.0, data), (0.0, data)]

    def _delay(self, data: bytes, argument: int | None) -> list[tuple[float, bytes]]:
        return [((argument or 0) / 1000.0, data)]

    def _slow(self, data: bytes, argument: int | None) -> list[tuple[float, bytes]]:
        return [((argument or 0) / 1000.0, data[at : at + 1]) for at in range(len(data))]

    def _noise(self, data: bytes, argument: int | None) -> list[tuple[float, bytes]]:
        return [(0.0, noise(argument or 0, self.count) + data)]

    def _babble(self, data: bytes, argument: int | None) -> list[tuple[float, bytes]]:
        babble = noise(argument or 0, self.count)
        return [(0.02, babble[at : at + 50]) for at in range(0, len(babble), 50)]

    def _bcc(self, data: bytes, argument: int | None) -> list[tuple[float, bytes]]:
        return [(0.0, data[:-1] + bytes([data[-1] ^ 0x55]))]
