"""M-Bus link layer: bytes to frames.

The problem: find whole frames in whatever a level converter delivers, in pieces of any size.
Assumptions: one feed brings what one read of a port gave; frames are collected as they become whole.
Standard: EN 13757-2 (formats of IEC 60870-5-1 class FT 1.2): E5; 10 C A CS 16; 68 L L 68 C A CI … CS 16.
Dirt it must survive: noise before, between and inside frames, lengths that disagree or lie, several meters that answer
at once, an E5 or 68 among the bytes of a damaged frame.
"""

cimport cython
from cpython.bytes cimport PyBytes_FromStringAndSize

from ._crc cimport sum_of
from ._decoder cimport FrameDecoder, as_shown, drop, hold
from ._input cimport left

cdef enum:
    ACKNOWLEDGE = 0xE5
    START_SHORT = 0x10
    START_LONG = 0x68
    STOP = 0x16
    SHORT_SIZE = 5
    OVERHEAD = 6            # of a long frame: 68 L L 68 … checksum 16
    MBUS_LEAST_LENGTH = 3        # C, A and CI
    MBUS_HELD_LIMIT = 4096       # bytes kept for a reader who does not collect its frames
    FROM_MASTER = 0x40      # bit of C: set in what a master sends

MBUS_MAX_FRAME = 255 + OVERHEAD


@cython.final
@cython.no_gc
@cython.freelist(8)
cdef class MbusFrame:
    def __init__(self, int control, int address, int ci=-1, bytes data not None=b""):
        self.control = control
        self.address = address
        self.ci = ci
        self.data = data

    @property
    def acknowledges(self):
        return self.control < 0

    @property
    def from_master(self):
        return self.control >= 0 and self.control & FROM_MASTER != 0

    def __repr__(self):
        return as_shown(self)


cdef MbusFrame new_frame(int control, int address, int ci, bytes data):
    cdef MbusFrame frame = MbusFrame.__new__(MbusFrame)
    frame.control = control
    frame.address = address
    frame.ci = ci
    frame.data = data
    return frame


@cython.final
cdef class MbusDecoder(FrameDecoder):
    def __cinit__(self):
        self.forget()

    cdef void forget(self) noexcept:
        FrameDecoder.forget(self)
        self.missing = 1

    cdef object take_in(self, bytes data):
        cdef const unsigned char *start
        cdef MbusFrame frame
        hold(self, data, MBUS_HELD_LIMIT)
        while left(&self.held):
            start = self.held.at
            if start[0] == ACKNOWLEDGE:
                self.held.at += 1
                return new_frame(-1, -1, -1, b"")
            if start[0] == START_LONG:
                frame = self._long(start, left(&self.held))
            elif start[0] == START_SHORT:
                frame = self._short(start, left(&self.held))
            else:
                # What follows a damaged frame is its rest: the damage is worth telling, not this.
                frame = self._refuse(self.reason or "no frame start")
            if frame is not None:
                return frame
            if self.missing > 0:
                return None
        self.missing = 1
        return None

    cdef MbusFrame _refuse(self, str reason):
        drop(self, 1, reason)
        self.missing = 0
        return None

    cdef MbusFrame _wait(self, Py_ssize_t missing):
        self.missing = missing
        return None

    cdef MbusFrame _short(self, const unsigned char *start, Py_ssize_t size):
        if size < SHORT_SIZE:
            return self._wait(SHORT_SIZE - size)
        if sum_of(start + 1, 2) != start[3]:
            return self._refuse("wrong checksum")
        if start[4] != STOP:
            return self._refuse("no stop byte")
        self.held.at += SHORT_SIZE
        return new_frame(start[1], start[2], -1, b"")

    cdef MbusFrame _long(self, const unsigned char *start, Py_ssize_t size):
        cdef Py_ssize_t length
        if size > 1 and start[1] < MBUS_LEAST_LENGTH:
            return self._refuse("a length below 3")
        if size > 2 and start[2] != start[1]:
            return self._refuse("the two lengths differ")
        if size > 3 and start[3] != START_LONG:
            return self._refuse("no second start byte")
        length = start[1] if size > 1 else MBUS_LEAST_LENGTH
        if size < length + OVERHEAD:
            return self._wait(length + OVERHEAD - size)
        if sum_of(start + 4, length) != start[4 + length]:
            return self._refuse("wrong checksum")
        if start[5 + length] != STOP:
            return self._refuse("no stop byte")
        self.held.at += length + OVERHEAD
        return new_frame(
            start[4], start[5], start[6],
            PyBytes_FromStringAndSize(<const char *>start + 7, length - MBUS_LEAST_LENGTH),
        )
