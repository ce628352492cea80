cimport cython


@cython.final
cdef class Telegram:
    cdef readonly tuple records
    cdef bytes _header     # the user data that the identity is taken out of when it is asked for
    cdef bytes _identity   # once it is; or that of a telegram without a long header
    cdef bint _msb_first
    cdef int _access_number, _status  # -1: none
    cdef readonly int configuration
    cdef readonly bint fixed
