"""What the decoders of frames that come one by one share: a face for Python, and a way around it for the player."""

cdef object as_shown(object record):
    from .gateway.shown import shown  # texts for people take less room in Python

    return shown(record)


cdef class FrameDecoder:
    def feed(self, bytes data not None):
        return self.take_in(data)

    @property
    def pending(self):
        return self.held_back()

    cdef object take_in(self, bytes data):
        """`feed`; `data` is never None."""
        return None

    cdef Py_ssize_t held_back(self) noexcept:
        """`pending`."""
        return 0
