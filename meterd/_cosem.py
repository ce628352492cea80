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


class BitString(str):
    """'0' and '1' characters, first bit first."""

    __slots__ = ()
