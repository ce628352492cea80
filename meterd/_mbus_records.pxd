cimport cython

from ._input cimport Input

cdef struct UserData:
    const unsigned char *start
    Input rest


@cython.final
cdef class Telegram:
    cdef readonly list records
    cdef readonly bytes identity
    cdef readonly object access_number
    cdef readonly object status
    cdef readonly int configuration
    cdef readonly bint fixed
