"""A reading as one line of JSON, written at once into bytes that grow.

The problem: what is paid for every value that leaves. Standard: RFC 8259; numbers carry the digits that the meter sent.
Assumptions: a value is an integer, a `Number`, a float, text or None.
Dirt it must survive: text with control characters and lone surrogates, floats that are no numbers.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.mem cimport PyMem_Free, PyMem_Realloc
from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcpy

from .._number cimport Number
from .._reading cimport GOOD_QUALITY, Reading, Signal, refuse

from ..gateway.json_text import dumps

cdef extern from "Python.h":
    const char *PyUnicode_AsUTF8AndSize(object text, Py_ssize_t *size) except NULL
    long long PyLong_AsLongLongAndOverflow(object value, int *overflow) except? -1

cdef enum:
    BILLION = 1000000000
    MOST_DIGITS = 24      # of a 64-bit integer, with its sign and a point
    MOST_PLACES = 18      # behind the point of a number that is printed here

cdef const char *HEXADECIMAL = b"0123456789abcdef"
cdef str INVALID_QUALITY = "invalid"
# How nearly every line ends.
cdef bytes GOOD_END = b',"meter_time":null,"quality":"good","reason":null'


def finite(Reading reading not None):
    value = reading.value
    if type(value) is not float or value - value == 0.0:
        return reading
    reason = reading.reason or "type"
    return Reading(reading.signal, None, reading.unit, reading.time_ms, reading.meter_time, INVALID_QUALITY, reason)


cdef int put_digits_of(char *end, uint64_t number) noexcept:
    """Write decimal digits that end before `end`; returns how many."""
    cdef int count = 0, _chunk
    cdef uint32_t low
    while number >= BILLION:  # 64-bit divisions are dear on a 32-bit processor
        low = <uint32_t>(number % BILLION)
        number //= BILLION
        for _chunk in range(9):
            count += 1
            end[-count] = <char>(48 + low % 10)
            low //= 10
    low = <uint32_t>number
    while low or not count:
        count += 1
        end[-count] = <char>(48 + low % 10)
        low //= 10
    return count


cdef int put_escape(char *at, unsigned char byte) noexcept:
    """The JSON escape of a quotation mark, a reverse solidus or a control character; returns its length."""
    cdef const char *short_ones = b"b\x08f\x0cn\nr\rt\t"
    cdef int index
    at[0] = 92
    if byte == 34 or byte == 92:
        at[1] = <char>byte
        return 2
    for index in range(0, 10, 2):
        if byte == <unsigned char>short_ones[index + 1]:
            at[1] = short_ones[index]
            return 2
    at[1] = 117
    at[2] = at[3] = 48
    at[4] = HEXADECIMAL[byte >> 4]
    at[5] = HEXADECIMAL[byte & 15]
    return 6


@cython.final
cdef class _Octets:
    """Bytes that grow."""

    def __dealloc__(self):
        PyMem_Free(self._octets)

    cdef char *_space(self, Py_ssize_t size) except NULL:
        """Where `size` more bytes may be written."""
        cdef Py_ssize_t room
        cdef void *grown
        if self.size + size > self._room:
            room = (self.size + size) * 2 + 256
            grown = PyMem_Realloc(self._octets, room)
            if grown == NULL:
                raise MemoryError
            self._octets = <char *>grown
            self._room = room
        return self._octets + self.size

    cdef inline int put(self, const char *data, Py_ssize_t size) except -1:
        memcpy(self._octets + self.size if self.size + size <= self._room else self._space(size), data, size)
        self.size += size
        return 0

    cdef int put_plain(self, text) except -1:
        """UTF-8; what UTF-8 cannot hold is written as its escape."""
        cdef bytes data = (<str?>text).encode("utf-8", "backslashreplace")
        return self.put(PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data)) if data else 0

    cdef int _put_quoted(self, text) except -1:
        cdef Py_ssize_t size = 0, index, count
        cdef const char *data
        cdef char *at
        cdef unsigned char byte
        try:
            data = PyUnicode_AsUTF8AndSize(<str?>text, &size)
        except UnicodeEncodeError:
            return self.put_plain(dumps(text))  # which leaves a lone surrogate as it is
        at = self._space(size * 6 + 2)
        at[0] = 34
        count = 1
        for index in range(size):
            byte = data[index]
            at[count] = <char>byte
            count += 1
            if byte < 0x20 or byte == 34 or byte == 92:
                count += put_escape(at + count - 1, byte) - 1
        at[count] = 34
        self.size += count + 1
        return 0

    cdef int _put_optional(self, text) except -1:
        return self.put(b"null", 4) if text is None else self._put_quoted(text)

    cdef int _put_number(self, object mantissa, int places) except -1:
        """An integer, the last `places` digits of it behind a point."""
        cdef char digits[2 * MOST_DIGITS]
        cdef char *end = digits + 2 * MOST_DIGITS
        cdef int overflow = 0, count
        cdef long long number = PyLong_AsLongLongAndOverflow(mantissa, &overflow)
        cdef uint64_t size = <uint64_t>number if number >= 0 else -<uint64_t>number
        if overflow:
            return self.put_plain(str(Number(mantissa, -places)))
        count = put_digits_of(end, size)
        while count <= places:
            count += 1
            end[-count] = 48
        if number < 0:
            self.put(b"-", 1)
        self.put(end - count, count - places)
        if places:
            self.put(b".", 1)
            self.put(end - places, places)
        return 0

    cdef int _put_value(self, value) except -1:
        cdef int exponent
        kind = type(value)
        if kind is int:
            return self._put_number(value, 0)
        if kind is Number:
            exponent = (<Number>value).exponent
            if -MOST_PLACES <= exponent <= 0:
                return self._put_number((<Number>value).mantissa, -exponent)
            return self.put_plain(str(value))
        if value is None or kind is str:
            return self._put_optional(value)
        if kind is bool:
            return self.put(b"1" if value else b"0", 1)
        return self.put_plain(dumps(value))

    cdef int put_json(self, Reading reading) except -1:
        cdef Signal signal = reading.signal
        if signal is None:
            refuse()
        self.put(b'{"device":', 10)
        self._put_quoted(signal.device_alias)
        self.put(b',"signal":', 10)
        self._put_quoted(signal.alias)
        self.put(b',"value":', 9)
        self._put_value(reading.value)
        self.put(b',"unit":', 8)
        self._put_optional(reading.unit)
        self.put(b',"time_ms":', 11)
        self._put_number(reading.time_ms, 0)
        if reading.meter_time is None and reading.reason is None and reading.quality is GOOD_QUALITY:
            self.put(PyBytes_AS_STRING(GOOD_END), PyBytes_GET_SIZE(GOOD_END))
        else:
            self._put_blemished(reading)
        if reading.raw is not None:
            self._put_raw(reading.raw)
        return self.put(b"}", 1)

    cdef int _put_blemished(self, Reading reading) except -1:
        self.put(b',"meter_time":', 14)
        self._put_optional(reading.meter_time)
        self.put(b',"quality":', 11)
        self._put_quoted(reading.quality)
        self.put(b',"reason":', 10)
        return self._put_optional(reading.reason)

    cdef int _put_raw(self, Reading raw) except -1:
        """What the meter itself gave, of a signal that is recalculated."""
        self.put(b',"raw_value":', 13)
        self._put_value(raw.value)
        self.put(b',"raw_unit":', 12)
        return self._put_optional(raw.unit)


def json_line(Reading reading not None):
    cdef _Octets text = _Octets()
    text.put_json(finite(reading))
    return PyBytes_FromStringAndSize(text._octets, text.size).decode("utf-8")
