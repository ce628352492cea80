"""What one cell means for one parameter: a value as JSON would have it, or a reasoned refusal.

Assumptions: a spreadsheet keeps numbers as binary floats of 15 digits, drops leading zeros of what it takes for one,
and in locales with points in their dates makes 1.8.0 the first of August 2000. What may have been altered
so is never taken. NBSP, zero-width characters and blanks at the ends come from copying and mean nothing.
"""

from __future__ import annotations

from datetime import date, time, timedelta

from ...parameters import BOOLEAN, STRING, Parameter
from ..validation import shown
from .columns import is_code

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

FREE = ("name", "description", "signal_name")
AS_TEXT = "format the column as text, then type it again"
_MOST = 10**15
_BLANKS = str.maketrans({"\u00a0": " ", "\u2007": " ", "\u202f": " ", "\ufeff": None, "\u200b": None})


def value_of(cell: Any, name: str, parameter: Parameter | None) -> Any:
    """The cell's value; None where it is empty. Raises: ValueError, what is wrong and the cure."""
    found = cell.value
    if isinstance(found, str):
        if cell.data_type == "e":
            raise ValueError(f"holds the error {found[:20]}: mend the formula, or type the value")
        return _text(found, name, parameter)
    if isinstance(found, bool):
        return int(found) if parameter is not None and parameter.kind != STRING else found
    if isinstance(found, (int, float)):
        return _number(found, cell.number_format or "", name, parameter)
    if isinstance(found, (date, time, timedelta)):
        raise ValueError(f"holds {_moment(found, parameter)}: {AS_TEXT}")
    return None


def _moment(found: Any, parameter: Parameter | None) -> str:
    if parameter is not None and parameter.secret:
        return "a date"
    if isinstance(found, date):
        code = f"{found.day}.{found.month}.{found.year % 100}"
        return f"the date {found:%Y-%m-%d}, which a spreadsheet makes of a code such as {code}"
    return f"the time {found}, which a spreadsheet makes of figures with a colon"


def _number(found: float, number_format: str, name: str, parameter: Parameter | None) -> Any:
    secret = parameter is not None and parameter.secret
    if not abs(found) < _MOST:
        raise ValueError(
            f"found {shown(found, secret)} as a number, of which spreadsheets keep 15 digits and no more: {AS_TEXT}"
        )
    value = int(found) if found == int(found) else found
    if parameter is None or parameter.kind != STRING:
        return value
    if isinstance(value, float) and name not in FREE:
        raise ValueError(f"found {shown(value, secret)} as a number, which may have lost zeros at its end: {AS_TEXT}")
    # A format such as 00000000 shows leading zeros that the number has not.
    width = len(number_format) if number_format.strip("0") == "" else 0
    return str(value).zfill(width)


def _text(found: str, name: str, parameter: Parameter | None) -> Any:
    if parameter is not None and parameter.secret:
        return found or None
    text = found.translate(_BLANKS)
    if parameter is None or not parameter.blanks:
        text = text.strip()
    if not text or parameter is None:
        return text or None
    if name not in FREE and ("\n" in text or "\r" in text):
        raise ValueError(f"found {shown(' '.join(text.split()))} in several lines, allowed: one")
    if is_code(name, parameter):
        _refuse_look_alikes(text)
    if parameter.kind not in (STRING, BOOLEAN) and text.isdigit():
        return int(text) if len(text) < 40 else text
    return text


def _refuse_look_alikes(text: str) -> None:
    for place, character in enumerate(text, 1):
        if not character.isascii():
            from unicodedata import name as name_of

            known = name_of(character, "a character without a name")
            raise ValueError(
                f"found {shown(text)}, whose character {place} is {known} (U+{ord(character):04X}), not what it looks "
                "like: type it anew"
            )
