"""Times as whole microseconds of the monotonic clock, and a heap of timers.

The problem: a gateway's processor adds whole numbers in two instructions and floating point ones in a hundred; Python
sees seconds. A timer that is armed anew for later stays where it is in the heap and is moved when it comes up: the
usual life of a time-out (armed, and disarmed by the answer) touches the heap hardly ever.
"""

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

cdef int64_t NEVER = 0x7FFFFFFFFFFFFFFF


cdef inline int64_t monotonic_us() noexcept:
    cdef timespec now
    clock_gettime(CLOCK_MONOTONIC, &now)
    return <int64_t>now.tv_sec * MICROSECONDS + now.tv_nsec // 1000


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


@cython.final
cdef class Timer:
    cdef public object callback
    cdef int64_t due          # NEVER while disarmed
    cdef int64_t key          # what it stands in the heap for
    cdef Py_ssize_t place     # in the heap; -1 outside
    cdef unsigned long order  # of equal ones the first armed is the first served

    def __cinit__(self, callback):
        self.callback = callback
        self.due = self.key = NEVER
        self.place = -1

    @property
    def deadline(self):
        return None if self.due == NEVER else self.due / <double>MICROSECONDS

    @deadline.setter
    def deadline(self, value):
        if value is not None:
            raise ValueError("a timer is armed by its loop")
        self.due = NEVER


cdef inline bint comes_before(Timer one, Timer other) noexcept:
    return one.key < other.key or (one.key == other.key and <long>(one.order - other.order) < 0)


cdef void set_place(list heap, Py_ssize_t place, Timer timer) noexcept:
    heap[place] = timer
    timer.place = place


cdef void move_up(list heap, Timer timer) noexcept:
    """Put a timer that comes earlier than where it stands into its place."""
    cdef Py_ssize_t place = timer.place, parent
    cdef Timer above
    while place:
        parent = (place - 1) >> 1
        above = <Timer>heap[parent]
        if not comes_before(timer, above):
            break
        set_place(heap, place, above)
        place = parent
    set_place(heap, place, timer)


cdef void move_down(list heap, Timer timer) noexcept:
    cdef Py_ssize_t place = timer.place, child, count = PyList_GET_SIZE(heap)
    cdef Timer below
    while True:
        child = 2 * place + 1
        if child >= count:
            break
        below = <Timer>heap[child]
        if child + 1 < count and comes_before(<Timer>heap[child + 1], below):
            child += 1
            below = <Timer>heap[child]
        if not comes_before(below, timer):
            break
        set_place(heap, place, below)
        place = child
    set_place(heap, place, timer)
