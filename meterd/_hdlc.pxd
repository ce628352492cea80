cimport cython

from ._decoder cimport FrameDecoder

cdef enum Outcome:
    NEED_MORE
    WHOLE
    BAD_FORMAT
    BAD_LENGTH
    BAD_ADDRESS
    BAD_HCS
    BAD_FCS
    NO_END

cdef struct Layout:
    Py_ssize_t length       # what the length field says
    Py_ssize_t missing      # bytes to come, when more are needed
    Py_ssize_t destination  # sizes
    Py_ssize_t source
    Py_ssize_t information
    const unsigned char *information_at


@cython.final
cdef class HdlcFrame:
    cdef readonly bytes destination
    cdef readonly bytes source
    cdef readonly bytes information
    cdef readonly unsigned char control
    cdef readonly bint segmented


@cython.final
cdef class HdlcDecoder(FrameDecoder):
    cdef bytes _destination    # addresses of the last frame
    cdef bytes _source
    cdef bint _damaged         # what is dropped next still belongs to a damaged frame, whose reason stands
    cdef readonly Py_ssize_t missing

    cdef HdlcFrame _frame(self, const unsigned char *data, Layout *layout)
    cdef void _leave_flag(self) noexcept
    cdef bint _hunt(self) noexcept


cdef bytes frame_octets(bytes destination, bytes source, int control, bytes information, bint segmented)
