"""Exact decimal numbers: what a meter counts, with the digits that it sent and no binary fraction in between."""

from __future__ import annotations

# A power of ten beyond this is no quantity that a meter counts, and would print as a page of zeros.
MAX_EXPONENT = 64


class Number:
    """An exact decimal: `mantissa` × 10^`exponent`, printed with the digits that the meter sent.

    `Number(1472384, -1)` prints `147238.4`. Trailing zeros are kept, for they say how finely the meter counts.
    """

    __slots__ = ("exponent", "mantissa")

    def __init__(self, mantissa: int, exponent: int = 0) -> None:
        if not -MAX_EXPONENT <= exponent <= MAX_EXPONENT:
            raise ValueError(f"power of ten {exponent} is out of range")
        self.mantissa = mantissa
        self.exponent = exponent

    def __str__(self) -> str:
        if self.exponent >= 0:
            return str(self.mantissa) + "0" * self.exponent if self.mantissa else "0"
        places = -self.exponent
        digits = str(abs(self.mantissa)).rjust(places + 1, "0")
        sign = "-" if self.mantissa < 0 else ""
        return f"{sign}{digits[:-places]}.{digits[-places:]}"

    __json__ = __str__  # ujson prints the result as it is: a number with the meter's own digits

    def __repr__(self) -> str:
        return f"Number({self})"

    def __float__(self) -> float:
        return float(str(self))

    def reduced(self) -> tuple[int, int]:
        """Mantissa and exponent without trailing zeros: equal for equal values."""
        mantissa, exponent = self.mantissa, self.exponent
        if not mantissa:
            return (0, 0)
        while mantissa % 10 == 0:
            mantissa //= 10
            exponent += 1
        return (mantissa, exponent)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, int):
            other = Number(other)
        return isinstance(other, Number) and self.reduced() == other.reduced()

    def __hash__(self) -> int:
        return hash(self.reduced())

    def is_integral(self) -> bool:
        return self.reduced()[1] >= 0

    def __int__(self) -> int:
        """The whole part, towards zero."""
        if self.exponent >= 0:
            return self.mantissa * 10**self.exponent
        whole = abs(self.mantissa) // 10**-self.exponent
        return -whole if self.mantissa < 0 else whole

    @classmethod
    def scaled(cls, value: int, exponent: int) -> int | Number:
        """`value` × 10^`exponent`: a plain int where nothing stands behind the point."""
        if exponent == 0:
            return value
        return cls(value, exponent)

    @classmethod
    def parse(cls, text: str) -> int | Number:
        """The exact number in a decimal text; a comma or a point, a sign and outer blanks are allowed.

        Raises: ValueError where the text is anything else (exponents, NaN and digit grouping included).
        """
        whole, _, fraction = text.strip().replace(",", ".").partition(".")
        unsigned = whole[1:] if whole[:1] in ("+", "-") else whole
        digits = unsigned + fraction
        if not (digits.isascii() and digits.isdigit()) or len(digits) > MAX_EXPONENT:
            raise ValueError(f"{text!r} is not a decimal number")
        mantissa = int(digits)
        if whole[:1] == "-":
            mantissa = -mantissa
        return cls(mantissa, -len(fraction)) if fraction else mantissa
