"""Check characters of the wire protocols, and parity done in software.

The problem: a frame of some twenty bytes is checked for every register read, a read-out of some thousand bytes for
every scan, and a port that cannot do seven data bits leaves parity to us.
Assumptions: frames are short, so the price of a call counts as much as the price of a byte; and the data cache of a
gateway is small, so CRCs do without tables of their own.
Standards: ISO/IEC 13239 (CRC-16/X-25, check value 0x906E), ISO 1155 (BCC), EN 13757-2 (check sum), ISO 1177 (7E1), DSMR
P1 companion standard 5.2 (CRC-16/ARC, check value 0xBB3D).
Dirt it must survive: any bytes of any length, also none.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport uint32_t
from libc.string cimport memcpy

cdef size_t EVERY_OTHER_BYTE = <size_t>-1 // 0xFFFF * 0xFF
cdef enum:
    ODD_BYTE = 0xC001   # what CRC-16/ARC makes of a byte with odd parity, besides the byte itself
    WORDS_A_LANE = 128  # two bytes of each word go into a lane: 128 x 510 is below 65,536

cdef unsigned char EVEN[256]  # the 7 bits of the index with even parity in bit 7


cdef void fill_table() noexcept:
    cdef unsigned int index, _bit, parity
    for index in range(256):
        parity = 0
        for _bit in range(7):
            parity ^= index >> _bit & 1
        EVEN[index] = <unsigned char>(index & 0x7F | parity << 7)


fill_table()


cdef inline uint32_t remainder(uint32_t bits) noexcept:
    """32 bits of a message times x^16, modulo x^16 + x^12 + x^5 + 1; the lowest bit is the first on the wire.

    With y for 1/x the quotient is the message times 1 / (1 + y^4 + y^11 + y^16). Modulo 2 the reciprocal of 1 + f is
    (1 + f)(1 + f^2)(1 + f^4)..., of which 32 bits take three factors: shifts instead of table and waits for memory.
    """
    cdef uint32_t quotient = bits ^ bits << 4 ^ bits << 11 ^ bits << 16
    quotient ^= quotient << 8 ^ quotient << 22
    quotient = quotient >> 16 ^ quotient & 0xFFFF  # the third factor, 1 + y^16, and of its product the upper half
    return quotient ^ quotient >> 5 ^ quotient >> 12


cdef unsigned int fcs16_update(const unsigned char *data, Py_ssize_t length, unsigned int crc) noexcept:
    """Carry the register of a CRC-16/X-25 (not inverted) over further bytes: four at a time, then the rest at once."""
    cdef uint32_t bits = 0
    cdef Py_ssize_t free = 32
    while length >= 4:
        bits = data[0] | <uint32_t>data[1] << 8 | <uint32_t>data[2] << 16 | <uint32_t>data[3] << 24
        crc = remainder(bits ^ crc)
        data += 4
        length -= 4
    if length <= 0:
        return crc
    bits = 0
    while length > 0:
        bits = bits >> 8 | <uint32_t>data[0] << 24
        data += 1
        length -= 1
        free -= 8
    # Zeros before a message change nothing. Of the register, what goes beyond a single byte is only moved down.
    return remainder(bits ^ <uint32_t>crc << free) ^ crc >> 32 - free


cdef unsigned int arc_update(const unsigned char *data, Py_ssize_t length, unsigned int crc) noexcept:
    """Carry the register of a CRC-16/ARC over further bytes.

    Its polynomial x^16 + x^15 + x^2 + 1 is (x + 1)(x^15 + x + 1): of a byte is left what the second factor makes of it,
    which are two shifts, and its parity, which is what the first one tells.
    """
    cdef unsigned int byte
    while length > 0:
        byte = (crc ^ data[0]) & 0xFF
        crc = crc >> 8 ^ byte << 6 ^ byte << 7
        if (EVEN[byte] ^ byte) & 0x80:
            crc ^= ODD_BYTE
        data += 1
        length -= 1
    return crc


cdef unsigned int xor_of(const unsigned char *data, Py_ssize_t length) noexcept:
    """The exclusive or of all bytes: a word at a time, then the bytes of the word."""
    cdef size_t words = 0, word
    cdef unsigned int result = 0
    while length >= <Py_ssize_t>sizeof(word):
        memcpy(&word, data, sizeof(word))
        words ^= word
        data += sizeof(word)
        length -= sizeof(word)
    while words:
        result ^= words & 0xFF
        words >>= 8
    while length > 0:
        length -= 1
        result ^= data[length]
    return result


cdef unsigned int sum_of(const unsigned char *data, Py_ssize_t length) noexcept:
    """The sum of all bytes, modulo 256: a word at a time in lanes of 16 bits, emptied before one can run over."""
    cdef size_t lanes, word
    cdef unsigned int result = 0
    cdef int room
    while length >= <Py_ssize_t>sizeof(word):
        lanes = 0
        room = WORDS_A_LANE
        while room and length >= <Py_ssize_t>sizeof(word):
            memcpy(&word, data, sizeof(word))
            lanes += (word & EVERY_OTHER_BYTE) + (word >> 8 & EVERY_OTHER_BYTE)
            data += sizeof(word)
            length -= sizeof(word)
            room -= 1
        while lanes:
            result += lanes & 0xFFFF
            lanes >>= 16
    while length > 0:
        length -= 1
        result += data[length]
    return result & 0xFF


def fcs16(bytes data not None, unsigned int start=0xFFFF):
    return fcs16_update(<const unsigned char *>PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data), start & 0xFFFF) ^ 0xFFFF


def crc16(bytes data not None, unsigned int start=0):
    return arc_update(<const unsigned char *>PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data), start & 0xFFFF)


def bcc(bytes data not None):
    return xor_of(<const unsigned char *>PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))


def checksum(bytes data not None):
    return sum_of(<const unsigned char *>PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))


def add_parity(bytes data not None, bint odd):
    cdef Py_ssize_t length = PyBytes_GET_SIZE(data), index
    cdef const unsigned char *source = <const unsigned char *>PyBytes_AS_STRING(data)
    cdef unsigned char flip = 0x80 if odd else 0
    cdef bytes result = PyBytes_FromStringAndSize(NULL, length)
    cdef unsigned char *target = <unsigned char *>PyBytes_AS_STRING(result)
    for index in range(length):
        target[index] = EVEN[source[index]] ^ flip
    return result


def strip_parity(bytes data not None, bint odd):
    cdef Py_ssize_t length = PyBytes_GET_SIZE(data), index
    cdef const unsigned char *source = <const unsigned char *>PyBytes_AS_STRING(data)
    cdef unsigned char flip = 0x80 if odd else 0, byte
    cdef bytes result = PyBytes_FromStringAndSize(NULL, length)
    cdef unsigned char *target = <unsigned char *>PyBytes_AS_STRING(result)
    for index in range(length):
        byte = source[index]
        # Bit 7 of the difference is the parity error; the lower seven bits always agree.
        target[index] = byte & 0x7F | (byte ^ EVEN[byte] ^ flip) & 0x80
    return result
