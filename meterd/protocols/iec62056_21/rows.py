"""A load profile's or log's text as rows: the form of VDEW meters, also within a list.

    P.01(1261128070000)(00)(15)(2)(1.5.0)(kW)(2.5.0)(kW)
    (0.104)(0.000)
    (0.112)(0.000)

A header says when its first row was written, its status, the period in minutes, how many columns there are, and each
column's code and unit; a row is a line, the first one may stand behind the header. A gap, a clock that was set, and the
change of season begin a new header. Logs (P.98) have a header for each row and no period.

Dirt: rows that are short; headers that cannot be right, whose rows are left out.
"""

from __future__ import annotations

from .stamps import Moment

FIXED_GROUPS = 4  # time, status, period, count
MAX_COLUMNS = 64
MAX_PERIOD_MIN = 1440
# The status word of VDEW meters, its low byte: the other bits tell of the supply, of settings and of the season.
DEVICE_ERROR, CLOCK_LOST, PERIOD_CUT = 0x01, 0x02, 0x04
MAX_STATUS = 8
HEX = set("0123456789ABCDEFabcdef")

Value = tuple[str, "str | None"]


class Header:
    """`moment` None where its time is none; `columns` [(code, unit)]; `period_s` 0 for a log."""

    __slots__ = ("columns", "moment", "period_s", "status")

    def __init__(self, moment: Moment | None, status: str, period_s: int, columns: list[tuple[str, str]]) -> None:
        self.moment = moment
        self.status = status
        self.period_s = period_s
        self.columns = columns


class Row:
    """`values` [(value, unit or None)], fewer than the header's columns where the row is short; `first` under its
    header, whose status is then its own.
    """

    __slots__ = ("first", "header", "moment", "values")

    def __init__(self, header: Header, moment: Moment | None, values: list[Value], first: bool) -> None:
        self.header = header
        self.moment = moment
        self.values = values
        self.first = first

    def doubt(self) -> str | None:
        """The reason not to call a load profile's values good, by what the status says of their period."""
        status = self.header.status
        if not self.first or not self.header.period_s or not 2 <= len(status) <= MAX_STATUS or set(status) - HEX:
            return None
        bits = int(status, 16)
        if bits & DEVICE_ERROR:
            return "type"
        return "clock" if bits & (CLOCK_LOST | PERIOD_CUT) else None

    def key(self) -> str:
        """By which a row is known again. The status of a load profile's row stands in a header only if one begins
        there, which depends on what was asked for; that of a log is what it tells."""
        stamp = self.moment.stamp() if self.moment else ""
        status = "" if self.header.period_s else self.header.status
        return "|".join((stamp, status, *(value for value, _ in self.values)))

    def text(self) -> str:
        """The status and the whole row as the meter writes it."""
        values = ((self.header.status, None), *self.values)
        return "".join(f"({value if unit is None else f'{value}*{unit}'})" for value, unit in values)


def rows_in(text: bytes, address: str) -> list[Row]:
    """The rows under that address, in the order in which they stand."""
    rows: list[Row] = []
    header: Header | None = None
    number = 0
    for line in text.decode("latin-1").splitlines():
        name, groups = _split(line)
        if name:
            header, groups = _header(groups) if name == address else (None, [])
            number = 0
        if header is None:
            continue
        width = len(header.columns)
        if name and not width:
            rows.append(Row(header, header.moment, [], True))  # a log's entry that has nothing but its status
        if not width or not groups:
            continue
        if len(groups) > width and len(groups) % width:
            header = None  # nothing says any more what belongs to what
            continue
        for start in range(0, len(groups), width):
            moment = header.moment.later(number * header.period_s) if header.moment else None
            rows.append(Row(header, moment, groups[start : start + width], not number))
            number += 1
    return rows


def _split(line: str) -> tuple[str, list[Value]]:
    name, bracket, rest = line.partition("(")
    groups: list[Value] = []
    while bracket:
        group, closed, rest = rest.partition(")")
        if not closed:
            break
        value, star, unit = group.partition("*")
        groups.append((value, unit if star else None))
        _, bracket, rest = rest.partition("(")
    return name.strip(" \x02!"), groups


def _header(groups: list[Value]) -> tuple[Header | None, list[Value]]:
    """The header at the beginning of these groups, and what is behind it."""
    texts = [value for value, _ in groups]
    if len(texts) < FIXED_GROUPS:
        return None, []
    stamp, status, period, count = texts[:FIXED_GROUPS]
    width = int(count) if count.isascii() and count.isdigit() and len(count) <= 3 else 0
    end = FIXED_GROUPS + 2 * width
    if width > MAX_COLUMNS or len(texts) < end or not (count.isascii() and count.isdigit()):
        return None, []
    minutes = int(period) if period.isascii() and period.isdigit() and len(period) <= 4 else 0
    if minutes > MAX_PERIOD_MIN:
        return None, []
    columns = list(zip(texts[FIXED_GROUPS:end:2], texts[FIXED_GROUPS + 1 : end : 2], strict=True))
    return Header(Moment.parse(stamp.strip()), status, minutes * 60, columns), groups[end:]
