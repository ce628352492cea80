"""A reading as one line of JSON, written at once into bytes that grow.

The problem: what is paid for every value that leaves. Standard: RFC 8259; numbers carry the digits that the meter sent.
Assumptions: a value is an integer, a `Number`, a float, text or None.
Dirt it must survive: text with control characters and lone surrogates, floats that are no numbers.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.list cimport PyList_GET_SIZE
from cpython.long cimport PyLong_AsLongLongAndOverflow
from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF, Py_XDECREF
from cpython.unicode cimport PyUnicode_1BYTE_DATA, PyUnicode_GET_LENGTH
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memcpy, memmove, strlen

from .._number cimport Number
from .._octets cimport Octets, put_octets
from .._reading cimport GOOD_QUALITY, Reading, Signal, refuse

from ..gateway.json_text import dumps

cdef extern from "Python.h":
    const char *PyUnicode_AsUTF8AndSize(object text, Py_ssize_t *size) except NULL
    bint PyUnicode_IS_COMPACT_ASCII(object text)

cdef enum:
    EIGHT_DIGITS = 100000000
    MOST_DIGITS = 24      # of a 64-bit integer, with its sign and a point
    MOST_COMMON = 80
    MOST_PLACES = 18      # behind the point of a number that is printed here

cdef struct Known:
    PyObject *text        # whose octets these are; NULL at first
    Py_ssize_t size
    char octets[MOST_COMMON]

cdef const char *HEXADECIMAL = b"0123456789abcdef"
# Two digits at a time take half the divisions.
cdef const char *PAIRS = (
    b"0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849"
    b"5051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899"
)
cdef str INVALID_QUALITY = "invalid"
# What a scan's readings have in common is made into text once: whose they are, up to the signal, mostly the unit, and
# for good ones all from their time on.
cdef Known WHOSE
cdef Known UNIT
cdef int64_t GOOD_MS
cdef char GOOD_END[MOST_COMMON]
cdef Py_ssize_t GOOD_SIZE


def finite(Reading reading not None):
    return made_finite(reading)


cdef Reading made_finite(Reading reading):
    value = reading.value
    if type(value) is not float or value - value == 0.0:
        return reading
    reason = reading.reason or "type"
    return Reading(reading.signal, None, reading.unit, reading.time_ms, reading.meter_time, INVALID_QUALITY, reason)


cdef int put_digits_of(char *end, uint64_t number) noexcept:
    """Write decimal digits that end before `end`; returns how many."""
    cdef int count = 0, _pair
    cdef uint32_t low
    while number >= EIGHT_DIGITS:  # 64-bit divisions are dear on a 32-bit processor
        low = <uint32_t>(number % EIGHT_DIGITS)
        number //= EIGHT_DIGITS
        for _pair in range(4):
            count += 2
            memcpy(end - count, PAIRS + low % 100 * 2, 2)
            low //= 100
    low = <uint32_t>number
    while low >= 10:
        count += 2
        memcpy(end - count, PAIRS + low % 100 * 2, 2)
        low //= 100
    if low or not count:
        count += 1
        end[-count] = <char>(48 + low)
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


cdef int put_plain(Octets out, text) except -1:
    """UTF-8; what UTF-8 cannot hold is written as its escape."""
    cdef bytes data = (<str?>text).encode("utf-8", "backslashreplace")
    return put_octets(out, PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data)) if data else 0


cdef int put_quoted(Octets out, text) except -1:
    cdef Py_ssize_t size = 0
    cdef const char *data
    if type(text) is str and PyUnicode_IS_COMPACT_ASCII(text):
        return put_between_quotes(out, <const char *>PyUnicode_1BYTE_DATA(text), PyUnicode_GET_LENGTH(text))
    try:
        data = PyUnicode_AsUTF8AndSize(<str?>text, &size)
    except UnicodeEncodeError:
        return put_plain(out, dumps(text))  # which leaves a lone surrogate as it is
    return put_between_quotes(out, data, size)


cdef int put_between_quotes(Octets out, const char *data, Py_ssize_t size) except -1:
    cdef Py_ssize_t index, count
    cdef char *at = out.space(size * 6 + 2)
    cdef unsigned char byte
    at[0] = 34
    count = 1
    for index in range(size):
        byte = <unsigned char>data[index]
        at[count] = <char>byte
        count += 1
        if byte < 0x20 or byte == 34 or byte == 92:
            count += put_escape(at + count - 1, byte) - 1
    at[count] = 34
    out.size += count + 1
    return 0


cdef int put_optional(Octets out, text) except -1:
    return put_octets(out, b"null", 4) if text is None else put_quoted(out, text)


cdef int put_number(Octets out, object integer) except -1:
    cdef int overflow = 0
    cdef long long number = PyLong_AsLongLongAndOverflow(integer, &overflow)
    return put_plain(out, str(integer)) if overflow else put_integer(out, number, 0)


cdef int put_integer(Octets out, int64_t number, int places) except -1:
    """An integer, the last `places` digits of it behind a point."""
    cdef char digits[2 * MOST_DIGITS]
    cdef char *end = digits + 2 * MOST_DIGITS
    cdef int count
    cdef uint64_t size = <uint64_t>number if number >= 0 else -<uint64_t>number
    count = put_digits_of(end, size)
    while count <= places:
        count += 1
        end[-count] = 48
    if places:
        count += 1
        memmove(end - count, end - count + 1, count - 1 - places)
        end[-places - 1] = 46
    if number < 0:
        count += 1
        end[-count] = 45
    return put_octets(out, end - count, count)


cdef int put_value(Octets out, value) except -1:
    cdef int exponent
    kind = type(value)
    if kind is int:
        return put_number(out, value)
    if kind is Number:
        exponent = (<Number>value).exponent
        if -MOST_PLACES <= exponent <= 0 and (<Number>value).large is None:
            return put_integer(out, (<Number>value).small, -exponent)
        return put_plain(out, str(value))
    if value is None or kind is str:
        return put_optional(out, value)
    if kind is bool:
        return put_octets(out, b"1" if value else b"0", 1)
    return put_plain(out, dumps(value))


cdef int put_json(Octets out, Reading reading) except -1:
    cdef Signal signal = reading.signal
    if signal is None:
        refuse()
    put_known(out, &WHOSE, b'{"device":', signal.device_alias, b',"signal":')
    put_quoted(out, signal.alias)
    return put_what_was_read(out, reading)


cdef int put_known(Octets out, Known *known, const char *before, text, const char *after) except -1:
    """A text, or null, between its neighbours, which are the same for all that are kept there."""
    cdef Py_ssize_t start = out.size
    if known.text == <PyObject *>text:
        return put_octets(out, known.octets, known.size)
    put_octets(out, before, strlen(before))
    put_optional(out, text)
    put_octets(out, after, strlen(after))
    if out.size - start <= MOST_COMMON:
        known.size = out.size - start
        memcpy(known.octets, out.at + start, known.size)
        Py_INCREF(text)
        Py_XDECREF(known.text)
        known.text = <PyObject *>text
    return 0


cdef int put_what_was_read(Octets out, Reading reading) except -1:
    """All but whose reading it is, and the end of the object."""
    put_octets(out, b',"value":', 9)
    put_value(out, reading.value)
    put_known(out, &UNIT, b',"unit":', reading.unit, b',"time_ms":')
    if (
        reading.meter_time is None and reading.reason is None and reading.quality is GOOD_QUALITY
        and reading.raw is None
    ):
        return put_good_end(out, reading.time_ms)
    put_integer(out, reading.time_ms, 0)
    put_octets(out, b',"meter_time":', 14)
    put_optional(out, reading.meter_time)
    put_octets(out, b',"quality":', 11)
    put_quoted(out, reading.quality)
    put_octets(out, b',"reason":', 10)
    put_optional(out, reading.reason)
    if reading.raw is not None:
        put_raw(out, reading.raw)
    return put_octets(out, b"}", 1)


cdef int put_good_end(Octets out, int64_t time_ms) except -1:
    """As nearly every line ends."""
    global GOOD_MS, GOOD_SIZE
    cdef Py_ssize_t start = out.size
    if time_ms == GOOD_MS and GOOD_SIZE:
        return put_octets(out, GOOD_END, GOOD_SIZE)
    put_integer(out, time_ms, 0)
    put_octets(out, b',"meter_time":null,"quality":"good","reason":null}', 50)
    GOOD_SIZE = out.size - start
    memcpy(GOOD_END, out.at + start, GOOD_SIZE)
    GOOD_MS = time_ms
    return 0


cdef int put_raw(Octets out, Reading raw) except -1:
    """What the meter itself gave, of a signal that is recalculated."""
    put_octets(out, b',"raw_value":', 13)
    put_value(out, raw.value)
    put_octets(out, b',"raw_unit":', 12)
    return put_optional(out, raw.unit)


def json_by_signal(list numbered not None, int64_t clock_set_ms):
    cdef Octets text = Octets()
    cdef Reading reading
    cdef Py_ssize_t index
    for index in range(PyList_GET_SIZE(numbered)):
        pair = <tuple?>numbered[index]
        reading = made_finite(<Reading?>(<tuple>pair)[1])
        if reading.signal is None:
            refuse()
        if index:
            put_octets(text, b",", 1)
        put_quoted(text, reading.signal.alias)
        put_octets(text, b':{"seq":', 8)
        put_number(text, (<tuple>pair)[0])
        if reading.time_ms < clock_set_ms:
            put_octets(text, b',"clock":"unset"', 16)
        put_what_was_read(text, reading)
    return PyBytes_FromStringAndSize(text.at, text.size)


def json_line(Reading reading not None):
    cdef Octets text = Octets()
    put_json(text, made_finite(reading))
    return PyBytes_FromStringAndSize(text.at, text.size).decode("utf-8")
