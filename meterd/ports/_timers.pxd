cimport cython
from libc.stdint cimport int64_t


@cython.final
cdef class Timer:
    cdef public object callback
    cdef int64_t due          # NEVER while disarmed
    cdef int64_t key          # what it stands in the heap for
    cdef Py_ssize_t place     # in the heap; -1 outside
    cdef unsigned long order  # of equal ones the first armed is the first served


cdef void move_up(list heap, Timer timer) noexcept
cdef void move_down(list heap, Timer timer) noexcept
