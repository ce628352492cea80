"""Timers, and the heap in which they wait.

The problem: nearly every wait for an answer is a time-out that never comes. A timer that is armed anew for later stays
where it is in the heap and is moved when it comes up: the usual life of a time-out (armed, and disarmed by the answer)
touches the heap hardly ever.
Dirt it must survive: callbacks that arm, disarm and fail; times that are no times.
"""

cimport cython
from cpython.list cimport PyList_GET_SIZE

from .._clock cimport MICROSECONDS, NEVER

cdef enum:
    # With hundreds of meters every turn finds hundreds of time-outs moved; to put all in their place then is dear.
    MOVES_A_TURN = 8


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


@cython.final
cdef class Timers:
    def __cinit__(self):
        self._heap = []

    cdef Py_ssize_t count(self) noexcept:
        """How many are in the heap; some may be disarmed by now."""
        return PyList_GET_SIZE(self._heap)

    cdef int arm(self, Timer timer, int64_t due) except -1:
        timer.due = due
        if due < timer.key:
            timer.key = due
            self._orders += 1
            timer.order = self._orders
            if timer.place < 0:
                self._heap.append(timer)
                timer.place = PyList_GET_SIZE(self._heap) - 1
            elif timer.place >= PyList_GET_SIZE(self._heap) or <Timer>self._heap[timer.place] is not timer:
                raise ValueError("a timer of another loop")
            move_up(self._heap, timer)
        return 0

    cdef int64_t next_due(self) except -1:
        """The earliest time that a timer is armed for, or an earlier one: some timers that moved are put in their
        place here, the others of a busy loop when their old time comes."""
        cdef Timer timer
        cdef int moves = 0
        while PyList_GET_SIZE(self._heap):
            timer = <Timer>self._heap[0]
            if timer.due == timer.key or moves == MOVES_A_TURN:
                return timer.key
            moves += 1
            self._move(timer)
        return NEVER

    cdef int serve(self, int64_t now) except -1:
        """What is due. A timer that a callback arms for at once waits for the next turn: no turn is without end."""
        cdef unsigned long newest = self._orders
        cdef Timer timer
        while PyList_GET_SIZE(self._heap):
            timer = <Timer>self._heap[0]
            if timer.key > now or <long>(timer.order - newest) > 0:
                break
            if timer.due > now:
                self._move(timer)
            else:
                self._pop()
                timer.due = NEVER
                timer.callback()
        return 0

    cdef int _pop(self) except -1:
        """Take the first timer out of the heap."""
        cdef Timer first = <Timer>self._heap[0]
        cdef Timer last = <Timer>self._heap.pop()
        first.place = -1
        first.key = NEVER
        if last is not first:
            last.place = 0
            move_down(self._heap, last)
        return 0

    cdef int _move(self, Timer timer) except -1:
        """The first timer of the heap was armed for later, or disarmed."""
        if timer.due == NEVER:
            self._pop()
        else:
            timer.key = timer.due
            self._orders += 1
            timer.order = self._orders
            move_down(self._heap, timer)
        return 0


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
