"""A heap of timers.

A timer that is armed anew for later stays where it is in the heap and is moved when it comes up: the usual life of a
time-out (armed, and disarmed by the answer) touches the heap hardly ever.
"""

cimport cython
from cpython.list cimport PyList_GET_SIZE

from .._clock cimport MICROSECONDS, NEVER


@cython.final
cdef class Timer:
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
