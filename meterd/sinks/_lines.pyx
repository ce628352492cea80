"""Readings as lines: gathered in memory, and written without blocking.

Where they are written, and what becomes of trouble, is the owner's business (`sinks.lines`): `ready()` opens what is
not open and says whether it is, `failed(error)` hears of an error, `written()` of all else that is not as it should be.
Dirt it must survive: readers that are slow, disks that take half of a line.
"""

cimport cython
from libc.errno cimport EAGAIN, EINTR, errno
from libc.string cimport memmove

from .._reading cimport Reading
from ..ports._poller cimport POLLOUT
from ..ports._port cimport write_descriptor
from ._hub cimport Inlet
from ._json cimport _Octets

from posix import strerror

from ._json import finite, json_line

cdef extern from "poll.h":
    struct pollfd:
        int fd
        short events
        short revents
    int poll(pollfd *fds, unsigned long count, int timeout_ms)

cdef extern from "limits.h":
    int PIPE_BUF

cdef enum:
    MOST_WAITING = 1 << 20

MAX_WAITING = MOST_WAITING


@cython.final
cdef class Lines(Inlet):
    def __cinit__(self, write_line not None, ready not None, failed not None, written not None):
        self.fd = -1
        self._text = _Octets()
        self._write_line = write_line
        self._as_json = write_line is json_line
        self._ready = ready
        self._failed = failed
        self._written = written

    @property
    def waiting(self):
        """How many bytes wait to be written."""
        return self._text.size

    cdef int take(self, Reading reading) except -1:
        cdef _Octets text = self._text
        cdef Py_ssize_t before = text.size
        if before >= MOST_WAITING:
            self.lost += 1
            return 0
        try:
            if self._as_json:
                text.put_json(finite(reading))
            else:
                text.put_plain(self._write_line(reading))
            text.put(b"\n", 1)
        except BaseException:
            text.size = before  # no line is ever torn
            raise
        return 0

    cdef int let_go(self) except -1:
        cdef _Octets text = self._text
        cdef int number = 0
        cdef Py_ssize_t done = 0, count
        cdef pollfd asked
        if not text.size or (self.fd < 0 and not self._ready()):
            return 0
        asked.fd = self.fd
        asked.events = POLLOUT
        while done < text.size and poll(&asked, 1, 0) > 0:
            # poll calls a pipe writable when so many bytes fit: a write of no more does not block in any mode.
            count = write_descriptor(asked.fd, text._octets + done, min(text.size - done, <Py_ssize_t>PIPE_BUF))
            if count <= 0:
                number = errno if count else EAGAIN
                break
            done += count
        text.size -= done
        memmove(text._octets, text._octets + done, text.size)
        if number and number != EAGAIN and number != EINTR:
            self._failed(OSError(number, strerror(number)))
        elif text.size or self.lost or self.troubled:
            self._written()
        return 0

    def clear(self):
        self._text.size = 0
