"""Readings with any text and any number as lines: `json` reads back what went in, and no line is ever torn.

The first byte is the pace of the pipe's reader; the rest are fields, each a byte that says what it is and its octets.
"""

from __future__ import annotations

import fcntl
import json
import os
import struct
from typing import Any

from meterd import log
from meterd._number import Number
from meterd.model import Reading, Signal
from meterd.sinks.format import json_line
from meterd.sinks.lines import LineSink

SEEDS = [
    b"\x10" + b"\x00\x02device\x01\x01E\x02\x04\x00\x12\xd6\x87",
    b'\x01\x00\x01\x08\x41 "quote\\\x00\x1f\x7f\x80\xc3\xa9\xed\xa0\x80\xff' * 8,
    b"\xff" + bytes(range(256)),
    b"\x05" + b"".join(bytes((kind, 8)) + struct.pack(">d", 1e300 / 3**kind) for kind in range(12)),
    b"\x07\x03\x09\x80\x00\x00\x00\x00\x00\x00\x00\x00\x04\x09\x7f\xff\xff\xff\xff\xff\xff\xff\xff",
]
LONG = 1500  # characters; a few such lines do not fit the pipe
PIPE_SIZE = 4096
F_SETPIPE_SZ = 1031


class Fields:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def octets(self) -> bytes:
        size = self.data[self.at] % 24 if self.at < len(self.data) else 0
        self.at += 1 + size
        return self.data[self.at - size : self.at]

    def text(self) -> str:
        octets = self.octets()
        text = octets.decode("utf-8", "surrogateescape") if len(octets) % 2 else octets.decode("latin-1")
        if octets[:1] == b"\xed":
            text = octets.decode("utf-16-le", "surrogatepass") if len(octets) % 2 == 0 else text
        return text * (LONG // len(text)) if octets[-1:] == b"\xff" else text

    def value(self) -> Any:
        octets = self.octets()
        number = int.from_bytes(octets[1:], "big", signed=True)
        kind = octets[0] % 8 if octets else 0
        if kind == 0:
            return None
        if kind == 1:
            return self.text()
        if kind == 2:
            return number
        if kind == 3:
            return struct.unpack(">d", octets[1:9].ljust(8, b"\0"))[0]
        if kind == 4:
            return bool(number)
        return Number(number, octets[0] % 129 - 64)

    def reading(self) -> Reading:
        signal = Signal(self.text(), self.text(), {})
        value, flags = self.value(), self.octets()
        reading = Reading(signal, value, self.text() if len(flags) % 2 else None, int.from_bytes(flags[:7], "big"))
        if len(flags) % 3 == 0:
            reading.quality = self.text()
            reading.reason, reading.meter_time = self.text(), self.text()
        return reading


def joined(text: str | None) -> str | None:
    """As JSON has it: two escaped halves of a character are that character."""
    return text if text is None else text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def check(reading: Reading, line: str) -> None:
    assert "\n" not in line
    found = json.loads(line, parse_int=str, parse_float=str)
    assert list(found) == ["device", "signal", "value", "unit", "time_ms", "meter_time", "quality", "reason"]
    value, quality, reason = reading.value, reading.quality, reading.reason
    if type(value) is float:
        if value - value != 0.0:
            value, quality, reason = None, "invalid", reason or "type"
        else:
            value = found["value"] if float(found["value"]) == value else "another float"
    elif value is not None and type(value) is not str:
        value = str(int(value)) if type(value) is bool else str(value)
    expected = {
        "device": joined(reading.signal.device_alias), "signal": joined(reading.signal.alias),
        "value": joined(value), "unit": joined(reading.unit), "time_ms": str(reading.time_ms),
        "meter_time": joined(reading.meter_time), "quality": joined(quality), "reason": joined(reason),
    }  # fmt: skip
    assert found == expected, f"{found} for {expected}"


def through_a_pipe(readings: list[Reading], plain: bool, pace: int) -> None:
    expected = []
    read_end, write_end = os.pipe()
    os.set_blocking(read_end, False)
    fcntl.fcntl(write_end, F_SETPIPE_SZ, PIPE_SIZE)
    taken = b""
    write_line = (lambda reading: reading.signal.alias) if plain else json_line
    sink = LineSink(write_end, write_line)
    try:
        for number, reading in enumerate(readings):
            sink.accept(reading)
            expected.append(write_line(reading).encode("utf-8", "backslashreplace") + b"\n")
            if number % (1 + pace % 3) == 0:
                sink.flush()
            taken += some(read_end, 64 + pace * 16)
        while sink.waiting:
            sink.flush()
            taken += some(read_end, 65536)
        taken += some(read_end, 65536)
        assert taken == b"".join(expected) and sink.lost == 0
    finally:
        os.close(read_end)
        os.close(write_end)


def some(read_end: int, size: int) -> bytes:
    try:
        return os.read(read_end, size)
    except BlockingIOError:
        return b""


def one(data: bytes) -> None:
    log.configure(log.ERROR, lambda level, text: None)
    try:
        pace, fields = (data[0] if data else 0), Fields(data[1:])
        readings = []
        while fields.at < len(fields.data) and len(readings) < 12:
            readings.append(fields.reading())
        for reading in readings:
            check(reading, json_line(reading))
        through_a_pipe(readings, pace % 4 == 3, pace)
    finally:
        log.configure()
