"""What a line knows of its port: bytes out, bytes in, and that it may vanish at any moment.

A port owns one file descriptor in the loop. Whoever uses it sets `on_data(bytes)`, `on_sent()` and `on_gone(error)`.
Reads take a block at a time; after a partial frame the reader may `hush` a serial port until the missing bytes can
have come, so that a slow line does not wake the process for every few of them.
Dirt it must survive: descriptors that fail in any call, peers that take a part of what is sent, hang-ups.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.errno cimport EAGAIN, EINTR, errno

from .._octets cimport Octets
from ._loop cimport Loop
from ._poller cimport POLLIN, POLLOUT

from posix import close, strerror

from ..errors import PortGone

cdef extern from "unistd.h":
    Py_ssize_t read_descriptor "read"(int fd, void *buffer, size_t size)

cdef enum:
    BLOCK_SIZE = 4096
    BLOCKS_AT_ONCE = 16

cdef char INPUT[BLOCK_SIZE]


def _nobody(*_):
    """Stands where no callback is set."""


cdef class DataReader:
    """What gets the bytes of a port without a detour through Python."""

    cdef int take_data(self, bytes data) except -1:
        return 0


cdef class Port:
    def __init__(self, Loop loop not None, name):
        self.loop = loop
        self.name = name
        self.fd = -1
        self.plain = True
        self.on_data = self.on_sent = self.on_gone = _nobody
        self._unsent = Octets()

    def is_open(self):
        return self.fd >= 0

    def attach(self, int fd):
        self.fd = fd
        self._unsent.clear()
        self.loop.register(fd, POLLIN, self._on_event)

    def close(self):
        if self.fd >= 0:
            self.loop.unregister(self.fd)
            self._close_descriptor()
            self.fd = -1
            self._unsent.clear()

    def _close_descriptor(self):
        close(self.fd)

    def apply(self, settings):
        self.settings = settings

    def hush(self, characters, limit_s):
        """The base has no reason to."""

    def send(self, bytes data not None):
        return self.put_out(data)

    cdef bint put_out(self, bytes data) except -1:
        cdef int number = self._unsent.send_bytes(self.fd, data)
        if number:
            raise self._gone(number)
        if not self._unsent.size:
            return True
        self._wait_for_room()
        return False

    def _wait_for_room(self):
        self.loop.modify(self.fd, POLLIN | POLLOUT)

    def _send_rest(self):
        cdef int number = self._unsent.write(self.fd)
        if number:
            raise self._gone(number)
        return not self._unsent.size

    def _emptied(self):
        """What waited for room has been taken; where it then still needs its time, its end is told later."""
        self.on_sent()

    def drain_input(self):
        taken = b""
        for _ in range(BLOCKS_AT_ONCE):
            data = self._read()
            if not data:
                break
            taken += data
        return taken

    def _read(self):
        return self._read_block()

    cdef bytes _read_block(self):
        """One block, or nothing where none is there. Raises: PortGone."""
        cdef Py_ssize_t size = read_descriptor(self.fd, INPUT, BLOCK_SIZE)
        if size > 0:
            return PyBytes_FromStringAndSize(INPUT, size)
        if size == 0:
            raise PortGone(f"{self.name}: the other side closed the connection")
        if errno == EAGAIN or errno == EINTR:
            return b""
        raise self._gone(errno)

    def is_sending(self):
        return self._unsent.size > 0

    def _lose(self, error):
        """The port is of no use any more: close it and tell."""
        self.close()
        self.on_gone(error)

    cdef object _gone(self, int number):
        return PortGone(f"{self.name}: {strerror(number)}")

    def _on_event(self, int revents):
        cdef bytes data
        try:
            if revents != POLLIN:
                self._on_other_event(revents)
                return
            data = self._read_block() if self.plain else <bytes?>self._read()
        except PortGone as error:
            self._lose(error)
            return
        if data is None or not PyBytes_GET_SIZE(data):
            return
        if self.reader is not None:
            self.reader.take_data(data)
        else:
            self.on_data(data)

    cdef int _on_other_event(self, int revents) except -1:
        """The descriptor takes more bytes, or is in trouble, which reading tells. Raises: PortGone."""
        if revents & POLLOUT and self._send_rest():
            self.loop.modify(self.fd, POLLIN)
            self._emptied()
        if revents & ~POLLOUT and self.fd >= 0:
            data = self._read()
            if data:
                self.on_data(data)
        return 0
