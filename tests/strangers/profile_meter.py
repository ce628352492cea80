"""A load profile as meters keep it, made by hand from the Blue Book (4.3.6): a ring in the order of capture.

Nothing here comes from the project. The meter has a clock that may be wrong, local time with summer time, and selects
rows by number, by (local) time, or not at all; it may leave out what its neighbours tell.
"""

from __future__ import annotations

import datetime
from typing import Any

from .dlms_meter import Meter, data, length, obis, register

NAME = "1.0.99.1.0.255"
ENERGY = "1.0.1.8.0.255"
CLOCK = "0.0.1.0.0.255"
MINUTE = datetime.timedelta(minutes=1)
HOUR = datetime.timedelta(hours=1)


def number(value: int) -> bytes:
    return b"\x06" + value.to_bytes(4, "big")


def octets(text: bytes) -> bytes:
    return b"\x09" + bytes([len(text)]) + text


def structure(*cells: bytes) -> bytes:
    return b"\x02" + bytes([len(cells)]) + b"".join(cells)


def array(elements: list[bytes]) -> bytes:
    return b"\x01" + length(len(elements)) + b"".join(elements)


def column(class_id: int, name: str, attribute: int = 2) -> bytes:
    return structure(b"\x12\x00" + bytes([class_id]), octets(obis(name)), b"\x0f" + bytes([attribute]), b"\x12\x00\x00")


def summer(utc: datetime.datetime) -> bool:
    """Whether summer time runs in the middle of Europe: from the last Sunday of March to that of October, 01:00 UTC."""

    def last_sunday(month: int) -> datetime.datetime:
        day = datetime.datetime(utc.year, month, 31, 1)
        return day - datetime.timedelta(days=(day.weekday() + 1) % 7)

    return last_sunday(3) <= utc < last_sunday(10)


def stamp(utc: datetime.datetime, deviation: bool = True, status: bool = True) -> bytes:
    """Twelve octets of local time; with what is told of summer time."""
    ahead = 2 if summer(utc) else 1
    local = utc + ahead * HOUR
    told = (-60 * ahead).to_bytes(2, "big", signed=True) if deviation else b"\x80\x00"
    date = local.year.to_bytes(2, "big") + bytes([local.month, local.day, 0xFF])
    time = bytes([local.hour, local.minute, local.second, 0])
    return date + time + told + bytes([0xFF if not status else 0x80 if ahead == 2 else 0])


def local_order(octets_of_time: bytes) -> bytes:
    """By what a meter compares: year, month, day, hour, minute, second."""
    return octets_of_time[:4] + octets_of_time[5:8]


class Row:
    """One captured row: its time and its cells, encoded."""

    def __init__(self, time: bytes, cells: list[bytes], short: bool = False) -> None:
        self.time = time
        self.cells = cells
        self.short = short


class ProfileMeter(Meter):
    """`by_number`, `by_time`: the selections that it knows; `sparse`: leaves out what has not changed."""

    def __init__(
        self, serial: str = "900017", capacity: int = 400, period: int = 3600, by_number: bool = True,
        by_time: bool = True, sparse: bool = False, newest_first: bool = False, has_clock: bool = True,
        counts: bool = True, **quirks: Any,
    ) -> None:  # fmt: skip
        objects = {**register(ENERGY, number(1), 0, 30), **data("0.0.96.1.0.255", octets(serial.encode()))}
        super().__init__(objects=objects, **quirks)
        self.capacity, self.period = capacity, period
        self.selects = {1: by_time, 2: by_number}
        self.sparse, self.newest_first = sparse, newest_first
        self.has_clock, self.counts = has_clock, counts
        self.rows: list[Row] = []
        self.columns = [column(8, CLOCK), column(3, ENERGY)]
        self.now = stamp(datetime.datetime(2026, 1, 1))
        self.whole_reads = 0
        self.rows_sent = 0

    def capture(self, time: bytes, *cells: bytes, short: bool = False) -> None:
        self.rows.append(Row(time, list(cells), short))
        del self.rows[: -self.capacity]

    def apdu(self, apdu: bytes) -> bytes:
        self.selection = apdu[12:] if apdu[:2] == b"\xc0\x01" and apdu[12:13] == b"\x01" else b""
        return super().apdu(apdu)

    def _value(self, descriptor: bytes) -> bytes:
        class_id, name, attribute = int.from_bytes(descriptor[:2], "big"), descriptor[2:8], descriptor[8]
        if (class_id, name, attribute) == (8, obis(CLOCK), 2) and self.has_clock:
            return b"\x00" + octets(self.now)
        if (class_id, name) != (7, obis(NAME)):
            return super()._value(descriptor)
        if attribute == 2:
            return self._buffer()
        others = {
            3: array(self.columns), 4: number(self.period), 5: b"\x16" + bytes([2 if self.newest_first else 1]),
            7: number(len(self.rows)) if self.counts else None, 8: number(self.capacity),
        }  # fmt: skip
        value = others.get(attribute)
        return b"\x01\x04" if value is None else b"\x00" + value

    def _buffer(self) -> bytes:
        rows = self.rows[::-1] if self.newest_first else self.rows
        selection = self.selection
        if not selection:
            self.whole_reads += 1
        elif not self.selects[selection[1]]:
            return b"\x01\x0b"
        elif selection[1] == 2:
            first, last = int.from_bytes(selection[5:9], "big"), int.from_bytes(selection[10:14], "big")
            rows = rows[first - 1 : last or None]
        else:
            at = selection.index(b"\x09\x0c")
            start, end = selection[at + 2 : at + 14], selection[at + 16 : at + 28]
            rows = [row for row in rows if local_order(start) <= local_order(row.time) <= local_order(end)]
        self.rows_sent += len(rows)
        return b"\x00" + array(self._encoded(rows))

    def _encoded(self, rows: list[Row]) -> list[bytes]:
        parts = []
        before: list[bytes] = []
        for row in rows:
            cells = [octets(row.time)] if row.short else [octets(row.time), *row.cells]
            pairs = zip(cells[1:], before[1:], strict=False)
            told = [b"\x00" if self.sparse and cell == old else cell for cell, old in pairs]
            parts.append(structure(cells[0], *told, *cells[len(told) + 1 :]))
            before = before if row.short else cells
        return parts
