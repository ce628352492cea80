from .._octets cimport Octets
from .._reading cimport Reading


cdef Reading made_finite(Reading reading)
cdef int put_plain(Octets out, text) except -1
cdef int put_json(Octets out, Reading reading) except -1
