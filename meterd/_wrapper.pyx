"""The TCP wrapper (IEC 62056-47 clause 5.3): a version, two wPorts and a length before each APDU.

The problem: find whole APDUs in what a TCP connection delivers, in pieces of any size.
Assumptions: one feed brings what one read of a port gave; APDUs are collected as they become whole.
Dirt it must survive: APDUs split over TCP segments at any byte, several in one, bytes of a gateway's own before a
header. A header holds at most 65535 octets, and nothing beyond one APDU and a further read is kept.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.string cimport memcpy

from ._decoder cimport FrameDecoder, as_shown, drop, hold, let_go
from ._input cimport left

from .errors import DecodeError

cdef enum:
    WRAPPER_HEADER = 8
    WRAPPER_VERSION = 1
    APDU_LIMIT = 65535
    WRAPPER_HELD_LIMIT = 262144  # bytes kept for a reader who does not collect its APDUs

cdef str NO_HEADER = "no wrapper header (version 1)"


cdef inline unsigned int two_octets(const unsigned char *at) noexcept:
    return at[0] << 8 | at[1]


@cython.final
@cython.freelist(4)
cdef class WrapperFrame:
    def __init__(self):
        raise TypeError("frames come out of a decoder")

    def __repr__(self):
        return as_shown(self)


@cython.final
cdef class WrapperDecoder(FrameDecoder):
    def __cinit__(self):
        self.forget()

    cdef void forget(self) noexcept:
        FrameDecoder.forget(self)
        self.missing = WRAPPER_HEADER

    cdef object take_in(self, bytes data):
        cdef WrapperFrame frame
        cdef const unsigned char *start
        cdef Py_ssize_t have, size
        hold(self, data, WRAPPER_HELD_LIMIT)
        self._hunt()
        start = self.held.at
        have = left(&self.held)
        size = WRAPPER_HEADER if have < WRAPPER_HEADER else WRAPPER_HEADER + two_octets(start + 6)
        self.missing = size - have if have < size else 1
        if have < size:
            return None
        frame = WrapperFrame.__new__(WrapperFrame)
        frame.source = two_octets(start + 2)
        frame.destination = two_octets(start + 4)
        frame.apdu = PyBytes_FromStringAndSize(<const char *>start + WRAPPER_HEADER, size - WRAPPER_HEADER)
        self.held.at += size
        self.missing = WRAPPER_HEADER
        if have == size:
            let_go(self)
        return frame

    cdef void _hunt(self) noexcept:
        """Drop what cannot begin a header."""
        cdef const unsigned char *at = self.held.at
        cdef const unsigned char *end = self.held.end
        while at < end and (at[0] or (at + 1 < end and at[1] != WRAPPER_VERSION)):
            at += 1
        if at > self.held.at:
            drop(self, at - self.held.at, NO_HEADER)


cdef bytes wrapped(unsigned int source, unsigned int destination, bytes apdu):
    cdef Py_ssize_t size = len(apdu)  # which sees to None
    cdef bytes message
    cdef unsigned char *at
    if size > APDU_LIMIT:
        raise DecodeError("the APDU does not fit the wrapper")
    message = PyBytes_FromStringAndSize(NULL, WRAPPER_HEADER + size)
    at = <unsigned char *>PyBytes_AS_STRING(message)
    at[0] = 0
    at[1] = WRAPPER_VERSION
    at[2] = source >> 8 & 0xFF
    at[3] = source & 0xFF
    at[4] = destination >> 8 & 0xFF
    at[5] = destination & 0xFF
    at[6] = <unsigned char>(size >> 8)
    at[7] = size & 0xFF
    memcpy(at + WRAPPER_HEADER, PyBytes_AS_STRING(apdu), size)
    return message


def encode_wrapper(unsigned int source, unsigned int destination, bytes apdu not None):
    return wrapped(source, destination, apdu)
