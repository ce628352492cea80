from libc.stdint cimport int64_t, uint32_t, uint64_t

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
    SERVED_A_TURN = 32  # what else is ready comes first in the next turn


cdef class Poller:
    cdef int64_t woken_at     # when the last wait was over
    cdef bint told_all        # by then: all that was ready is served in this turn, what is not was not
    cdef int _epoll
    cdef bint _is_timed       # a wait can end by itself at any time: the kernel has not refused to
    cdef int _alarm           # a descriptor, or -1, that is ready at
    cdef int64_t _alarm_due   # this time, or NEVER
    cdef epoll_event _ready[SERVED_A_TURN]
    cdef list _callbacks      # by descriptor; None for those that are not watched
    cdef uint32_t *_stamps    # beside it: which registration of that number it is
    cdef uint32_t _registrations

    cdef int wait(self, int64_t due, int64_t now, bint wait) except -1
    cdef int _wait_ms(self, int timeout_ms) noexcept
    cdef int _wait_us(self, int64_t timeout_us) noexcept
    cdef int descriptor(self) noexcept
    cdef int serve(self, int ready) except -1
    cdef int watch(self, int fd, int events, callback) except -1
    cdef int change(self, int fd, int events) except -1
    cdef int forget(self, int fd) noexcept
    cdef int give_back(self) except -1
    cdef bint _is_watched(self, int fd) noexcept
    cdef int _make_room(self, int fd) except -1
    cdef int _control(self, int operation, int fd, int events) noexcept
    cdef int _set_alarm(self, int64_t due, int64_t now) except -1
    cdef int _make_alarm(self) except -1
