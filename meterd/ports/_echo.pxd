cdef class Echo:
    cdef readonly bytes expected
    cdef readonly bytes held

    cpdef forget(self)
    cpdef sent(self, bytes data)
    cpdef bytes strip(self, bytes data)
