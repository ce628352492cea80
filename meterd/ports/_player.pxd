cimport cython
from libc.stdint cimport int64_t

from .._steps cimport Burst, Receive, Send
from .._reading cimport Inlet, Reading
from ._echo cimport Echo
from ._loop cimport Loop
from ._port cimport Counts, DataReader, Port
from ._timers cimport Timer


cdef class Stepper(DataReader):
    cdef readonly Loop loop
    cdef readonly Port port
    cdef Inlet _on_report
    cdef public object on_end       # called with what ended a conversation, or None
    cdef readonly list observers
    cdef readonly Counts counts
    cdef readonly object generator
    cdef readonly Timer timer       # of the present step
    cdef public object rare
    cdef list _reported      # signals, some more than once; None between conversations
    cdef Py_ssize_t _most_reported
    cdef object _on_trouble  # called with a reading that is not good, or that somebody put into words; or None
    cdef bint _strips_echo
    cdef Receive _receiving
    cdef object _reception   # only once bytes came that were no frame
    cdef Send _held          # waits for the poll delay to pass
    cdef bytes _inbox
    cdef Echo _echo
    cdef bint _sending       # bytes are on their way out
    cdef bint _unsettled     # something failed: what still comes in belongs to the past
    cdef bint _is_first      # nothing was sent yet in this conversation that wants an answer of its own
    cdef bint _is_answered   # what was sent last was
    cdef Burst _burst
    cdef int64_t _poll_delay
    cdef int64_t _received_since
    cdef int64_t _last_activity

    # None is called by way of a table, since whoever is a stepper has no other.
    @cython.final
    cdef void _reset(self)

    @cython.final
    cdef int _finish(self, error) except -1

    @cython.final
    cdef int _note(self, error) except -1

    @cython.final
    cdef int _go_on(self, Receive step, bytes data) except -1

    @cython.final
    cdef void _clear_step(self)

    @cython.final
    cdef int _take_in(self, bytes data) except -1

    @cython.final
    cdef int _step(self, value, error) except -1

    @cython.final
    cdef object _resume(self, generator, value)

    @cython.final
    cdef object _answer(self, step)

    @cython.final
    cdef int _report(self, Reading reading) except -1

    @cython.final
    cdef int _report_all(self, list readings) except -1

    @cython.final
    cdef object _receive(self, Receive step)

    @cython.final
    cdef object _transmit(self, Send step, bint was_held)

    @cython.final
    cdef bint _must_wait(self) except -1

    @cython.final
    cdef object _put_out(self, bytes data)

    @cython.final
    cdef object _exchange(self, Burst burst, frame)

    @cython.final
    cdef object _send_next(self, bytes data)
