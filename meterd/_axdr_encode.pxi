"""COSEM values to octets in A-XDR: the way back, part of `_core.pyx` (Green Book 9.5; IEC 61334-6).

The problem: requests and a simulated meter's answers. Assumption: the caller's values fit their types; those that do
not are a ValueError, OverflowError or TypeError, since no octets from a line get here.
"""


def encode_length(Py_ssize_t length):
    """A length or count in as few octets as can be."""
    if length < 0x80:
        return bytes((length,))
    if length < 0x100:
        return bytes((0x81, length))
    if length < 0x10000:
        return bytes((0x82, length >> 8, length & 0xFF))
    return b"\x84" + length.to_bytes(4, "big")


cdef dict INTEGER_WIDTHS = {
    BOOLEAN: (1, False), DOUBLE_LONG: (4, True), DOUBLE_LONG_UNSIGNED: (4, False), INTEGER: (1, True), LONG: (2, True),
    UNSIGNED8: (1, False), LONG_UNSIGNED: (2, False), LONG64: (8, True), LONG64_UNSIGNED: (8, False), ENUM: (1, False),
}
cdef dict OCTET_WIDTHS = {DATE_TIME: 12, DATE: 5, TIME_OF_DAY: 4}


cdef bytes encode_float(int tag, double number):
    cdef float single = <float> number
    cdef uint32_t single_bits
    cdef uint64_t bits
    if tag == FLOAT32:
        memcpy(&single_bits, &single, 4)
        return int(single_bits).to_bytes(4, "big")
    memcpy(&bits, &number, 8)
    return int(bits).to_bytes(8, "big")


cdef bytes encode_bits(object bits):
    cdef Py_ssize_t width = (len(bits) + 7) // 8
    return encode_length(len(bits)) + (int(bits.ljust(8 * width, "0"), 2).to_bytes(width, "big") if bits else b"")


cdef bytes encode_description(object kind):
    if not isinstance(kind, tuple):
        return bytes((kind,))
    if kind[0] == ARRAY:
        return b"\x01" + kind[1].to_bytes(2, "big") + encode_description(kind[2])
    return b"\x02" + encode_length(len(kind[1])) + b"".join([encode_description(element) for element in kind[1]])


cdef bytes encode_described(object kind, tuple typed):
    if not isinstance(kind, tuple):
        return encode_contents(typed[0], typed[1])
    cdef list elements = typed[1]
    cdef list kinds = [kind[2]] * kind[1] if kind[0] == ARRAY else kind[1]
    return b"".join([encode_described(inner, element) for inner, element in zip(kinds, elements, strict=True)])


cdef bytes encode_compact(tuple compact):
    kind, elements = compact
    inner = b"".join([encode_described(kind, element) for element in elements])
    return encode_description(kind) + encode_length(len(inner)) + inner


cdef bytes encode_string(int tag, object string):
    if tag == VISIBLE_STRING:
        string = string.encode("latin-1")
    elif tag == UTF8_STRING:
        string = string.encode("utf-8")
    return encode_length(len(string)) + string


cdef bytes encode_contents(int tag, object value):
    """What follows the type tag; see `encode`."""
    if tag in INTEGER_WIDTHS:
        width, signed = INTEGER_WIDTHS[tag]
        return int(value).to_bytes(width, "big", signed=signed)
    if tag in (OCTET_STRING, VISIBLE_STRING, UTF8_STRING):
        return encode_string(tag, value)
    if tag in (ARRAY, STRUCTURE):
        return encode_length(len(value)) + b"".join([encode(*element) for element in value])
    if tag in (NULL_DATA, DONT_CARE):
        return b""
    if tag in OCTET_WIDTHS and len(value) == OCTET_WIDTHS[tag]:
        return bytes(value)
    if tag in (FLOAT32, FLOAT64):
        return encode_float(tag, value)
    if tag == BIT_STRING:
        return encode_bits(value)
    if tag == BCD and 0 <= value <= 99:
        return bytes((value // 10 << 4 | value % 10,))
    if tag == COMPACT_ARRAY:
        return encode_compact(value)
    raise ValueError(f"data type {tag} cannot hold this value")


def encode(int tag, object value=None):
    """The octets of one value: `encode(STRUCTURE, [(LONG, -1), (ENUM, 30)])`; takes what `decode_typed` gives.

    Raises: ValueError, OverflowError, TypeError where the caller's value does not fit its type.
    """
    return bytes((tag,)) + encode_contents(tag, value)
