from libc.stdint cimport int64_t, uint32_t, uint64_t

from .._clock cimport timespec
from ._timers cimport Timer

cdef extern from "poll.h":
    int POLLIN
    int POLLOUT

cdef extern from "sys/epoll.h":  # its event masks are poll's
    ctypedef union epoll_data_t:
        uint64_t u64
    struct epoll_event:
        uint32_t events
        epoll_data_t data
    int epoll_create1(int flags)
    int epoll_ctl(int epoll, int operation, int fd, epoll_event *event)
    int epoll_wait(int epoll, epoll_event *events, int room, int timeout_ms) nogil
    int EPOLL_CLOEXEC
    int EPOLL_CTL_ADD
    int EPOLL_CTL_MOD
    int EPOLL_CTL_DEL
    int EPOLLET

cdef enum:
    MOST_DESCRIPTORS = 1 << 20
    MOST_AHEAD = 0x7FFF0000  # microseconds: seconds of 32 bits hold that, and half an hour later it is set anew
    SERVED_A_TURN = 32  # what else is ready comes first in the next turn
    # With hundreds of meters every turn finds hundreds of time-outs moved; to put all in their place then is dear.
    MOVES_A_TURN = 8


cdef class Loop:
    cdef int64_t now
    cdef int64_t longest_turn_us
    cdef public bint running
    cdef readonly list turn_ends
    cdef list _heap
    cdef unsigned long _orders
    cdef int _epoll
    cdef int _alarm           # a descriptor that is ready at
    cdef int64_t _alarm_due   # this time, or NEVER
    cdef epoll_event _ready[SERVED_A_TURN]
    cdef list _callbacks      # by descriptor; None for those that are not watched
    cdef uint32_t *_stamps    # beside it: which registration of that number it is
    cdef uint32_t _registrations
    cdef int _wake_read
    cdef int _wake_write
    cdef list _woken

    cdef bint _is_watched(self, int fd) noexcept
    cdef int _make_room(self, int fd) except -1
    cdef int _control(self, int operation, int fd, int events) noexcept
    cdef int arm_at(self, Timer timer, int64_t due) except -1
    cdef int _pop(self) except -1
    cdef int64_t _next_due(self) except -1
    cdef int _move(self, Timer timer) except -1
    cdef int _serve_timers(self) except -1
    cdef int _set_alarm(self, int64_t due) except -1
    cdef int take_turn(self, bint wait=*) except -1
    cdef int _serve_descriptors(self, int ready) except -1
