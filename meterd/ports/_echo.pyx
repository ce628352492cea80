"""What comes back of what was sent: optical heads and two-wire converters return every byte, before the answer."""

from cpython.bytes cimport PyBytes_GET_SIZE

from .._input cimport starts_with

cdef enum:
    MOST_ECHO = 4096  # more than this is not expected back at a time, however much is sent without listening

MAX_ECHO = MOST_ECHO


cdef class Echo:
    """`expected` may come back still; `held` has come and may be the beginning of it."""

    def __cinit__(self):
        self.forget()

    cpdef forget(self):
        self.expected = self.held = b""

    cpdef sent(self, bytes data):
        """From now on `data` may come back, behind what is still to come of what was sent just before."""
        cdef Py_ssize_t awaited = PyBytes_GET_SIZE(self.expected)
        if len(data) < 2:
            self.forget()
        elif 0 < awaited < MOST_ECHO:
            self.expected = self.expected[PyBytes_GET_SIZE(self.held):] + data
            self.held = b""
        else:
            self.expected = data

    cpdef bytes strip(self, bytes data):
        """What of `data` is no echo, as far as can be told yet."""
        cdef bytes expected = self.expected
        if data is None:
            raise TypeError("no bytes")
        if self.held:
            data = self.held + data
        if starts_with(data, expected):
            self.forget()
            return data[PyBytes_GET_SIZE(expected):]
        if starts_with(expected, data):
            self.held = data
            return b""
        self.forget()
        return data

    def give_up(self):
        """Time is over: what was held is no echo after all."""
        held = self.held
        self.forget()
        return held
