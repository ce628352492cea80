cimport cython
from libc.stdint cimport int64_t

from .._octets cimport Octets
from .._reading cimport Inlet, Reading
from ..ports._loop cimport Loop
from ..ports._timers cimport Timer


@cython.final
cdef class Lines(Inlet):
    cdef public int fd  # below 0 while there is none
    cdef public Py_ssize_t lost
    cdef public bint troubled
    cdef object _write_line
    cdef object _ready
    cdef object _failed
    cdef object _written
    cdef bint _as_json
    cdef readonly Octets text  # that waits
    cdef Loop _loop            # or None: then nothing is held back
    cdef Timer _latest         # until when they may be, where some are
    cdef int64_t _written_at   # by the loop's time

    cdef bint _may_wait(self) except -1
    cdef int _write(self) except -1
