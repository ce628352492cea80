"""Check characters of the wire protocols, and parity done in software.

The problem: a frame of some twenty bytes is checked for every register read, a read-out of some thousand bytes for
every scan, and a port that cannot do seven data bits leaves parity to us.
Assumptions: frames are short, so the price of a call counts more than the price of a byte, and 512 bytes of table
are all that a data cache of 32 kB should give to it.
Standards: ISO/IEC 13239 (CRC-16/X-25, check value 0x906E), ISO 1155 (BCC), EN 13757-2 (check sum), ISO 1177 (7E1).
Dirt it must survive: any bytes of any length, also none.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.string cimport memcpy

cdef unsigned char FCS_LOW[256]   # the CRC of one byte, halved: the low half alone is on the critical path
cdef unsigned char FCS_HIGH[256]
cdef unsigned char EVEN[256]  # the 7 bits of the index with even parity in bit 7


cdef void fill_tables() noexcept:
    cdef unsigned int index, _bit, crc, parity
    for index in range(256):
        crc = index
        parity = 0
        for _bit in range(8):
            crc = (crc >> 1) ^ (0x8408 if crc & 1 else 0)
        for _bit in range(7):
            parity ^= index >> _bit & 1
        FCS_LOW[index] = <unsigned char>(crc & 0xFF)
        FCS_HIGH[index] = <unsigned char>(crc >> 8)
        EVEN[index] = <unsigned char>(index & 0x7F | parity << 7)


fill_tables()


cdef unsigned int fcs16_update(const unsigned char *data, Py_ssize_t length, unsigned int crc) noexcept:
    """Carry the register of a CRC-16/X-25 (not inverted) over further bytes.

    Each step waits for the table value of the step before. Keeping the register in two halves takes all but one load
    and one exclusive or out of that chain, which is what makes it faster than the usual 16-bit loop at any length.
    """
    cdef const unsigned char *end = data + length
    cdef Py_ssize_t index
    cdef unsigned int high = crc >> 8, mixed
    if length <= 0:
        return crc
    index = (crc ^ data[0]) & 0xFF
    data += 1
    while data < end:
        mixed = high ^ data[0]
        high = FCS_HIGH[index]
        index = FCS_LOW[index] ^ mixed
        data += 1
    return <unsigned int>FCS_HIGH[index] << 8 | FCS_LOW[index] ^ high


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
    cdef unsigned int result = 0
    cdef Py_ssize_t index
    for index in range(length):
        result += data[index]
    return result & 0xFF


def fcs16(bytes data not None, unsigned int start=0xFFFF):
    return fcs16_update(<const unsigned char *>PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data), start & 0xFFFF) ^ 0xFFFF


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
