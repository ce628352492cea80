"""Readings as lines: gathered in memory, and written once a turn without blocking (`_octets`).

Where they are written, and what becomes of trouble, is the owner's business (`sinks.lines`): `ready()` opens what is
not open and says whether it is, `failed(error)` hears of an error, `written()` of all else that is not as it should be.
Dirt it must survive: readers that are slow, disks that take half of a line.
"""

cimport cython

from .._octets cimport Octets, put_octets
from .._reading cimport Reading
from ._hub cimport Inlet
from ._json cimport made_finite, put_json, put_plain

from posix import strerror

from ._json import json_line

cdef enum:
    MOST_WAITING = 1 << 20

MAX_WAITING = MOST_WAITING


@cython.final
cdef class Lines(Inlet):
    def __cinit__(self, write_line not None, ready not None, failed not None, written not None):
        self.fd = -1
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
