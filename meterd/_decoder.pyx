"""What the decoders of frames share: a face for Python, a way around it for the player, and what is held.

The problem: a port delivers a frame in pieces of any size, or several in one; a read-out of half a megabyte may come in
pieces of a few bytes.
Assumptions: mostly one read brings just what is due, so that is decoded where it lies. What came before is joined with
what comes behind it in a room of twice the size, so that many pieces cost no more than in proportion.
Dirt it must survive: whoever does not collect frames gets what each decoder states as its limit, and loses the oldest.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.string cimport memcpy

from ._input cimport left

cdef str UNCOLLECTED = "more bytes held than anybody collects"


cdef object as_shown(object record):
    from .gateway.shown import shown  # texts for people take less room in Python

    return shown(record)


@cython.no_gc
cdef class FrameDecoder:
    def __cinit__(self):
        self.reason = ""

    def __dealloc__(self):
        PyMem_Free(self._room)

    def feed(self, bytes data not None):
        return self.take_in(data)

    def reset(self):
        self.forget()

    @property
    def pending(self):
        return self.held_back()

    cdef object take_in(self, bytes data):
        """`feed`; `data` is never None."""
        return None

    cdef Py_ssize_t held_back(self) noexcept:
        """`pending`."""
        return left(&self.held)

    cdef void forget(self) noexcept:
        """`reset`."""
        let_go(self)
        self.discarded = 0
        self.reason = ""

    cdef int put_behind(self, bytes data) except -1:
        cdef Py_ssize_t before = left(&self.held), size = before + PyBytes_GET_SIZE(data)
        cdef unsigned char *room = self._room
        if room == NULL or self.held.at - room + size > self._capacity:
            room = <unsigned char *>PyMem_Malloc(2 * size)
            if room == NULL:
                raise MemoryError
            memcpy(room, self.held.at, before)
            let_go(self)
            self._room = room
            self._capacity = 2 * size
            self.held.at = room
        memcpy(<unsigned char *>self.held.at + before, PyBytes_AS_STRING(data), size - before)
        self.held.end = self.held.at + size
        return 0

    cdef int drop_surplus(self, Py_ssize_t limit) except -1:
        drop(self, left(&self.held) - limit, UNCOLLECTED)
        return 1
