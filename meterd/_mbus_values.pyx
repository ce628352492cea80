"""M-Bus data records: the bytes of one record to an exact value.

The problem: 13 codings of numbers, texts and times, scaled by powers of ten that several VIFE may change.
Assumptions: `_mbus_records` has cut the record, so its data has the size that its coding demands. All values are worked
out at once: what a device does not want costs less than to ask, for each of them, whether it has been.
Standard: EN 13757-3 clause 6.3 (coding of data), annex A (data types), annex B (hexadecimal digits in BCD).
Dirt it must survive: error displays in BCD, reserved "no value" codes, infinities, dates that no calendar has.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING
from cpython.ref cimport Py_REFCNT
from cpython.unicode cimport PyUnicode_1BYTE_DATA, PyUnicode_DecodeLatin1, PyUnicode_New
from libc.string cimport memcpy

from ._input cimport HELD_HERE
from ._mbus_times cimport printed_bcd_time, printed_time
from ._number cimport Number

SIGNED = SIGNED_KIND
UNSIGNED = UNSIGNED_KIND
TIME = TIME_KIND
OCTETS = OCTETS_KIND

cdef const char *HEX_DIGITS = b"0123456789ABCDEF"
cdef long long MOST_MULTIPLIED = 1LL << 32  # times any factor of a `Meaning` it is a number of 64 bits
cdef tuple FUNCTIONS = (
    "instantaneous", "maximum", "minimum", "error", "manufacturer", "more_follow", "reserved", "damaged",
)

# (quality, reason, remark) of a record without a value
cdef tuple NO_DATA_THERE = ("invalid", "not_found", "the record carries no data")
cdef tuple MARKED_INVALID = ("invalid", "type", "the meter marks the value as invalid")
cdef tuple NO_TIME_CODING = ("invalid", "type", "no time is coded like this")
cdef tuple UNSET_TIME = ("invalid", "clock", "the time is unset")
cdef tuple INVALID_TIME = ("invalid", "clock", "the meter marks the time as invalid")


@cython.final
cdef class Meaning:
    def __init__(
        self, str quantity not None, unit=None, int exponent=0, *, int factor=1, offset=None, int kind=SIGNED_KIND,
        tuple qualifiers=(), error=None,
    ):
        self.quantity = quantity
        self.unit = unit
        self.exponent = exponent
        self.factor = factor
        self.offset = offset
        self.kind = kind
        self.qualifiers = qualifiers
        self.error = error


@cython.final
@cython.no_gc
@cython.freelist(64)
cdef class Record:
    def __init__(self):
        raise TypeError("records come out of decode_records")

    @property
    def raw(self):
        return self._source[self._start:self._end]

    @property
    def dib(self):
        return self._source[self._start:self._start + self._heading.dib]

    @property
    def vib(self):
        return self._source[self._start + self._heading.dib:self._start + self._heading.size]

    @property
    def data(self):
        return self._source[data_at(self):self._end]

    @property
    def msb_first(self):
        return self._msb_first

    @property
    def function(self):
        return FUNCTIONS[self._heading.function]

    @property
    def storage(self):
        return self._heading.storage

    @property
    def tariff(self):
        return self._heading.tariff

    @property
    def subunit(self):
        return self._heading.subunit

    @property
    def unit(self):
        return self.meaning.unit

    @property
    def quantity(self):
        return self.meaning.quantity

    @property
    def quality(self):
        return "good" if self._refusal is None else self._refusal[0]

    @property
    def reason(self):
        return None if self._refusal is None else self._refusal[1]

    @property
    def remark(self):
        return "" if self._refusal is None else self._refusal[2]


cdef int find_value(Record record, const unsigned char *data) except -1:
    """Work the value out of the record's data, which begin at `data`."""
    cdef int coding = record._heading.coding
    cdef Py_ssize_t size = record._end - data_at(record)
    cdef bytes turned
    if record._msb_first and size > 1:
        turned = record.data[::-1]
        data = <const unsigned char *>PyBytes_AS_STRING(turned)
    if record.meaning.error is not None:
        record._refusal = record.meaning.error
    elif coding == SPECIAL:
        record.value = hex_text(record)
    elif coding == NO_DATA or coding == SELECTION:
        record._refusal = NO_DATA_THERE
    elif record._heading.lvar >= 0:
        find_variable(record, data, size)
    elif record.meaning.kind == TIME_KIND:
        find_time(record, data, size)
    elif coding == REAL:
        find_real(record, real32(data))
    elif coding > 8:
        find_bcd(record, data, size, False)
    else:
        find_integer(record, data, size)
    return 0


cdef int find_integer(Record record, const unsigned char *data, Py_ssize_t size) except -1:
    cdef unsigned long long bits = little_endian(data, size)
    cdef unsigned long long sign = 1ULL << (size * 8 - 1)
    if record.meaning.kind == UNSIGNED_KIND or record.meaning.kind == OCTETS_KIND:
        return give_unsigned(record, bits)
    if bits == sign:
        # EN 13757-3:2018 annex A, type B: the most negative number says that there is none.
        record._refusal = MARKED_INVALID
        return 0
    return give_number(record, <long long>((bits ^ sign) - sign))


cdef int find_bcd(Record record, const unsigned char *data, Py_ssize_t size, bint negative) except -1:
    # Annex B: F as the highest digit is a minus; any other digit above 9 is an error display, not a number.
    cdef long long number = 0
    cdef Py_ssize_t place = size
    cdef unsigned int digits
    while place > 0:
        digits = 0
        while True:  # eight at a time, of the highest ones what is over
            place -= 1
            digits = digits << 8 | data[place]
            if place == size - 1 and digits >= 0xF0:
                negative = True
                digits &= 0x0F
            if place % 4 == 0:
                break
        if digits >> 3 & (digits >> 2 | digits >> 1) & 0x11111111:
            return find_seldom(record, "error_digits", data[:size])
        number = number * 100000000 + eight_digits(digits)
    return give_number(record, -number if negative else number)


cdef inline unsigned int eight_digits(unsigned int bcd) noexcept:
    """The number that they tell, none of them above 9: in pairs, in fours, together."""
    bcd -= 6 * (bcd >> 4 & 0x0F0F0F0F)
    bcd = (bcd & 0x00FF00FF) + 100 * (bcd >> 8 & 0x00FF00FF)
    return (bcd & 0xFFFF) + 10000 * (bcd >> 16)


cdef int find_real(Record record, double number) except -1:
    cdef Meaning meaning = record.meaning
    cdef int exponent
    if number != number or number - number != 0:
        record._refusal = MARKED_INVALID
        return 0
    exponent = meaning.exponent
    number *= meaning.factor
    number = number / 10.0**-exponent if exponent < 0 else number * 10.0**exponent
    if meaning.offset is not None:
        exponent += <int>meaning.offset
        number += 10.0**exponent
    record.value = number
    return 0


cdef int find_variable(Record record, const unsigned char *data, Py_ssize_t size) except -1:
    cdef int kind = record._heading.lvar >> 4
    if record.meaning.kind == OCTETS_KIND:
        record.value = hex_text(record)
    elif kind < 0x0C:
        find_text(record, data, size)
    elif size == 0:
        record._refusal = NO_DATA_THERE
    elif kind == 0x0C and record.meaning.kind == TIME_KIND:
        find_time(record, data, size)
    elif kind == 0x0C or kind == 0x0D:
        find_bcd(record, data, size, kind == 0x0D)
    elif record._heading.lvar == 0xF4:
        find_real(record, real32(data))
    elif record._heading.lvar == 0xF8:
        find_real(record, real64(data))
    elif record.meaning.kind == TIME_KIND:
        find_time(record, data, size)
    elif size > 8:
        find_seldom(record, "scaled", data[:size])
    else:
        give_unsigned(record, little_endian(data, size))
    return 0


cdef int find_text(Record record, const unsigned char *data, Py_ssize_t size) except -1:
    """ISO 8859-1, last character first (clause 6.3.3), filled up with NULs or blanks; anything else is bytes."""
    cdef Py_ssize_t index, first = 0, end = size
    while end > 0 and data[end - 1] == 0:
        end -= 1
    while first < end and (data[first] == 0 or data[first] == 0x20):
        first += 1
    for index in range(first, end):
        if data[index] < 0x20 or 0x7F <= data[index] <= 0x9F:
            record.value = hex_text(record)
            return 0
    index = 0
    while index < size and data[index] == 0xFF:
        index += 1
    if size and index == size:
        record._refusal = ("invalid", "not_found", "the text was never written: all its bytes are FF")
        return 0
    record.value = (PyUnicode_DecodeLatin1(<const char *>data + first, end - first, NULL))[::-1]
    return 0


cdef int find_time(Record record, const unsigned char *data, Py_ssize_t size) except -1:
    cdef bint valid = False
    if record._heading.coding > 8 and record._heading.lvar < 0 or record._heading.lvar >> 4 == 0x0C:
        record.value = printed_bcd_time(data, size)
        if record.value is None:
            record._refusal = UNSET_TIME if 2 <= size <= 6 else NO_TIME_CODING
        return 0
    if record._heading.lvar >= 0:
        return find_seldom(record, "zoned_time", data[:size])
    if record._heading.coding == REAL or record._heading.coding in (1, 7):
        record._refusal = NO_TIME_CODING
        return 0
    if size == 4:
        valid = data[0] & 0x80 == 0
    elif size == 6:
        valid = data[1] & 0x80 == 0
    else:
        valid = True
    record.value = printed_time(data, size) if valid else None
    if record.value is None:
        record._refusal = UNSET_TIME if valid else INVALID_TIME
    return 0


cdef int find_seldom(Record record, str how, object what) except -1:
    """What no quick way is worth its room for; `what` is the octets of the data or the number that they tell."""
    from . import mbus_values

    cdef tuple found = getattr(mbus_values, how)(what, record.meaning)
    record.value = found[0]
    record._refusal = found[1]
    return 0


cdef int give_unsigned(Record record, unsigned long long number) except -1:
    return find_seldom(record, "scaled", number) if number >> 63 else give_number(record, <long long>number)


cdef int give_number(Record record, long long number) except -1:
    """Exact: the number × factor × 10^exponent, and no object for it but the record's own.

    The `Number` of a record that is filled anew is so, too, where nobody else holds it.
    """
    cdef Meaning meaning = record.meaning
    cdef Number given
    former = record.value
    if meaning.factor != 1 or meaning.offset is not None:
        if meaning.offset is not None or number > MOST_MULTIPLIED or number < -MOST_MULTIPLIED:
            return find_seldom(record, "scaled", number)
        number *= meaning.factor
    if meaning.exponent == 0:
        record.value = number
        return 0
    if type(former) is Number and Py_REFCNT(former) == HELD_HERE:
        given = <Number>former
        if given.large is not None:
            given.large = None
    else:
        record.value = given = Number.__new__(Number)
    given.small = number
    given.exponent = meaning.exponent
    return 0


cdef object hex_text(Record record):
    """Two digits a byte, with blanks between, made in one piece: manufacturers fill half a telegram with theirs."""
    cdef const unsigned char *octets = <const unsigned char *>PyBytes_AS_STRING(record._source)
    cdef Py_ssize_t start = data_at(record), end = record._end
    cdef object text
    cdef char *at
    if start >= end:
        return ""
    text = PyUnicode_New(3 * (end - start) - 1, 0x7F)
    at = <char *>PyUnicode_1BYTE_DATA(text)
    while start < end:
        at[0] = HEX_DIGITS[octets[start] >> 4]
        at[1] = HEX_DIGITS[octets[start] & 0x0F]
        start += 1
        if start < end:
            at[2] = c" "
        at += 3
    return text


cdef inline unsigned long long little_endian(const unsigned char *data, Py_ssize_t size) noexcept:
    cdef unsigned long long bits = 0
    while size > 0:
        size -= 1
        bits = bits << 8 | data[size]
    return bits


cdef inline double real32(const unsigned char *data) noexcept:
    cdef unsigned int bits = <unsigned int>little_endian(data, 4)
    cdef float number
    memcpy(&number, &bits, 4)
    return number


cdef inline double real64(const unsigned char *data) noexcept:
    cdef unsigned long long bits = little_endian(data, 8)
    cdef double number
    memcpy(&number, &bits, 8)
    return number
