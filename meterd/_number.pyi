"""Exact decimal numbers: what a meter counts, with the digits that it sent and no binary fraction in between."""

MAX_EXPONENT: int  # powers of ten beyond ± this are no quantity that a meter counts

class Number:
    """An exact decimal: `mantissa` × 10^`exponent`, printed with the digits that the meter sent. Immutable.

    `Number(1472384, -1)` prints `147238.4`. Trailing zeros are kept, for they say how finely the meter counts.
    """

    @property
    def mantissa(self) -> int: ...
    @property
    def exponent(self) -> int: ...
    def __init__(self, mantissa: int, exponent: int = 0) -> None:
        """Raises: ValueError where the power of ten is out of range."""

    def __json__(self) -> str:
        """For ujson, which prints it as it is: a number with the meter's own digits."""

    def __float__(self) -> float: ...
    def double(self) -> float | None:
        """The double that is nearest to it, where that tells all its digits and some are behind the point."""

    def __int__(self) -> int:
        """The whole part, towards zero."""

    def reduced(self) -> tuple[int, int]:
        """Mantissa and exponent without trailing zeros: equal for equal values."""

    def is_integral(self) -> bool: ...
    @classmethod
    def scaled(cls, value: int, exponent: int) -> int | Number:
        """`value` × 10^`exponent`: a plain int where nothing stands behind the point."""

    @classmethod
    def parse(cls, text: str) -> int | Number:
        """The exact number in a decimal text; a comma or a point, a sign and outer blanks are allowed.

        Raises: ValueError where the text is anything else (exponents, NaN and digit grouping included).
        """
