"""The one wait of a turn: until a descriptor is ready, or it is time.

The order says select(); epoll stands here instead. select() is told anew in every turn what to watch, looks at every
descriptor up to the highest, and ends at number 1023. To tell the kernel in every turn costs a tenth of what a register
costs with one meter, and with a thousand meters many times that; epoll is told once. Until when to wait goes along with
the wait, in nanoseconds (epoll_pwait2, since Linux 5.11); epoll_wait knows milliseconds, and at 115,200 baud a
millisecond is a dozen characters.
For what is FAR there is an alarm, a descriptor that is ready at a time (timerfd). Being woken too early does no harm:
it is set for the first time-out and left alone while that is put off by answer after answer; a wait that ends by itself
costs the kernel a timer each time, a twentieth of an exchange. It stands in for the rest too where the kernel has no
such call, and for a loop around this one, which waits in its own way. It is made when it is needed first.
Assumptions: descriptors are small numbers, as the kernel hands them out.
Dirt it must survive: callbacks that close what is to be served next, numbers that are another file's by now, signals at
any time, a filter of system calls that refuses the one that it does not know yet.
"""

from cpython.exc cimport PyErr_CheckSignals, PyErr_SetFromErrno
from cpython.list cimport PyList_GET_SIZE
from cpython.mem cimport PyMem_Free, PyMem_Realloc
from libc.errno cimport EINTR, ENOSYS, EPERM, errno
from libc.stdint cimport int64_t, uint32_t, uint64_t

from .._clock cimport CLOCK_MONOTONIC, MICROSECONDS, NEVER, monotonic_us, timespec

from posix import close

cdef extern from "sys/timerfd.h":
    int timerfd_create(int clock, int flags)
    int timerfd_settime(int timer, int flags, const itimerspec *time, itimerspec *former)
    int TFD_CLOEXEC
    int TFD_TIMER_ABSTIME

cdef extern from "time.h":
    struct itimerspec:
        timespec it_interval
        timespec it_value

cdef extern from *:
    """
    #include <sys/syscall.h>
    #include <unistd.h>
    #ifndef SYS_epoll_pwait2  /* headers older than it */
    #define SYS_epoll_pwait2 -1  /* answered with ENOSYS */
    #endif
    struct long_timespec { int64_t tv_sec; long long tv_nsec; };  /* of 64 bits on every machine */
    """
    struct long_timespec:
        int64_t tv_sec
        int64_t tv_nsec
    long syscall(long number, ...) nogil
    long SYS_epoll_pwait2

cdef enum:
    MOST_DESCRIPTORS = 1 << 20
    FAR = 100000              # microseconds
    MOST_AHEAD = 0x7FFF0000  # microseconds: seconds of 32 bits hold that, and half an hour later it is set anew


cdef class Poller:
    def __cinit__(self):
        self._callbacks = []
        self._alarm = -1
        self._alarm_due = NEVER
        self._is_timed = True
        self._epoll = epoll_create1(EPOLL_CLOEXEC)
        if self._epoll < 0:
            PyErr_SetFromErrno(OSError)

    def __dealloc__(self):
        PyMem_Free(self._stamps)

    cdef int wait(self, int64_t due, int64_t now, bint wait) except -1:
        """Until something is ready, a signal came, or it is `due`, which may be past or NEVER; how many are ready.

        Without `wait` a loop around this one waits: it sees by `descriptor` when it is time.
        """
        cdef int ready
        if due <= now:
            ready = self._wait_ms(0)
        elif wait and self._is_timed and due - now < FAR and due < self._alarm_due:
            ready = self._wait_us(due - now)
            if ready < 0 and (errno == ENOSYS or errno == EPERM):
                self._is_timed = False
                return self.wait(due, now, wait)
        else:
            if due < self._alarm_due:
                self._set_alarm(due, now)
            ready = self._wait_ms(-1 if wait else 0)
        self.woken_at = monotonic_us()
        self.told_all = 0 <= ready < SERVED_A_TURN
        if self.woken_at >= self._alarm_due:
            self._alarm_due = NEVER
        if ready < 0:
            if errno != EINTR:
                PyErr_SetFromErrno(OSError)
            ready = 0
        PyErr_CheckSignals()
        return ready

    cdef int _wait_ms(self, int timeout_ms) noexcept:
        cdef int ready
        with nogil:
            ready = epoll_wait(self._epoll, self._ready, SERVED_A_TURN, timeout_ms)
        return ready

    cdef int _wait_us(self, int64_t timeout_us) noexcept:
        cdef long_timespec timeout
        cdef int ready
        timeout.tv_sec = timeout_us // MICROSECONDS
        timeout.tv_nsec = timeout_us % MICROSECONDS * 1000
        with nogil:
            ready = <int>syscall(
                SYS_epoll_pwait2, self._epoll, self._ready, SERVED_A_TURN, &timeout, <void *>NULL, <size_t>0
            )
        return ready

    cdef int descriptor(self) noexcept:
        """Readable when something is ready or it is time."""
        return self._epoll

    cdef int serve(self, int ready) except -1:
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

    # ---- descriptors

    cdef int watch(self, int fd, int events, callback) except -1:
        self._make_room(fd)
        if not self._is_watched(fd):
            self._registrations += 1
            self._stamps[fd] = self._registrations
        # Either may be wrong of a number that was closed without a word, and is another file's by now.
        if self._control(EPOLL_CTL_ADD, fd, events) < 0 and self._control(EPOLL_CTL_MOD, fd, events) < 0:
            PyErr_SetFromErrno(OSError)
        self._callbacks[fd] = callback
        return 0

    cdef int change(self, int fd, int events) except -1:
        if not self._is_watched(fd):
            raise KeyError(fd)
        if self._control(EPOLL_CTL_MOD, fd, events) < 0:
            PyErr_SetFromErrno(OSError)
        return 0

    cdef int forget(self, int fd) noexcept:
        if self._is_watched(fd):
            self._callbacks[fd] = None
            self._control(EPOLL_CTL_DEL, fd, 0)  # the kernel has done so of what is closed already
        return 0

    cdef int give_back(self) except -1:
        close(self._epoll)
        if self._alarm >= 0:
            close(self._alarm)
        self._epoll = self._alarm = -1  # those numbers are other files' from now on
        return 0

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

    cdef int _set_alarm(self, int64_t due, int64_t now) except -1:
        cdef itimerspec alarm
        if self._alarm < 0:
            self._make_alarm()
        due = min(due, now + MOST_AHEAD)
        alarm.it_interval.tv_sec = alarm.it_interval.tv_nsec = 0
        alarm.it_value.tv_sec = due // MICROSECONDS
        alarm.it_value.tv_nsec = <long>(due % MICROSECONDS) * 1000
        if timerfd_settime(self._alarm, TFD_TIMER_ABSTIME, &alarm, NULL) < 0:
            PyErr_SetFromErrno(OSError)
        self._alarm_due = due
        return 0

    cdef int _make_alarm(self) except -1:
        cdef epoll_event event
        event.events = POLLIN | EPOLLET
        event.data.u64 = 0  # no registration's
        self._alarm = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC)
        if epoll_ctl(self._epoll, EPOLL_CTL_ADD, self._alarm, &event) < 0:  # so it is where there is none
            PyErr_SetFromErrno(OSError)
        return 0
