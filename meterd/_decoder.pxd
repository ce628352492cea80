from cpython.bytes cimport PyBytes_GET_SIZE
from cpython.mem cimport PyMem_Free

from ._input cimport Input, input_of, left


cdef object as_shown(object record)


cdef class FrameDecoder:
    cdef Input held            # what came and is not used up
    cdef bytes _owner          # what was fed last, where that is all of it; otherwise it lies in
    cdef unsigned char *_room  # a room of our own, which is there only then
    cdef Py_ssize_t _capacity
    cdef readonly Py_ssize_t discarded
    cdef readonly str reason

    cdef object take_in(self, bytes data)
    cdef Py_ssize_t held_back(self) noexcept
    cdef void forget(self) noexcept
    cdef int put_behind(self, bytes data) except -1
    cdef int drop_surplus(self, Py_ssize_t limit) except -1


cdef inline int hold(FrameDecoder decoder, bytes data, Py_ssize_t limit) except -1:
    """Take `data` behind what is held, at most `limit` bytes of it all. Returns: whether bytes went for that."""
    if decoder.held.at == decoder.held.end:
        let_go(decoder)
        decoder._owner = data
        decoder.held = input_of(data)
    elif PyBytes_GET_SIZE(data):
        decoder.put_behind(data)
    return decoder.drop_surplus(limit) if left(&decoder.held) > limit else 0


cdef inline void drop(FrameDecoder decoder, Py_ssize_t count, str reason) noexcept:
    """Throw away the first `count` bytes held."""
    decoder.held.at += count
    decoder.discarded += count
    decoder.reason = reason


cdef inline void let_go(FrameDecoder decoder) noexcept:
    """Forget all that is held, and keep nothing alive for it: idle decoders are many."""
    decoder.held.at = decoder.held.end = NULL
    decoder._owner = None
    if decoder._room != NULL:
        PyMem_Free(decoder._room)
        decoder._room = NULL
        decoder._capacity = 0
