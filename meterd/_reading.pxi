"""Readings: what every value becomes on its way out (`meterd.model` has the rest of the records).

Nothing that a reading holds leads back to it, so the garbage collector need not look at it.
"""

GOOD = "good"


@cython.final
@cython.no_gc
@cython.freelist(32)
cdef class Reading:
    cdef public object signal
    cdef public object value
    cdef public object unit
    cdef public object time_ms
    cdef public object meter_time
    cdef public object quality
    cdef public object reason
    cdef public object words

    def __init__(self, signal, value, unit=None, time_ms=0, meter_time=None, quality=GOOD, reason=None):
        self.signal = signal
        self.value = value
        self.unit = unit
        self.time_ms = time_ms
        self.meter_time = meter_time
        self.quality = quality
        self.reason = reason
        self.words = ""

    def __repr__(self):
        signal = self.signal
        return (
            f"Reading({signal.device_alias}/{signal.alias} {self.value!s} {self.unit} {self.quality} {self.reason})"
        )


cdef Reading good_reading(object signal, object value, object unit, object meter_time):
    cdef Reading reading = Reading.__new__(Reading)
    reading.signal = signal
    reading.value = value
    reading.unit = unit
    reading.time_ms = 0
    reading.meter_time = meter_time
    reading.quality = GOOD
    reading.words = ""
    return reading
