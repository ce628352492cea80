"""Bytes that came in, and the one way to read them.

Whoever decodes has an `Input` and asks `take` for what it needs next; nothing else moves `at`, but for bytes that are
already known to be there. `left` is never below 0. What a port delivers in pieces is held by `_decoder.FrameDecoder`.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.string cimport memcmp, memcpy

cdef enum:
    SPREADING = 0x9E3779B1
    HELD_HERE = 2  # references to what decoders keep for the next telegram: that of the keeper, that of who looks

cdef struct Input:
    const unsigned char *at   # what is read next
    const unsigned char *end


cdef inline Input input_of(bytes whole) noexcept:
    cdef Input opened
    opened.at = <const unsigned char *>PyBytes_AS_STRING(whole)
    opened.end = opened.at + PyBytes_GET_SIZE(whole)
    return opened


cdef inline Py_ssize_t left(const Input *source) noexcept:
    return source.end - source.at


cdef inline const unsigned char *take(Input *source, Py_ssize_t size) noexcept:
    """The next `size` bytes, or NULL if there are not so many; a negative size is more than there are."""
    cdef const unsigned char *start = source.at
    if <size_t>size > <size_t>(source.end - start):
        return NULL
    source.at = start + size
    return start


cdef inline bint starts_with(bytes whole, bytes start) noexcept:
    cdef Py_ssize_t size = PyBytes_GET_SIZE(start)
    return size <= PyBytes_GET_SIZE(whole) and memcmp(PyBytes_AS_STRING(whole), PyBytes_AS_STRING(start), size) == 0


cdef inline unsigned int spread(const unsigned char *data, Py_ssize_t length) noexcept:
    """A cheap hash; whoever makes addresses collide on purpose gets the slower way, not a wrong one."""
    cdef unsigned int word, result = <unsigned int>length
    while length >= <Py_ssize_t>sizeof(word):
        memcpy(&word, data, sizeof(word))
        result = (result ^ word) * <unsigned int>SPREADING
        result ^= result >> 15
        data += sizeof(word)
        length -= sizeof(word)
    while length > 0:
        length -= 1
        result = (result ^ data[length]) * <unsigned int>SPREADING
    return result ^ result >> 16
