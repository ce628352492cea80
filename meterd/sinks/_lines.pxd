cimport cython

from .._octets cimport Octets
from .._reading cimport Reading
from ._hub cimport Inlet


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
