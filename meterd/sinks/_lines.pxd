cimport cython

from .._reading cimport Reading
from ._hub cimport Inlet
from ._json cimport _Octets


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
    cdef _Octets _text
