"""One thread, one wait a turn; when nothing is due the process sleeps without end.

The problem: a turn is paid for every answer of every meter, so it does four things and no more. What is waited for and
how is `_poller`'s business, what is due and when `_timers`'.
Rules: a callback must not block and may do anything else, also close what is to be served next. No list that grows with
the meters is walked in a turn.
Dirt it must survive: signals at any time, wake-ups from other threads.
"""

from .._clock cimport MICROSECONDS, NEVER, monotonic_us, whole
from ._poller cimport POLLIN, Poller
from ._timers cimport Timer, Timers

from posix import O_CLOEXEC, O_NONBLOCK, close, pipe2, read, write

cdef enum:
    # Microseconds, one below a power of two: what is due at about the same time is served in one turn, after one wait.
    ABOUT = 0x1FFF

cdef extern from *:
    """
    #ifdef __GLIBC__
    #include <malloc.h>
    #define trim_heap() malloc_trim(0)
    #else
    #define trim_heap() 0
    #endif
    """
    int trim_heap()


def give_back_memory():
    trim_heap()


cdef class Loop:
    def run(self):
        self.running = True
        self._look_at_clock()
        while self.running:
            self._turn(True)

    def turn(self, bint wait=True):
        self._look_at_clock()  # since the last turn any time may have passed
        self._turn(wait)

    cdef int _turn(self, bint wait) except -1:
        cdef int ready = self._wait(wait)
        self._poller.serve(ready)
        self._timers.serve(self.now)
        for turn_end in self.turn_ends:
            turn_end()
        if self.clock is None:
            self._look_at_clock()
            self.longest_turn_us = max(self.longest_turn_us, self._ended - self.now)
        return 0

    cdef void _look_at_clock(self) noexcept:
        self._ended = monotonic_us()

    def stop(self):
        self.running = False

    cdef int _wait(self, bint wait) except -1:
        """Until something is ready or the first timer is due, or not at all; sets the time of this turn."""
        cdef int64_t due = self._timers.next_due()
        cdef int ready
        if self.clock is None:
            ready = self._poller.wait(due, self._ended, wait)
            self.now = self._poller.woken_at
            return ready
        # Time that is not the machine's passes while nothing is ready, and only as far as somebody waits for.
        ready = self._poller.wait(NEVER, self._ended, wait and due == NEVER)
        if wait and not ready and due != NEVER:
            self.clock.pass_until(due)
        self.now = self.clock.now_us()
        return ready

    # ---- its parts

    def __cinit__(self, clock=None):
        self.clock = clock
        self.now = monotonic_us() if clock is None else clock.now_us()
        self.turn_ends = []
        self._woken = []
        self._timers = Timers()
        self._wake_read, self._wake_write = pipe2(O_NONBLOCK | O_CLOEXEC)
        self._poller = Poller()
        self._poller.watch(self._wake_read, POLLIN, self._on_wake)

    def close(self):
        self._poller.give_back()
        close(self._wake_read)
        close(self._wake_write)
        self._wake_read = self._wake_write = -1  # those numbers are other files' from now on

    @property
    def longest_turn_s(self):
        """For so long at most did nobody else have his turn."""
        return self.longest_turn_us / <double>MICROSECONDS

    @property
    def time(self):
        return self.seconds()

    cdef double seconds(self) noexcept:
        """What time it is in this turn: worked out once, for a division is dear where there is no unit for it."""
        if self._told != self.now:
            self._told = self.now
            self._seconds = self.now / <double>MICROSECONDS
        return self._seconds

    # ---- descriptors

    def fileno(self):
        return self._poller.descriptor()

    def register(self, int fd, int events, callback not None):
        self._poller.watch(fd, events, callback)

    def modify(self, int fd, int events):
        self._poller.change(fd, events)

    def unregister(self, int fd):
        self._poller.forget(fd)

    cdef bint has_told_all(self) noexcept:
        """Whether a descriptor that was not served in this turn had nothing to be read when it began."""
        return self._poller.told_all

    # ---- timers

    cdef int arm_at(self, Timer timer, int64_t due) except -1:
        return self._timers.arm(timer, due)

    def arm(self, Timer timer not None, double deadline, bint about=False):
        cdef int64_t due = self.now
        if not deadline <= self.seconds():  # also what is no time
            # Up, so that the clock has passed the deadline when the timer is served, whatever was rounded.
            due = whole(deadline * MICROSECONDS) + 1
            if about:
                due |= ABOUT
        self._timers.arm(timer, due)

    def next_deadline(self):
        cdef int64_t due = self._timers.next_due()
        return None if due == NEVER else due / <double>MICROSECONDS

    @property
    def timers(self):
        """How many timers are in the heap; some may be disarmed by now."""
        return self._timers.count()

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
