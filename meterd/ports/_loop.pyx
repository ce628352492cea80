"""One thread, one wait a turn; when nothing is due the process sleeps without end.

The problem: a turn is paid for every answer of every meter. The kernel is told once what to watch (epoll) and when to
wake us (a descriptor that is ready at a time): to tell it in every turn costs a tenth of what a register costs with one
meter, and with a thousand meters many times that.
Assumptions: descriptors are small numbers, as the kernel hands them out. Being woken too early does no harm, so the
alarm is set for the first time-out and left alone while that is put off by answer after answer.
Dirt it must survive: callbacks that close what is to be served next, signals at any time, wake-ups from other threads.
"""

from cpython.exc cimport PyErr_CheckSignals, PyErr_SetFromErrno
from cpython.list cimport PyList_GET_SIZE
from cpython.mem cimport PyMem_Free, PyMem_Realloc
from libc.errno cimport EINTR, errno
from libc.stdint cimport int64_t, uint32_t, uint64_t

from .._clock cimport CLOCK_MONOTONIC, MICROSECONDS, NEVER, monotonic_us, timespec, whole
from ._timers cimport Timer, move_down, move_up

from posix import O_CLOEXEC, O_NONBLOCK, close, pipe2, read, write

cdef extern from "sys/timerfd.h":
    int timerfd_create(int clock, int flags)
    int timerfd_settime(int timer, int flags, const itimerspec *time, itimerspec *former)
    int TFD_CLOEXEC
    int TFD_TIMER_ABSTIME

cdef extern from "time.h":
    struct itimerspec:
        timespec it_interval
        timespec it_value


cdef class Loop:
    def __cinit__(self):
        cdef epoll_event event
        self.now = monotonic_us()
        self.turn_ends = []
        self._heap = []
        self._callbacks = []
        self._woken = []
        event.events = POLLIN | EPOLLET
        event.data.u64 = 0  # no registration's
        self._alarm_due = NEVER
        self._wake_read, self._wake_write = pipe2(O_NONBLOCK | O_CLOEXEC)
        self._epoll = epoll_create1(EPOLL_CLOEXEC)
        self._alarm = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC)
        if epoll_ctl(self._epoll, EPOLL_CTL_ADD, self._alarm, &event) < 0:  # so it is where either is missing
            PyErr_SetFromErrno(OSError)
        self.register(self._wake_read, POLLIN, self._on_wake)

    def __dealloc__(self):
        PyMem_Free(self._stamps)

    @property
    def longest_turn_s(self):
        """For so long at most did nobody else have his turn."""
        return self.longest_turn_us / <double>MICROSECONDS

    @property
    def time(self):
        return self.now / <double>MICROSECONDS

    @property
    def timers(self):
        """How many timers are in the heap; some may be disarmed by now."""
        return PyList_GET_SIZE(self._heap)

    # ---- descriptors

    cdef bint _is_watched(self, int fd) noexcept:
        return 0 <= fd < PyList_GET_SIZE(self._callbacks) and self._callbacks[fd] is not None

    cdef int _make_room(self, int fd) except -1:
        cdef void *grown
        if not 0 <= fd < MOST_DESCRIPTORS:
            raise ValueError(f"{fd} is no descriptor")
        if fd >= PyList_GET_SIZE(self._callbacks):
            grown = PyMem_Realloc(self._stamps, (fd + 64) * sizeof(uint32_t))
            if grown == NULL:
                raise MemoryError
            self._stamps = <uint32_t *>grown
            self._callbacks.extend([None] * (fd + 64 - PyList_GET_SIZE(self._callbacks)))
        return 0

    cdef int _control(self, int operation, int fd, int events) noexcept:
        cdef epoll_event event
        event.events = <uint32_t>events
        event.data.u64 = <uint64_t>self._stamps[fd] << 32 | <uint32_t>fd
        return epoll_ctl(self._epoll, operation, fd, &event)

    def register(self, int fd, int events, callback not None):
        self._make_room(fd)
        if not self._is_watched(fd):
            self._registrations += 1
            self._stamps[fd] = self._registrations
        # Either may be wrong of a number that was closed without a word, and is another file's by now.
        if self._control(EPOLL_CTL_ADD, fd, events) < 0 and self._control(EPOLL_CTL_MOD, fd, events) < 0:
            PyErr_SetFromErrno(OSError)
        self._callbacks[fd] = callback

    def modify(self, int fd, int events):
        if not self._is_watched(fd):
            raise KeyError(fd)
        if self._control(EPOLL_CTL_MOD, fd, events) < 0:
            PyErr_SetFromErrno(OSError)

    def unregister(self, int fd):
        if self._is_watched(fd):
            self._callbacks[fd] = None
            self._control(EPOLL_CTL_DEL, fd, 0)  # the kernel has done so of what is closed already

    # ---- timers

    cdef int arm_at(self, Timer timer, int64_t due) except -1:
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

    def arm(self, Timer timer not None, double deadline):
        # Up, so that the clock has passed the deadline when the timer is served, whatever was rounded.
        self.arm_at(timer, whole(deadline * MICROSECONDS) + 1)

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

    cdef int64_t _next_due(self) except -1:
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

    def next_deadline(self):
        cdef int64_t due = self._next_due()
        return None if due == NEVER else due / <double>MICROSECONDS

    cdef int _serve_timers(self) except -1:
        """What is due. A timer that a callback arms for at once waits for the next turn: no turn is without end."""
        cdef unsigned long newest = self._orders
        cdef int64_t now = self.now
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

    # ---- turns

    cdef int _set_alarm(self, int64_t due) except -1:
        cdef itimerspec alarm
        due = min(due, self.now + MOST_AHEAD)
        alarm.it_interval.tv_sec = alarm.it_interval.tv_nsec = 0
        alarm.it_value.tv_sec = due // MICROSECONDS
        alarm.it_value.tv_nsec = <long>(due % MICROSECONDS) * 1000
        if timerfd_settime(self._alarm, TFD_TIMER_ABSTIME, &alarm, NULL) < 0:
            PyErr_SetFromErrno(OSError)
        self._alarm_due = due
        return 0

    cdef int take_turn(self, bint wait=True) except -1:
        cdef int64_t due = self._next_due()
        cdef int timeout_ms = -1 if wait else 0, ready
        if due < self._alarm_due:
            if due <= monotonic_us():
                timeout_ms = 0
            else:
                self._set_alarm(due)
        with nogil:
            ready = epoll_wait(self._epoll, self._ready, SERVED_A_TURN, timeout_ms)
        self.now = monotonic_us()
        if self.now >= self._alarm_due:
            self._alarm_due = NEVER
        if ready < 0 and errno != EINTR:
            PyErr_SetFromErrno(OSError)
        PyErr_CheckSignals()
        if ready > 0:
            self._serve_descriptors(ready)
        self._serve_timers()
        for turn_end in self.turn_ends:
            turn_end()
        self.longest_turn_us = max(self.longest_turn_us, monotonic_us() - self.now)
        return 0

    def turn(self, bint wait=True):
        self.take_turn(wait)

    def fileno(self):
        return self._epoll

    cdef int _serve_descriptors(self, int ready) except -1:
        cdef int index, fd
        cdef uint64_t which
        for index in range(ready):
            which = self._ready[index].data.u64
            fd = <int><uint32_t>which
            # Else an earlier callback of this turn has closed it, and may have opened another of its number.
            if self._is_watched(fd) and self._stamps[fd] == which >> 32:
                callback = self._callbacks[fd]
                callback(<int>self._ready[index].events)
        return 0

    def run(self):
        self.running = True
        while self.running:
            self.take_turn()

    def stop(self):
        self.running = False

    def close(self):
        for fd in (self._wake_read, self._wake_write, self._epoll, self._alarm):
            close(fd)
        # Those numbers are other files' from now on.
        self._epoll = self._alarm = self._wake_read = self._wake_write = -1

    # ---- other threads

    def call_soon_from_thread(self, callback):
        self._woken.append(callback)
        try:
            write(self._wake_write, b"\0")
        except OSError:
            pass  # the pipe is full of wake-ups already; or the loop has ended, and nobody is left to wake

    def wakeup_fd(self):
        return self._wake_write

    def _on_wake(self, int revents):
        try:
            read(self._wake_read, 4096)
        except BlockingIOError:
            pass
        woken, self._woken = self._woken, []
        for callback in woken:
            callback()
