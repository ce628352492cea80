"""Values of DLMS attributes as readings, and many attributes read singly or in lists: what a register costs is decided
here.

The problem: nearly every value is an integer with a power of ten. Those become readings here; whatever else a meter
says (other types, refusals) is put into words by `protocols.dlms.reading`, through `other(target, code, value)`.
Assumptions: targets are prepared: each knows its descriptor, its signals and its scaler, (power of ten, unit).
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.list cimport PyList_GET_SIZE
from cpython.tuple cimport PyTuple_GET_SIZE
from libc.string cimport memcpy

from ..._axdr cimport INVOKE_ID_MASK
from ..._number cimport MOST_EXPONENT, exact
from ..._reading cimport Reading, Signal, good_reading
from ..._steps cimport Burst, Receive
from ._shortcut cimport Shortcut

cdef enum:
    LIST_HEAD = 4  # of a GET.request-with-list, the count of descriptors included
    MOST_COUNTED = 0x7F  # in one octet

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


cdef object scaled(Wanted target, object result):
    """The value of an integer with a known scaler; None for whatever else a result is, `(code, value)` as it may be."""
    cdef object value = result
    if type(result) is tuple:
        if PyTuple_GET_SIZE(result) != 2:
            raise ValueError("no result")
        if (<tuple>result)[0] is not ZERO:
            return None
        value = (<tuple>result)[1]
    if type(value) is not int or target._scaler is None:
        return None
    if not target.exponent:
        return value
    return exact(value, target.exponent) if -MOST_EXPONENT <= target.exponent <= MOST_EXPONENT else None


cdef object reading_of(Wanted target, object result, other):
    """What a result is for the signals of its target: one reading, or a list of them."""
    cdef object value = scaled(target, result)
    if value is None:
        code, value = result if type(result) is tuple else (ZERO, result)
        return list(other(target, code, value))
    if len(target.signals) == 1:
        return good_reading(<Signal?>target.signals[0], value, target._scaler[1], None)
    return [good_reading(<Signal?>signal, value, target._scaler[1], None) for signal in target.signals]


cdef list all_readings(list targets, list results, other):
    """The readings of all these targets, in the place of their results. Nobody else has either list: `other` may do as
    it likes.
    """
    cdef Py_ssize_t index, at = 0
    if PyList_GET_SIZE(targets) != PyList_GET_SIZE(results):
        raise ValueError(f"{len(results)} results for {len(targets)} targets")
    for index in range(PyList_GET_SIZE(targets)):
        found = reading_of(<Wanted?>targets[index], results[at], other)
        if type(found) is Reading:
            results[at] = found
            at += 1
        else:
            results[at:at + 1] = found
            at += len(found)
    return results


def readings_of(list targets not None, list results not None, other):
    return all_readings(targets[:], results[:], other)


@cython.final
cdef class Registers(Burst):
    def __cinit__(
        self, Receive receive not None, Shortcut shortcut not None, InvokeIds invoke_ids not None,
        list targets not None,
        Py_ssize_t start, other, Py_ssize_t most=1, Py_ssize_t limit=0, Py_ssize_t max_info=0,
    ):
        if start < 0:
            raise ValueError("targets are counted from 0")
        if not 1 <= most <= MOST_COUNTED:
            raise ValueError(f"a request asks for 1 to {MOST_COUNTED} attributes")
        self.receive = receive
        self._shortcut = shortcut
        self._invoke_ids = invoke_ids
        self._targets = targets
        self.done = start
        self._other = other
        self._most = most
        self._limit = limit
        self._max_info = max_info

    def __init__(self, *_):
        """Not the one of `Burst`."""

    def again(self, targets):
        if self._targets is not targets:
            return False
        self.done = self.asked = 0
        self.listed = False
        return True

    cpdef bytes request(self):
        cdef Py_ssize_t size
        self.asked = 0
        if self.done >= PyList_GET_SIZE(self._targets):
            return None
        if self._listed is not None and self._listed_from == self.done:
            self.asked = <unsigned char>PyBytes_AS_STRING(self._listed)[0]
        else:
            size = self._choose()
            if self.asked == 1:
                self.invoke = self._invoke_ids.next_one()
                return self._shortcut.ask(self.invoke, (<Wanted>self._targets[self.done]).descriptor)
            if size + self._shortcut._head > self._max_info:
                self.asked = 0
                return None
            self._listed = self._descriptors(size)
            self._listed_from = self.done
        self.invoke = self._invoke_ids.next_one()
        return self._shortcut.ask_list(self.invoke, self._listed)

    cdef Py_ssize_t _choose(self) except -1:
        """How many targets the next request asks for, one at least. Returns: the octets of its APDU."""
        cdef Py_ssize_t size = LIST_HEAD, more, index
        for index in range(self.done, min(self.done + self._most, PyList_GET_SIZE(self._targets))):
            more = len((<Wanted?>self._targets[index]).descriptor)  # which sees to None
            if self.asked and size + more > self._limit:
                break
            size += more
            self.asked += 1
        return size

    cdef bytes _descriptors(self, Py_ssize_t size):
        """Those of the targets that were chosen behind their count; `size` is that of the APDU."""
        cdef bytes joined = PyBytes_FromStringAndSize(NULL, size - LIST_HEAD + 1)
        cdef char *at = PyBytes_AS_STRING(joined)
        cdef bytes descriptor
        cdef Py_ssize_t index
        at[0] = <char>self.asked
        at += 1
        for index in range(self.done, self.done + self.asked):
            descriptor = (<Wanted>self._targets[index]).descriptor
            memcpy(at, PyBytes_AS_STRING(descriptor), PyBytes_GET_SIZE(descriptor))
            at += PyBytes_GET_SIZE(descriptor)
        return joined

    cpdef object take(self, frame):
        cdef Py_ssize_t start = self.done
        if not self.asked or start + self.asked > PyList_GET_SIZE(self._targets):
            return None
        return self._take_one(frame) if self.asked == 1 else self._take_list(frame)

    cdef object _take_one(self, frame):
        cdef object result = self._shortcut.hear(self.invoke, frame)
        if result is None:
            return None
        self.done += 1
        return reading_of(<Wanted?>self._targets[self.done - 1], result, self._other)

    cdef list _take_list(self, frame):
        cdef list results = self._shortcut.hear_list(self.invoke, self.asked, frame)
        cdef Py_ssize_t start = self.done
        if results is None:
            return None
        self.listed = True
        self.done += self.asked
        return all_readings(self._targets[start:self.done], results, self._other)
