"""Values of DLMS attributes as readings, and many attributes read one by one: what a register costs is decided here.

The problem: nearly every value is an integer with a power of ten. Those become readings here; whatever else a meter
says (other types, refusals) is put into words by `protocols.dlms.reading`, through `other(target, code, value)`.
Assumptions: targets are prepared: each knows its descriptor, its signals and its scaler, (power of ten, unit).
"""

cimport cython
from cpython.list cimport PyList_GET_SIZE
from cpython.tuple cimport PyTuple_GET_SIZE

from ..._axdr cimport INVOKE_ID_MASK
from ..._number cimport MOST_EXPONENT, exact
from ..._reading cimport Signal, good_reading
from ..._steps cimport Burst, Receive
from ._shortcut cimport Shortcut

cdef object ZERO = 0


cdef class Wanted:
    @property
    def scaler(self):
        return self._scaler

    @scaler.setter
    def scaler(self, tuple value):
        if value is not None and PyTuple_GET_SIZE(value) != 2:
            raise ValueError("no scaler")
        self.exponent = 0 if value is None else value[0]
        self._scaler = value


@cython.final
cdef class InvokeIds:
    def __cinit__(self, int flags):
        self._flags = flags

    def __call__(self):
        return self.next_one()

    cdef int next_one(self) noexcept:
        self._last = self._last % INVOKE_ID_MASK + 1
        return self._flags | self._last


cdef object scaled(Wanted target, tuple result):
    """The value of an integer with a known scaler; None for whatever else `(code, value)` is."""
    cdef object value = result[1]
    if result[0] is not ZERO or type(value) is not int or target._scaler is None:
        return None
    if not target.exponent:
        return value
    return exact(value, target.exponent) if -MOST_EXPONENT <= target.exponent <= MOST_EXPONENT else None


cdef int add_readings(list readings, Wanted target, tuple result, other) except -1:
    """One reading for each signal of the target out of `(code, value)`."""
    cdef object value = scaled(target, result)
    if value is None:
        readings.extend(other(target, result[0], result[1]))
        return 0
    for signal in target.signals:
        readings.append(good_reading(<Signal?>signal, value, target._scaler[1], None))
    return 0


def readings_of(list targets not None, list results not None, other):
    cdef list readings = []
    cdef tuple result
    cdef Py_ssize_t index
    if PyList_GET_SIZE(targets) != PyList_GET_SIZE(results):
        raise ValueError(f"{len(results)} results for {len(targets)} targets")
    for index in range(PyList_GET_SIZE(targets)):
        result = <tuple?>results[index]
        if PyTuple_GET_SIZE(result) != 2:
            raise ValueError("no result")
        add_readings(readings, <Wanted?>targets[index], result, other)
    return readings


@cython.final
cdef class Registers(Burst):
    def __cinit__(
        self, Receive receive not None, Shortcut shortcut not None, InvokeIds invoke_ids not None,
        list targets not None,
        Py_ssize_t start, other,
    ):
        if start < 0:
            raise ValueError("targets are counted from 0")
        self.receive = receive
        self._shortcut = shortcut
        self._invoke_ids = invoke_ids
        self._targets = targets
        self.done = start
        self._other = other

    def __init__(self, *_):
        """Not the one of `Burst`."""

    cpdef bytes request(self):
        if self.done >= PyList_GET_SIZE(self._targets):
            return None
        self.invoke = self._invoke_ids.next_one()
        return self._shortcut.ask(self.invoke, (<Wanted?>self._targets[self.done]).descriptor)

    cpdef object take(self, frame):
        cdef tuple result = self._shortcut.hear(self.invoke, frame)
        cdef Wanted target
        cdef list readings
        if result is None or self.done >= PyList_GET_SIZE(self._targets):
            return None
        target = <Wanted?>self._targets[self.done]
        self.done += 1
        if len(target.signals) == 1:
            value = scaled(target, result)
            if value is not None:
                return good_reading(<Signal?>target.signals[0], value, target._scaler[1], None)
        readings = []
        add_readings(readings, target, result, self._other)
        return readings
