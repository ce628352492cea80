"""COSEM values whose type outlives their decoding, since octets or digits alone do not tell it (Blue Book 4.1.5)."""

from __future__ import annotations


class DateTime(bytes):
    """Twelve octets that came with the type tag date-time."""

    __slots__ = ()


class Date(bytes):
    """Five octets that came with the type tag date."""

    __slots__ = ()


class Time(bytes):
    """Four octets that came with the type tag time."""

    __slots__ = ()


class Delta:
    """A value as its difference to the one before in the same column (tags 28 to 33); alone it is none."""

    __slots__ = ("difference",)

    def __init__(self, difference: int) -> None:
        self.difference = difference

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Delta) and self.difference == other.difference

    def __hash__(self) -> int:
        return hash(self.difference)

    def __int__(self) -> int:
        return self.difference

    def __repr__(self) -> str:
        return f"{self.difference:+d}"


class BitString(str):
    """'0' and '1' characters, first bit first."""

    __slots__ = ()
