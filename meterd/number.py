"""What exact numbers are asked for seldom: in byte code, which takes a gateway less room than machine code.

`_number.Number` calls these; whoever has a number asks the number.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

MOST_DIGITS = 64


def parse(text: str, number: Callable[[int, int], Any]) -> Any:
    """The exact number in a decimal text; `number` makes one with places behind the point. Raises: ValueError."""
    whole, _, fraction = text.strip().replace(",", ".").partition(".")
    unsigned = whole[1:] if whole[:1] in ("+", "-") else whole
    digits = unsigned + fraction
    if not (digits.isascii() and digits.isdigit()) or len(digits) > MOST_DIGITS:
        raise ValueError(f"{text!r} is not a decimal number")
    mantissa = int(digits)
    if whole[:1] == "-":
        mantissa = -mantissa
    return number(mantissa, -len(fraction)) if fraction else mantissa


def with_power(text: str, number: Callable[[int, int], Any]) -> Any:
    """The same of a text that may have a power of ten, as floats are printed (1.5e-7); always a `number`.

    Raises: ValueError.
    """
    digits, _, power = text.lower().partition("e")
    found = parse(digits, number)
    mantissa, exponent = (found, 0) if isinstance(found, int) else (found.mantissa, found.exponent)
    return number(mantissa, exponent + int(power or 0))


def whole_part(text: str) -> int:
    """Of a printed number, towards zero."""
    return int(text.partition(".")[0])
