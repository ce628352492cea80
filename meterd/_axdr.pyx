"""COSEM data in A-XDR: octets to values (Green Book 9.5; IEC 62056-5-3, type Data; IEC 61334-6).

The problem: a value is a type tag and its contents, nested at will. Assumptions: the octets are whole (link, block
transfer and ciphering are done), lengths and counts are the meter's word and may lie. Dirt: truncated strings, counts
larger than the message, nesting without end, compact arrays whose elements have no size; each is a DecodeError.
Every octet is read through `need`: `take`, or a DecodeError.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.list cimport PyList_New, PyList_SET_ITEM
from cpython.ref cimport Py_INCREF
from cpython.tuple cimport PyTuple_New, PyTuple_SET_ITEM
from cpython.unicode cimport PyUnicode_DecodeLatin1
from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint32_t, uint64_t
from libc.string cimport memcpy

from ._input cimport input_of, left, take

from .cosem import BitString, Date, DateTime, Delta, Time
from .errors import DecodeError

# The deepest object that Blue Book classes define is nested 6 times; each level costs a C stack frame.
MAX_DEPTH = 16
# A year of a quarter-hourly profile of six columns; a compact array could otherwise multiply itself without end.
MAX_ELEMENTS = 262144

cdef int[6] NUMBER_OF_DELTA = [INTEGER, LONG, DOUBLE_LONG, UNSIGNED8, LONG_UNSIGNED, DOUBLE_LONG_UNSIGNED]
cdef int DEPTH_LIMIT = MAX_DEPTH
cdef Py_ssize_t ELEMENT_LIMIT = MAX_ELEMENTS

cdef const unsigned char *cut_short(Source *source, Py_ssize_t count) except NULL:
    raise DecodeError(f"{count} octets announced, {left(&source.rest)} left")


cdef inline const unsigned char *need(Source *source, Py_ssize_t count) except NULL:
    cdef const unsigned char *start = take(&source.rest, count)
    return cut_short(source, count) if start == NULL else start


cdef int open_source(Source *source, bytes data, Py_ssize_t offset, bint typed) except -1:
    source.rest = input_of(data)
    source.elements_left = ELEMENT_LIMIT
    source.typed = typed
    need(source, offset)
    return 0


cdef inline uint64_t take_unsigned(Source *source, int width) except? 0xFFFFFFFFFFFFFFFF:
    cdef const unsigned char *octets = need(source, width)
    cdef uint64_t number = 0
    cdef int index
    for index in range(width):
        number = number << 8 | octets[index]
    return number


cdef inline uint32_t take_unsigned32(Source *source) except? 0xFFFFFFFF:
    cdef const unsigned char *octets = need(source, 4)
    return <uint32_t> octets[0] << 24 | <uint32_t> octets[1] << 16 | <uint32_t> octets[2] << 8 | octets[3]


cdef inline Py_ssize_t take_length(Source *source) except -1:
    """A length or count: one octet below 0x80, or 0x81 to 0x84 and as many octets (IEC 61334-6, 6.2)."""
    cdef int first = need(source, 1)[0]
    if first < 0x80:
        return first
    if not 0x81 <= first <= 0x84:
        raise DecodeError(f"length octet {first:#04x} is not allowed")
    cdef uint64_t length = take_unsigned(source, first - 0x80)
    if length > <uint64_t> left(&source.rest) * 8:
        raise DecodeError(f"length {length} announced, {left(&source.rest)} octets left")
    return <Py_ssize_t> length


cdef Py_ssize_t count_elements(Source *source, Py_ssize_t count) except -1:
    """Held against the total: nothing is allocated for elements that cannot all come."""
    if count > source.elements_left:
        raise DecodeError(f"more than {ELEMENT_LIMIT} elements")
    source.elements_left -= count
    return count


cdef object real(Source *source, int tag):
    cdef uint32_t single_bits
    cdef uint64_t bits
    cdef float single
    cdef double number
    if tag == FLOAT32:
        single_bits = take_unsigned32(source)
        memcpy(&single, &single_bits, 4)
        return single
    bits = take_unsigned(source, 8)
    memcpy(&number, &bits, 8)
    return number


cdef object bcd(Source *source):
    cdef int octet = need(source, 1)[0]
    if octet & 0x0F > 9 or octet >> 4 > 9:
        raise DecodeError(f"{octet:#04x} is not BCD")
    return (octet >> 4) * 10 + (octet & 0x0F)


cdef inline object octets(Source *source, Py_ssize_t count):
    return PyBytes_FromStringAndSize(<const char *> need(source, count), count)


cdef object bit_string(Source *source):
    cdef Py_ssize_t bits = take_length(source)
    cdef bytes raw = octets(source, (bits + 7) // 8)
    return BitString(format(int.from_bytes(raw, "big"), "b").zfill(8 * len(raw))[:bits] if bits else "")


cdef object visible_string(Source *source):
    """Latin-1, which keeps every octet of the code pages that meters really use."""
    cdef Py_ssize_t count = take_length(source)
    return PyUnicode_DecodeLatin1(<char *> need(source, count), count, NULL)


cdef object utf8_string(Source *source):
    cdef bytes raw = octets(source, take_length(source))
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DecodeError(f"utf8-string: {error.reason}") from None


cdef object number(Source *source, int tag):
    if tag == DOUBLE_LONG_UNSIGNED:
        return take_unsigned32(source)
    if tag == LONG_UNSIGNED:
        return <int> take_unsigned(source, 2)
    if tag == UNSIGNED8 or tag == ENUM:
        return <int> need(source, 1)[0]
    if tag == LONG64_UNSIGNED:
        return take_unsigned(source, 8)
    if tag == DOUBLE_LONG:
        return <int32_t> take_unsigned32(source)
    if tag == LONG:
        return <int16_t> take_unsigned(source, 2)
    if tag == INTEGER:
        return <int8_t> need(source, 1)[0]
    if tag == LONG64:
        return <int64_t> take_unsigned(source, 8)
    return real(source, tag)


cdef object text(Source *source, int tag):
    if tag == VISIBLE_STRING:
        return visible_string(source)
    if tag == DATE_TIME:
        return DateTime(octets(source, 12))
    if tag == DATE:
        return Date(octets(source, 5))
    if tag == TIME_OF_DAY:
        return Time(octets(source, 4))
    if tag == BIT_STRING:
        return bit_string(source)
    if tag == UTF8_STRING:
        return utf8_string(source)
    if tag == BOOLEAN:
        return need(source, 1)[0] != 0
    if tag == BCD:
        return bcd(source)
    if DELTA_INTEGER <= tag <= DELTA_DOUBLE_LONG_UNSIGNED:
        return Delta(number(source, NUMBER_OF_DELTA[tag - DELTA_INTEGER]))
    raise DecodeError(f"data type {tag} is not known")


cdef object container(Source *source, int tag, int depth):
    if depth >= DEPTH_LIMIT:
        raise DecodeError(f"nested more than {DEPTH_LIMIT} deep")
    if tag == COMPACT_ARRAY:
        return compact_array(source, depth)
    cdef Py_ssize_t count = take_length(source)
    if count > left(&source.rest):
        raise DecodeError(f"{count} elements announced, {left(&source.rest)} octets left")
    count_elements(source, count)
    if tag == ARRAY or source.typed:
        return list_of(source, count, depth + 1)
    return tuple_of(source, count, depth + 1)


cdef list list_of(Source *source, Py_ssize_t count, int depth):
    cdef list elements = PyList_New(count)
    cdef Py_ssize_t index
    cdef object element
    for index in range(count):
        element = value(source, depth)
        Py_INCREF(element)  # the list steals the reference
        PyList_SET_ITEM(elements, index, element)
    return elements


cdef tuple tuple_of(Source *source, Py_ssize_t count, int depth):
    cdef tuple elements = PyTuple_New(count)
    cdef Py_ssize_t index
    cdef object element
    for index in range(count):
        element = value(source, depth)
        Py_INCREF(element)
        PyTuple_SET_ITEM(elements, index, element)
    return elements


cdef object contents(Source *source, int tag, int depth):
    """What follows a type tag, or stands for itself in a compact array."""
    if tag == OCTET_STRING:
        return octets(source, take_length(source))
    if tag == DOUBLE_LONG or tag == DOUBLE_LONG_UNSIGNED or INTEGER <= tag <= LONG_UNSIGNED or LONG64 <= tag <= FLOAT64:
        return number(source, tag)
    if tag == ARRAY or tag == STRUCTURE or tag == COMPACT_ARRAY:
        return container(source, tag, depth)
    if tag == NULL_DATA or tag == DONT_CARE:
        return None
    return text(source, tag)


cdef object value(Source *source, int depth):
    cdef int tag = need(source, 1)[0]
    if source.typed:
        return (tag, contents(source, tag, depth))
    if tag == DOUBLE_LONG_UNSIGNED:  # most of what a profile holds, spared the way through the tables
        return take_unsigned32(source)
    return contents(source, tag, depth)


cdef bint is_empty(object kind):
    """Whether a value so described takes no octets at all, so that nothing would bound how many there are."""
    if not isinstance(kind, tuple):
        return kind == NULL_DATA or kind == DONT_CARE
    if kind[0] == ARRAY:
        return kind[1] == 0
    for element in kind[1]:
        if not is_empty(element):
            return False
    return True


cdef object description(Source *source, int depth):
    """A TypeDescription: a tag, (ARRAY, count, description) or (STRUCTURE, [descriptions])."""
    if depth >= DEPTH_LIMIT:
        raise DecodeError(f"nested more than {DEPTH_LIMIT} deep")
    cdef int tag = need(source, 1)[0]
    cdef Py_ssize_t count
    if tag == ARRAY:
        count = <Py_ssize_t> take_unsigned(source, 2)
        inner = description(source, depth + 1)
        if count and is_empty(inner):
            raise DecodeError("the elements of an array have no size")
        return (ARRAY, count, inner)
    if tag == STRUCTURE:
        count = take_length(source)
        if count > left(&source.rest):
            raise DecodeError(f"{count} types announced, {left(&source.rest)} octets left")
        count_elements(source, count)
        return (STRUCTURE, [description(source, depth + 1) for _ in range(count)])
    if tag == COMPACT_ARRAY:
        raise DecodeError("a compact array cannot hold another")
    return tag


cdef object described(Source *source, object kind, int depth):
    cdef list elements
    cdef int tag
    if not isinstance(kind, tuple):
        tag = kind
        elements = None
        found = contents(source, tag, depth)
    elif kind[0] == ARRAY:
        tag = ARRAY
        if kind[1] > left(&source.rest):
            raise DecodeError(f"{kind[1]} elements announced, {left(&source.rest)} octets left")
        count_elements(source, kind[1])
        elements = [described(source, kind[2], depth + 1) for _ in range(kind[1])]
        found = elements
    else:
        tag = STRUCTURE
        count_elements(source, len(kind[1]))
        elements = [described(source, element, depth + 1) for element in kind[1]]
        found = elements if source.typed else tuple(elements)
    return (tag, found) if source.typed else found


cdef object compact_array(Source *source, int depth):
    cdef object kind = description(source, depth + 1)
    cdef Py_ssize_t size = take_length(source)
    cdef Source inner = source[0]
    cdef list elements = []
    inner.rest.at = need(source, size)
    inner.rest.end = inner.rest.at + size
    if size and is_empty(kind):
        raise DecodeError("the elements of a compact array have no size")
    while left(&inner.rest):
        count_elements(&inner, 1)
        elements.append(described(&inner, kind, depth + 1))
    source.elements_left = inner.elements_left
    return (kind, elements) if source.typed else elements


cdef int end(Source *source) except -1:  # zeros behind a value are padding; anything else may be its rest
    if left(&source.rest) and PyBytes_FromStringAndSize(<const char *> source.rest.at, left(&source.rest)).strip(b"\0"):
        raise DecodeError(f"{left(&source.rest)} octets left over")
    return 0


def decode(bytes data not None, Py_ssize_t offset=0):
    """The value that starts at `offset`, and the offset behind it.

    null-data and don't-care None; numbers int or float; octet-string bytes; visible- and utf8-string str; bit-string
    `BitString`; date-time, date, time `DateTime`, `Date`, `Time`; array and compact-array list; structure tuple.
    Raises: DecodeError.
    """
    cdef Source source
    open_source(&source, data, offset, False)
    found = value(&source, 0)
    return found, PyBytes_GET_SIZE(data) - left(&source.rest)


def decode_whole(bytes data not None, Py_ssize_t offset=0):
    """The value that fills `data` from `offset` to its end, or to its padding. Raises: DecodeError."""
    cdef Source source
    open_source(&source, data, offset, False)
    found = value(&source, 0)
    end(&source)
    return found


def decode_typed(bytes data not None, Py_ssize_t offset=0):
    """`(tag, value)` at `offset`, and the offset behind it; elements are `(tag, value)` too, in lists.

    A compact array's value is `(description, elements)`. `encode(*typed)` gives the octets back.
    """
    cdef Source source
    open_source(&source, data, offset, True)
    found = value(&source, 0)
    return found, PyBytes_GET_SIZE(data) - left(&source.rest)


cdef object result(Source *source):
    """Get-Data-Result, as in Read-Response (0 data, 1 data-access-result): `(code, value)`; mostly an integer alone."""
    cdef int code, choice = need(source, 1)[0]
    if choice == 0:
        found = value(source, 0)
        return found if type(found) is int else (0, found)
    if choice != 1:
        raise DecodeError(f"result choice {choice} is not known")
    code = need(source, 1)[0]
    if code == 0:
        raise DecodeError("a result says success and carries no data")
    return (code, None)


def decode_results(bytes data not None, Py_ssize_t offset, Py_ssize_t count):
    """`count` results from `offset`: `(0, value)` or `(data-access-result, None)` each; and the offset behind them."""
    cdef Source source
    open_source(&source, data, offset, False)
    if not 0 <= count <= left(&source.rest):
        raise DecodeError(f"{count} results announced, {left(&source.rest)} octets left")
    cdef list found = [as_pair(result(&source)) for _ in range(count)]
    return found, PyBytes_GET_SIZE(data) - left(&source.rest)


cdef tuple as_pair(found):
    return <tuple>found if type(found) is tuple or found is None else (0, found)


def get_response_normal(bytes apdu not None, int invoke=ANY_INVOKE):
    return as_pair(response_normal(apdu, 0, invoke))


cdef bint begins(Source *source, bytes octets, Py_ssize_t start, int kind, int invoke) except -1:
    """Whether a GET.response of that kind begins at `start` that answers `invoke`; what is read next is its body.

    `invoke` is the invoke-id-and-priority of the request; of it, meters give back the invoke id alone.
    """
    cdef const unsigned char *head
    open_source(source, octets, start, False)
    head = take(&source.rest, 3)
    if head == NULL or head[0] != GET_RESPONSE or head[1] != kind:
        return False
    return invoke == ANY_INVOKE or not (head[2] ^ invoke) & INVOKE_ID_MASK


cdef object response_normal(bytes octets, Py_ssize_t start, int invoke):
    """The `result` in a GET.response-normal from `start` on; None if the APDU is another or answers another."""
    cdef Source source
    if not begins(&source, octets, start, GET_NORMAL, invoke):
        return None
    answer = result(&source)
    end(&source)
    return answer


def decode_length(bytes data not None, Py_ssize_t offset):
    """A length or count at `offset`, and the offset behind it; what it announces fits into `data`, bits counted."""
    cdef Source source
    open_source(&source, data, offset, False)
    cdef Py_ssize_t length = take_length(&source)
    return length, PyBytes_GET_SIZE(data) - left(&source.rest)
