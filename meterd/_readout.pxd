"""Characters of IEC 62056-21 and its bounds, shared by the modules `_readout_*`.

What the four together are for: cut what an optical head or a gateway delivers into messages, verify them, and take a
read-out of some hundred lines apart in one pass, while it arrives: at 300 baud a list takes minutes and may be stopped
half-way.
Assumptions: characters are 7-bit (parity checked by the port or by `strip_parity`) or plain bytes.
Standard: IEC 62056-21 clauses 5.9 (block check), 6.3 (messages) and 6.4 (syntax of the data block).
Dirt they must survive: noise, NULs, echoes of requests and acknowledgements before a message; a block check that is any
byte, also LF or ETX; blocks without STX; '!' behind the last data set of a line; '/' within values; several groups on
an address, and on none; bare LF as line end; NUL and 0xFF within values; parentheses that never close; lines and
blocks without end.
"""

from cpython.unicode cimport PyUnicode_1BYTE_DATA, PyUnicode_DecodeLatin1, PyUnicode_New
from libc.string cimport memchr, memcpy

cdef enum:
    SOH = 0x01
    STX = 0x02
    ETX = 0x03
    EOT = 0x04
    ACK = 0x06
    LF = 0x0A
    CR = 0x0D
    NAK = 0x15
    BLANK = 0x20
    DAMAGED = 0x80         # set in a 7-bit character whose parity was wrong
    BLOCK_LIMIT = 524288
    LINE_LIMIT = 256


cdef inline bint is_letter(unsigned char byte) noexcept:
    return 0x41 <= byte & 0xDF <= 0x5A and byte < DAMAGED


cdef inline bint is_printable(unsigned char byte) noexcept:
    return BLANK <= byte < 0x7F


cdef inline bint has_damage(const unsigned char *data, Py_ssize_t length) noexcept:
    """Whether any byte has bit 7 set: looked at a word at a time."""
    cdef size_t words = 0, word
    cdef unsigned char rest = 0
    while length >= <Py_ssize_t>sizeof(word):
        memcpy(&word, data, sizeof(word))
        words |= word
        data += sizeof(word)
        length -= sizeof(word)
    while length > 0:
        length -= 1
        rest |= data[length]
    return words & <size_t>-1 // 0xFF * DAMAGED != 0 or rest & DAMAGED != 0


cdef inline object as_text(const unsigned char *data, Py_ssize_t length, bint maybe_damaged):
    """Latin-1 to a string; the characters of nearly all meters are ASCII, and copying those is all there is to do."""
    cdef object text
    if length < 2 or maybe_damaged and has_damage(data, length):
        return PyUnicode_DecodeLatin1(<const char *>data, length, NULL)
    text = PyUnicode_New(length, 0x7F)
    memcpy(PyUnicode_1BYTE_DATA(text), data, length)
    return text


cdef inline Py_ssize_t first_of(const unsigned char *data, Py_ssize_t at, Py_ssize_t end, unsigned char byte) noexcept:
    """Where `byte` stands first between `at` and `end`; `end` if nowhere."""
    cdef const unsigned char *found
    if at >= end:
        return end
    found = <const unsigned char *>memchr(data + at, byte, end - at)
    return end if found == NULL else found - data
