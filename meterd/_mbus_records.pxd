cimport cython


@cython.final
cdef class Telegram:
    cdef readonly list records
    cdef readonly bytes identity
    cdef readonly object access_number
    cdef readonly object status
    cdef readonly int configuration
    cdef readonly bint fixed
