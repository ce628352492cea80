cimport cython

cdef enum:
    MOST_EXPONENT = 64  # a power of ten beyond this is no quantity that a meter counts, and prints as a page of zeros


@cython.final
cdef class Number:
    cdef readonly object mantissa
    cdef readonly int exponent

    cdef str printed(self)
    cpdef tuple reduced(self)


cdef Number exact(object mantissa, int exponent)
