cimport cython

from ._decoder cimport FrameDecoder

cdef enum State:
    HUNTING
    SKIPPING  # the rest of a line that begins with noise
    LINES     # data lines without STX
    COMMAND   # behind SOH
    BLOCK     # behind STX
    CHECK     # ETX or EOT is there, its BCC is not

cdef str NO_START


@cython.final
cdef class Message:
    cdef readonly bytes command
    cdef readonly bytes text
    cdef readonly object bcc
    cdef int _text_sum  # what the sum of `text` is where the check character is the sum of all; -1: it is none
    cdef unsigned int _check_width  # the bits of a check character
    cdef readonly bint partial
    cdef readonly bint complete
    cdef list _sets


cdef Message new_message(bytes command, const unsigned char *text, Py_ssize_t length, object verdict, list sets)


cdef class _Decoder(FrameDecoder):
    cdef Py_ssize_t _scanned  # of what is held

    cdef int _begin(self, bytes data) except -1
    cdef void _restart(self) noexcept
    cdef object _step(self)
    cdef void _use(self, Py_ssize_t count) noexcept
    cdef void _drop(self, Py_ssize_t count, str reason) noexcept
    cdef int _begun_anew(self) except -1
    cdef int _too_long(self) except -1


cdef Message check_block(
    bytes command, const unsigned char *data, Py_ssize_t text_at, Py_ssize_t check_at, bint seven_bit, list sets
)
