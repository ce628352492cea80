"""Octets on their way out: gathered, kept in order, and written as far as a descriptor takes them, without waiting.

The problem: whoever reads (a client, a disk, a person at a terminal, a line of 300 baud) is slower than what has to be
said, and nobody else may wait for that. This is the one place where what leaves is kept and written; who owns the
descriptor, when more of it can leave and how much may wait is the owner's business (`ports.stream`, `ports._port`,
`sinks._lines`, `log_outputs`).
Assumptions: the descriptor does not block; or it is `shared` with processes that need it blocking (standard output),
and poll is asked before each write, which calls a pipe or socket writable when PIPE_BUF octets fit.
Dirt it must survive: readers that are slow or gone, disks that take half of a line, signals in the middle of a write.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.mem cimport PyMem_Free, PyMem_Realloc
from libc.errno cimport EAGAIN, EINTR, errno
from libc.string cimport memmove

from posix import strerror

cdef extern from "unistd.h":
    Py_ssize_t write_descriptor "write"(int fd, const void *buffer, size_t size)

cdef extern from "poll.h":
    enum: POLL_FOR_ROOM "POLLOUT"
    struct pollfd:
        int fd
        short events
        short revents
    int poll(pollfd *fds, unsigned long count, int timeout_ms)

cdef extern from "limits.h":
    int PIPE_BUF

cdef enum:
    MOST_KEPT = 1 << 16  # octets of memory that stay for the next ones, once all that waited has left


cdef class Octets:
    def __dealloc__(self):
        PyMem_Free(self.at)

    @property
    def waiting(self):
        return self.size

    cdef char *space(self, Py_ssize_t size) except NULL:
        """Where `size` more octets may be put."""
        cdef Py_ssize_t room
        cdef void *grown
        if self.size + size > self._room:
            room = (self.size + size) * 2 + 256
            grown = PyMem_Realloc(self.at, room)
            if grown == NULL:
                raise MemoryError
            self.at = <char *>grown
            self._room = room
        return self.at + self.size

    cdef int put_bytes(self, bytes data) except -1:
        return put_octets(self, PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))

    cdef int send_bytes(self, int fd, bytes data) except -1:
        """Write these, behind what waits; what is not taken waits. Returns: errno, 0 where nothing went wrong."""
        cdef Py_ssize_t size = PyBytes_GET_SIZE(data), done
        if self.size or self.shared:
            self.put_bytes(data)
            return self.write(fd)
        done = write_descriptor(fd, PyBytes_AS_STRING(data), size)
        if done == size:
            return 0
        if done < 0:
            if errno != EAGAIN and errno != EINTR:
                return errno
            done = 0
        put_octets(self, PyBytes_AS_STRING(data) + done, size - done)
        return 0

    cdef int write(self, int fd) except -1:
        """What waits, as far as it goes; the rest waits on. Returns: errno, 0 where nothing went wrong."""
        cdef Py_ssize_t done = 0, count
        cdef int number = 0
        if self.shared:
            number = self._write_shared(fd, &done)
        else:
            while done < self.size:
                count = write_descriptor(fd, self.at + done, self.size - done)
                if count <= 0:
                    number = errno if count else EAGAIN
                    break
                done += count
        self.drop(done)
        return 0 if number == EAGAIN or number == EINTR else number

    cdef int _write_shared(self, int fd, Py_ssize_t *done) noexcept:
        """In pieces that do not block in any mode, each asked for before."""
        cdef Py_ssize_t count
        cdef pollfd asked
        asked.fd = fd
        asked.events = POLL_FOR_ROOM
        while done[0] < self.size and poll(&asked, 1, 0) > 0:
            count = write_descriptor(fd, self.at + done[0], min(self.size - done[0], <Py_ssize_t>PIPE_BUF))
            if count <= 0:
                return errno if count else EAGAIN
            done[0] += count
        return 0

    cdef void drop(self, Py_ssize_t count) noexcept:
        """The first so many have left."""
        self.size -= count
        if self.size:
            memmove(self.at, self.at + count, self.size)
        elif self._room > MOST_KEPT:
            PyMem_Free(self.at)
            self.at = NULL
            self._room = 0

    # ---- its face

    def put(self, bytes data not None):
        self.put_bytes(data)

    def send(self, int fd, bytes data not None):
        _raise(self.send_bytes(fd, data))

    def flush(self, int fd):
        _raise(self.write(fd))

    def clear(self):
        self.drop(self.size)


cdef int _raise(int number) except -1:
    if number:
        raise OSError(number, strerror(number))
    return 0
