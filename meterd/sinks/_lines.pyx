"""Readings as lines: gathered in memory, and written without blocking (`_octets`).

The first one leaves at the end of its turn. While the loop is busy, what comes soon after a write waits for the next
turn that ends AT_MOST_EVERY later, and AT_LATEST without one: a write for each register that is read costs as much as
to hear it.
Where they are written, and what becomes of trouble, is the owner's business (`sinks.lines`): `ready()` opens what is
not open and says whether it is, `failed(error)` hears of an error, `written()` of all else that is not as it should be.
Dirt it must survive: readers that are slow, disks that take half of a line.
"""

cimport cython
from libc.stdint cimport int64_t

from .._clock cimport NEVER
from .._octets cimport Octets, put_octets
from .._reading cimport Inlet, Reading
from ..ports._timers cimport Timer
from ._json cimport made_finite, put_json, put_plain

from posix import strerror

from ._json import json_line

cdef enum:
    MOST_WAITING = 1 << 20
    MOST_HELD = 1 << 15
    AT_MOST_EVERY = 100000  # microseconds
    AT_LATEST = 200000

MAX_WAITING = MOST_WAITING


@cython.final
cdef class Lines(Inlet):
    def __cinit__(self, write_line not None, ready not None, failed not None, written not None, Loop loop=None):
        self.fd = -1
        self._loop = loop
        self._written_at = -AT_LATEST
        self.text = Octets()
        self._write_line = write_line
        self._as_json = write_line is json_line
        self._ready = ready
        self._failed = failed
        self._written = written

    @property
    def waiting(self):
        """How many bytes wait to be written."""
        return self.text.size

    cdef int take(self, Reading reading) except -1:
        cdef Octets text = self.text
        cdef Py_ssize_t before = text.size
        if before >= MOST_WAITING:
            self.lost += 1
            return 0
        try:
            if self._as_json:
                put_json(text, made_finite(reading))
            else:
                put_plain(text, self._write_line(reading))
            put_octets(text, b"\n", 1)
        except BaseException:
            text.size = before  # no line is ever torn
            raise
        return 0

    cdef int let_go(self) except -1:
        return 0 if not self.text.size or self._may_wait() else self._write()

    def flush(self):
        self._write()

    cdef bint _may_wait(self) except -1:
        cdef int64_t now
        if self._loop is None:
            return False
        now = self._loop.now
        if now - self._written_at >= AT_MOST_EVERY or self.text.size >= MOST_HELD:
            self._written_at = now
            if self._latest is not None:
                self._latest.due = NEVER
            return False
        if self._latest is None:
            self._latest = Timer(self.flush)
        if self._latest.due == NEVER:
            self._loop.arm_at(self._latest, self._written_at + AT_LATEST)
        return True

    cdef int _write(self) except -1:
        cdef Octets text = self.text
        cdef int number
        if not text.size or (self.fd < 0 and not self._ready()):
            return 0
        number = text.write(self.fd)
        if number:
            self._failed(OSError(number, strerror(number)))
        elif text.size or self.lost or self.troubled:
            self._written()
        return 0

    def clear(self):
        self.text.drop(self.text.size)
