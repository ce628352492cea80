from libc.stdint cimport int64_t

cdef extern from "time.h":
    struct timespec:
        int64_t tv_sec
        long tv_nsec
    int clock_gettime(int clock, timespec *time) nogil
    int CLOCK_MONOTONIC
    int CLOCK_REALTIME

cdef enum:
    MICROSECONDS = 1000000
    FARTHEST_BITS = 60  # of microseconds

cdef extern from "stdint.h":
    int64_t NEVER "INT64_MAX"


cdef inline int64_t monotonic_us() noexcept:
    cdef timespec now
    clock_gettime(CLOCK_MONOTONIC, &now)
    return <int64_t>now.tv_sec * MICROSECONDS + now.tv_nsec // 1000


cdef int64_t whole(double microseconds) noexcept
cdef int64_t wall_clock() noexcept
