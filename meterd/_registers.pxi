"""Values of DLMS attributes as readings, and many attributes read one by one: what a register costs is decided here.

The problem: nearly every value is an integer with a power of ten. Those become readings here; whatever else a meter
says (other types, refusals) is put into words by `protocols.dlms.reading`, through `other(target, code, value)`.
Assumptions: `targets` are `protocols.dlms.targets.Target`, prepared: each knows its item, its signals and its scaler.
"""

cdef enum:
    MOST_EXPONENT = 64  # `Number` takes no more


cdef bint add_readings(list readings, target, tuple result, other) except -1:
    """One reading for each signal of the target out of `(code, value)`."""
    cdef object value = result[1]
    cdef tuple scaler
    cdef int exponent
    found = target.scaler
    if result[0] != 0 or type(value) is not int or type(found) is not tuple:
        readings.extend(other(target, result[0], value))
        return False
    scaler = <tuple>found
    exponent = scaler[0]
    if not -MOST_EXPONENT <= exponent <= MOST_EXPONENT:
        readings.extend(other(target, 0, value))
        return False
    if exponent:
        value = exact(value, exponent)
    for signal in <list?>target.signals:
        readings.append(good_reading(signal, value, scaler[1], None))
    return True


def readings_of(list targets not None, list results not None, other):
    cdef list readings = []
    cdef Py_ssize_t index
    if PyList_GET_SIZE(targets) != PyList_GET_SIZE(results):
        raise ValueError(f"{len(results)} results for {len(targets)} targets")
    for index in range(PyList_GET_SIZE(targets)):
        add_readings(readings, targets[index], <tuple?>results[index], other)
    return readings


@cython.final
cdef class Registers(Burst):
    cdef readonly Py_ssize_t done  # the first target that has not been reported
    cdef readonly int invoke       # of the request that was sent last
    cdef list _targets
    cdef Shortcut _shortcut
    cdef object _next_invoke
    cdef object _other

    def __init__(
        self, Receive receive not None, Shortcut shortcut not None, next_invoke, list targets not None,
        Py_ssize_t start, other,
    ):
        if start < 0:
            raise ValueError("targets are counted from 0")
        self.receive = receive
        self._shortcut = shortcut
        self._next_invoke = next_invoke
        self._targets = targets
        self.done = start
        self._other = other

    cpdef bytes request(self):
        if self.done >= PyList_GET_SIZE(self._targets):
            return None
        self.invoke = self._next_invoke()
        return self._shortcut.ask(self.invoke, self._targets[self.done].item.encoded)

    cpdef list take(self, frame):
        cdef tuple result = self._shortcut.hear(self.invoke, frame)
        cdef list readings
        if result is None:
            return None
        readings = []
        add_readings(readings, self._targets[self.done], result, self._other)
        self.done += 1
        return readings
