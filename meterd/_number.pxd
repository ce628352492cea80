cimport cython

cdef enum:
    MOST_EXPONENT = 64  # a power of ten beyond this is no quantity that a meter counts, and prints as a page of zeros


@cython.final
cdef class Number:
    cdef long long small  # the mantissa; where it does not fit, it is
    cdef object large     # an int, and None otherwise
    cdef readonly int exponent

    cdef str printed(self)
    cpdef tuple reduced(self)


cdef Number exact(object mantissa, int exponent)


cdef inline object mantissa_of(Number number):
    return number.small if number.large is None else number.large
