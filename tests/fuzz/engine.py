"""Makes hostile inputs out of good ones: seeded, so that every run can be repeated, and fast, so that it is not the
mutation that the time goes into.

A target is a module of `tests.fuzz.targets` with `SEEDS: list[bytes]` and `one(data: bytes) -> None`, which must return
for any bytes: it catches the errors that are allowed and raises AssertionError on a broken invariant.
"""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path
from random import Random
from types import ModuleType

from . import targets

CORPUS = Path(__file__).parent / "corpus"
LONGEST = 4096  # bytes of one input
BYTES = b"\x00\x01\x02\x03\x04\x06\n\r\x15\x16!()*/hx~\x7f\x80\xa0\xe5\xff"
LONGER = "a7ff 0000 ffff 7fff 8000 0d0a ffffffff 7fffffff 84ffffffff 7e7e7e7e7e7e7e7e 210d0a03 282a29 28292829"
TOKENS = [BYTES[at : at + 1] for at in range(len(BYTES))] + [bytes.fromhex(token) for token in LONGER.split()]


def names() -> list[str]:
    return sorted(module.name for module in pkgutil.iter_modules(targets.__path__))


def load(name: str) -> ModuleType:
    return importlib.import_module(f"{targets.__name__}.{name}")


def corpus(name: str) -> list[bytes]:
    """The inputs kept for a target: what once broke it, and what it takes long to come by."""
    folder = CORPUS / name
    return [path.read_bytes() for path in sorted(folder.iterdir())] if folder.is_dir() else []


class Mutator:
    """Inputs without end; calling it gives another one."""

    def __init__(self, pool: list[bytes], seed: int) -> None:
        self.random = Random(seed)
        self.fraction = self.random.random  # randrange costs ten times as much
        self.pool = [*pool, b""]
        self.steps = 2 * [self.flip, self.overwrite, self.insert, self.drop, self.splice]
        self.steps += [self.noise, self.cut, self.repeat, self.join]

    def __call__(self) -> bytes:
        data = self.one_of(self.pool)
        for _ in range(1 + int(self.fraction() * self.fraction() * 5)):
            data = self.steps[int(self.fraction() * len(self.steps))](data)
        return data[:LONGEST]

    def one_of(self, choices: list[bytes]) -> bytes:
        return choices[int(self.fraction() * len(choices))]

    def place(self, data: bytes) -> int:
        return int(self.fraction() * (len(data) + 1))

    def flip(self, data: bytes) -> bytes:
        at = int(self.fraction() * len(data))
        return b"%b%c%b" % (data[:at], data[at] ^ 1 << int(self.fraction() * 8), data[at + 1 :]) if data else data

    def overwrite(self, data: bytes) -> bytes:
        at = self.place(data)
        token = self.one_of(TOKENS)
        return data[:at] + token + data[at + len(token) :]

    def insert(self, data: bytes) -> bytes:
        at = self.place(data)
        return data[:at] + self.one_of(TOKENS) + data[at:]

    def drop(self, data: bytes) -> bytes:
        at = self.place(data)
        return data[:at] + data[at + 1 + int(self.fraction() * 4) :]

    def splice(self, data: bytes) -> bytes:
        other = self.one_of(self.pool)
        return data[: self.place(data)] + other[self.place(other) :]

    def noise(self, data: bytes) -> bytes:
        return self.random.randbytes(int(self.fraction() * 40))

    def cut(self, data: bytes) -> bytes:
        return data[: self.place(data)]

    def repeat(self, data: bytes) -> bytes:
        at = self.place(data)
        piece = data[at : at + int(self.fraction() * 16)]
        return data[:at] + piece * (1 + int(self.fraction() * 4)) + data[at:]

    def join(self, data: bytes) -> bytes:
        return data + self.one_of(self.pool)
