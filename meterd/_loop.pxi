"""One thread, one poll(2) a turn, one heap of timers; when nothing is due the process sleeps without end.

The problem: a turn is paid for every answer of every meter. Times are whole microseconds of the monotonic clock here,
since a gateway's processor adds those in two instructions and floating point numbers in a hundred; Python sees seconds.
Assumptions: descriptors are small numbers, as the kernel hands them out. A timer that is armed anew for later stays
where it is in the heap and is moved when it comes up: the usual life of a time-out (armed, and disarmed by the answer)
touches the heap hardly ever.
Dirt it must survive: callbacks that close what is to be served next, signals at any time, wake-ups from other threads.
"""

cdef extern from "poll.h":
    struct pollfd:
        int fd
        short events
        short revents
    int poll(pollfd *fds, unsigned long count, int timeout_ms) nogil
    int POLLIN
    int POLLOUT

cdef extern from "time.h":
    struct timespec:
        int64_t tv_sec
        long tv_nsec
    int clock_gettime(int clock, timespec *time) nogil
    int CLOCK_MONOTONIC
    int CLOCK_REALTIME

cdef enum:
    MICROSECONDS = 1000000
    MOST_DESCRIPTORS = 1 << 20
    # With hundreds of meters every turn finds hundreds of time-outs moved; to put all in their place then is dear.
    MOVES_A_TURN = 8
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


cdef inline int milliseconds(int64_t microseconds) noexcept:
    """For poll, rounded up, so that it never ends early and spins until the deadline."""
    if microseconds <= 0:
        return 0
    if microseconds >= 0x7FFF0000:
        return 0x7FFF0000 // 1000  # half an hour is enough for one poll
    return <int>((<uint32_t>microseconds + 999) // 1000)


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


cdef class Loop:
    cdef int64_t now
    cdef public bint running
    cdef readonly list turn_ends
    cdef list _heap
    cdef unsigned long _orders
    cdef pollfd *_watched
    cdef pollfd *_ready
    cdef Py_ssize_t _count
    cdef Py_ssize_t _room
    cdef list _callbacks      # beside _watched
    cdef int *_places         # of a descriptor in _watched; -1 for those that are not there
    cdef Py_ssize_t _places_size
    cdef int _wake_read
    cdef int _wake_write
    cdef list _woken

    def __cinit__(self):
        self.now = monotonic_us()
        self.turn_ends = []
        self._heap = []
        self._callbacks = []
        self._woken = []
        self._wake_read, self._wake_write = pipe2(O_NONBLOCK | O_CLOEXEC)
        self.register(self._wake_read, POLLIN, self._on_wake)

    def __dealloc__(self):
        PyMem_Free(self._watched)
        PyMem_Free(self._ready)
        PyMem_Free(self._places)

    @property
    def time(self):
        return self.now / <double>MICROSECONDS

    @property
    def timers(self):
        """How many timers are in the heap; some may be disarmed by now."""
        return PyList_GET_SIZE(self._heap)

    # ---- descriptors

    cdef Py_ssize_t _place(self, int fd) noexcept:
        return self._places[fd] if 0 <= fd < self._places_size else -1

    cdef int _make_room(self, int fd) except -1:
        cdef Py_ssize_t size, index
        cdef void *grown
        if not 0 <= fd < MOST_DESCRIPTORS:
            raise ValueError(f"{fd} is no descriptor")
        if fd >= self._places_size:
            size = fd + 64
            grown = PyMem_Realloc(self._places, size * sizeof(int))
            if grown == NULL:
                raise MemoryError
            self._places = <int *>grown
            for index in range(self._places_size, size):
                self._places[index] = -1
            self._places_size = size
        if self._count == self._room:
            size = self._room + 64
            grown = PyMem_Realloc(self._watched, size * sizeof(pollfd))
            if grown == NULL:
                raise MemoryError
            self._watched = <pollfd *>grown
            grown = PyMem_Realloc(self._ready, size * sizeof(pollfd))
            if grown == NULL:
                raise MemoryError
            self._ready = <pollfd *>grown
            self._room = size
        return 0

    def register(self, int fd, int events, callback):
        cdef Py_ssize_t place = self._place(fd)
        if place < 0:
            self._make_room(fd)
            self._callbacks.append(callback)
            place = self._places[fd] = <int>self._count
            self._count += 1
            self._watched[place].fd = fd
            self._watched[place].revents = 0  # what poll said in this turn was of another file of that number
        else:
            self._callbacks[place] = callback
        self._watched[place].events = <short>events

    def modify(self, int fd, int events):
        cdef Py_ssize_t place = self._place(fd)
        if place < 0:
            raise KeyError(fd)
        self._watched[place].events = <short>events

    def unregister(self, int fd):
        cdef Py_ssize_t place = self._place(fd), last = self._count - 1
        if place < 0:
            return
        self._places[fd] = -1
        callback = self._callbacks.pop()
        if place < last:  # the last one takes its place
            self._callbacks[place] = callback
            self._watched[place] = self._watched[last]
            self._places[self._watched[place].fd] = <int>place
        self._count = last

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

    def turn(self):
        cdef int64_t due = self._next_due()
        cdef int timeout_ms = -1, ready
        if due != NEVER:
            timeout_ms = 0 if due <= self.now else milliseconds(due - monotonic_us())
        with nogil:
            ready = poll(self._watched, self._count, timeout_ms)
        self.now = monotonic_us()
        if ready < 0 and errno != EINTR:
            PyErr_SetFromErrno(OSError)
        PyErr_CheckSignals()
        if ready > 0:
            self._serve_descriptors(ready)
        self._serve_timers()
        for turn_end in self.turn_ends:
            turn_end()

    cdef int _serve_descriptors(self, int ready) except -1:
        cdef Py_ssize_t index, place
        cdef int count = 0
        for index in range(self._count):  # a callback may change what is watched, so it is noted first
            if self._watched[index].revents:
                self._ready[count] = self._watched[index]
                count += 1
                if count == ready:
                    break
        for index in range(count):
            place = self._place(self._ready[index].fd)
            # Else an earlier callback of this turn has closed it, and may have opened another of its number.
            if place >= 0 and self._watched[place].revents:
                callback = self._callbacks[place]
                callback(<int>self._ready[index].revents)
        return 0

    def run(self):
        self.running = True
        while self.running:
            self.turn()

    def stop(self):
        self.running = False

    def close(self):
        self.unregister(self._wake_read)
        close(self._wake_read)
        close(self._wake_write)
        self._wake_read = self._wake_write = -1  # those numbers are other files' from now on

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
