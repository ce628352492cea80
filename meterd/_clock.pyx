"""Times as whole microseconds of the monotonic clock, and the time of day.

The problem: a gateway's processor adds whole numbers in two instructions and floating point ones in a hundred; Python
sees seconds.
"""

from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcpy


cdef int64_t whole(double microseconds) noexcept:
    """What is no such time (not a number, without end) is farther off than anything that will be."""
    cdef uint64_t bits
    memcpy(&bits, &microseconds, sizeof(bits))  # comparing two such numbers costs a gateway fifty instructions
    return <int64_t>microseconds if (bits >> 52 & 0x7FF) < 1023 + FARTHEST_BITS else <int64_t>1 << FARTHEST_BITS


def wall_clock_ms():
    return wall_clock()


cdef int64_t wall_clock() noexcept:
    """Milliseconds since 1970 UTC."""
    cdef timespec now
    clock_gettime(CLOCK_REALTIME, &now)
    return <int64_t>now.tv_sec * 1000 + now.tv_nsec // 1000000
