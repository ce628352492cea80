"""What a line knows of its port: bytes out, bytes in, and that it may vanish at any moment.

A port owns the place of one descriptor in the loop and what has not left yet. It is put together with a carrier, which
opens, sets and lets go of what the octets travel on (a serial device, a connection), and needs nothing else where they
pass as they are. Where they do not, the carrier gives the port a `receive`, a `transmit`, or both, which stand in for
reading and writing the descriptor.
Reads take a block at a time; after a partial frame the reader may `hush` a serial port until the missing bytes can
have come, so that a slow line does not wake the process for every few of them.
Dirt it must survive: descriptors that fail in any call, peers that take a part of what is sent or nothing any more,
hang-ups.
"""

cimport cython
from cpython.bytes cimport PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.errno cimport EAGAIN, EINTR, errno
from libc.stdint cimport int64_t

from .._clock cimport MICROSECONDS, NEVER
from .._octets cimport Octets
from ._loop cimport Loop
from ._poller cimport POLLIN, POLLOUT
from ._timers cimport Timer

from posix import strerror

from ..errors import PortGone

cdef extern from "unistd.h":
    Py_ssize_t read_descriptor "read"(int fd, void *buffer, size_t size)

cdef enum:
    BLOCK_SIZE = 4096
    BLOCKS_AT_ONCE = 16
    NO_DESCRIPTOR = 1 << 30  # beyond all that the kernel hands out; the loop hears nothing of it

cdef char INPUT[BLOCK_SIZE]


def _nobody(*_):
    """Stands where no callback is set."""


@cython.final
cdef class Counts:
    """What passed on the wire."""

    def move_to(self, Counts total not None):
        total.bytes_sent += self.bytes_sent
        total.bytes_received += self.bytes_received
        total.timeouts += self.timeouts
        total.bad_frames += self.bad_frames
        total.retries += self.retries
        self.clear()

    cdef void clear(self) noexcept:
        self.bytes_sent = self.bytes_received = self.timeouts = self.bad_frames = self.retries = 0


cdef class DataReader:
    """What gets the bytes of a port without a detour through Python."""

    cdef int take_data(self, bytes data) except -1:
        return 0


@cython.final
cdef class Port:
    def __init__(self, Loop loop not None, name, carrier not None, int send_limit_s=0):
        self.loop = loop
        self.name = name
        self.carrier = carrier
        self.fd = -1
        self.on_data = self.on_sent = self.on_gone = _nobody
        self._unsent = Octets()
        self._limit_us = send_limit_s * <int64_t>MICROSECONDS

    # ---- for whoever uses it

    def is_open(self):
        return self.fd >= 0

    def open(self, timeout_s, opened):
        self.carrier.open(timeout_s, opened)

    def close(self):
        if self.fd >= 0:
            self.loop.unregister(self.fd)
            self._unsent.clear()
            self._take_time()
            self.underway = False
        self.carrier.release()
        self.fd = -1

    def apply(self, settings):
        if settings is not None or self.receive is not None or self.transmit is not None:
            self.carrier.apply(settings)

    def send(self, bytes data not None):
        return self.put_out(data)

    cdef bint put_out(self, bytes data) except -1:
        return self._write(data) if self.transmit is None else self.transmit(data)

    def is_sending(self):
        return self.underway or self._unsent.size > 0

    def drain_input(self):
        taken = b""
        for _ in range(BLOCKS_AT_ONCE):
            data = self._take()
            if not data:
                break
            taken += data
        return taken

    # ---- for its carrier

    def attach(self, int fd):
        self.fd = fd
        self._is_emptied = False
        self._unsent.clear()
        self.loop.register(fd, POLLIN, self._on_event)

    def stand(self):
        self.fd = NO_DESCRIPTOR

    def read(self):
        return self._read_block()

    def write(self, bytes data not None):
        return self._write(data)

    @property
    def waiting(self):
        return self._unsent.size

    def lose(self, error):
        on_gone = self.on_gone
        self.close()
        on_gone(error)

    # ---- octets

    cdef bint may_hold_input(self) noexcept:
        """Whether something may have come in before this turn that was not read. It has not where the last read emptied
        the descriptor and the loop has told of no more since; who hushes does not let it tell.
        """
        return not (self._is_emptied and self.hush is None and self.loop.has_told_all())

    cdef bytes _take(self):
        return self._read_block() if self.receive is None else <bytes?>self.receive()

    cdef bytes _read_block(self):
        """One block, or nothing where none is there. Raises: PortGone."""
        cdef Py_ssize_t size = read_descriptor(self.fd, INPUT, BLOCK_SIZE)
        self._is_emptied = size < BLOCK_SIZE
        if size > 0:
            return PyBytes_FromStringAndSize(INPUT, size)
        if size == 0:
            raise PortGone(f"{self.name}: the other side closed the connection")
        if errno == EAGAIN or errno == EINTR:
            return b""
        raise self._gone(errno)

    cdef bint _write(self, bytes data) except -1:
        """Whether all of it has been taken."""
        cdef int number = self._unsent.send_bytes(self.fd, data)
        if number:
            raise self._gone(number)
        if not self._unsent.size:
            return True
        self.loop.modify(self.fd, POLLIN | POLLOUT)
        if self._limit_us:
            if self._limit is None:
                self._limit = Timer(self._not_taken)  # few are ever so slow
            self.loop.arm_at(self._limit, self.loop.now + self._limit_us)
        return False

    cdef void _take_time(self) noexcept:
        """Nothing waits that must be taken by some time."""
        if self._limit is not None:
            self._limit.due = NEVER

    def _not_taken(self):
        if self._unsent.size:
            self.lose(PortGone(f"{self.name}: the other side takes no more bytes"))

    cdef object _gone(self, int number):
        return PortGone(f"{self.name}: {strerror(number)}")

    def _on_event(self, int revents):
        cdef bytes data
        try:
            if revents != POLLIN:
                self._on_other_event(revents)
                return
            data = self._take()
        except PortGone as error:
            self.lose(error)
            return
        if data is None or not PyBytes_GET_SIZE(data):
            return
        if self.reader is not None:
            self.reader.take_data(data)
        else:
            self.on_data(data)

    cdef int _on_other_event(self, int revents) except -1:
        """The descriptor takes more bytes, or is in trouble, which reading tells. Raises: PortGone."""
        cdef int number
        if revents & POLLOUT:
            number = self._unsent.write(self.fd)
            if number:
                raise self._gone(number)
            if not self._unsent.size:
                self._take_time()
                self.loop.modify(self.fd, POLLIN)
                if not self.underway:
                    self.on_sent()
        if revents & ~POLLOUT and self.fd >= 0:
            data = self._take()
            if data:
                self.on_data(data)
        return 0
