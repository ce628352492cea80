from .._reading cimport Reading
from ._hub cimport Sink
from ._json cimport _Octets


cdef class Lines(Sink):
    cdef public object name
    cdef public Py_ssize_t lost
    cdef public bint troubled
    cdef int _descriptor    # below 0 while there is none
    cdef object _write_line
    cdef bint _as_json
    cdef _Octets _text
