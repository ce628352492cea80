"""Exact decimal numbers: what a meter counts, with the digits that it sent and no binary fraction in between.

The problem: nearly every value is one, made once, printed once and forgotten.
Assumptions: a mantissa is an integer of any size, and nearly always one of 64 bits: that is kept as it is, and no
object is made of it before somebody asks for one. Nothing that a number holds leads back to it, so the garbage
collector need not look at it.
"""

cimport cython

from cpython.long cimport PyLong_AsLongLongAndOverflow

cdef extern from "Python.h":
    object PyFloat_FromString(object text)

cdef extern from "float.h":
    int FLT_EVAL_METHOD  # 0: a double is computed as a double, not in a wider register and rounded again

cdef enum:
    LONGEST = 22  # the largest power of ten that is a double without being rounded

cdef long long MOST_MANTISSA = 1LL << 53  # up to here each integer is one
cdef long long BEYOND_DOUBLE = 1000000000000000  # as many digits as a double has in any case

cdef double *POWERS = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
    1e20, 1e21, 1e22,
]

MAX_EXPONENT = MOST_EXPONENT


@cython.final
@cython.no_gc
@cython.freelist(64)
cdef class Number:
    def __init__(self, mantissa, int exponent=0):
        if not -MOST_EXPONENT <= exponent <= MOST_EXPONENT:
            raise ValueError(f"power of ten {exponent} is out of range")
        fill(self, mantissa, exponent)

    def __reduce__(self):
        return Number, (mantissa_of(self), self.exponent)

    @property
    def mantissa(self):
        return mantissa_of(self)

    cdef str printed(self):
        cdef int places = -self.exponent
        mantissa = mantissa_of(self)
        if places <= 0:
            return str(mantissa) + "0" * self.exponent if mantissa else "0"
        digits = str(abs(mantissa)).rjust(places + 1, "0")
        sign = "-" if mantissa < 0 else ""
        return f"{sign}{digits[:-places]}.{digits[-places:]}"

    def __str__(self):
        return self.printed()

    def __json__(self):
        return self.printed()  # ujson prints the result as it is: a number with the meter's own digits

    def __repr__(self):
        return f"Number({self.printed()})"

    def __float__(self):
        # Mantissa and power of ten are doubles as they are: one operation rounds once, as reading the digits does.
        cdef long long mantissa = self.small
        if FLT_EVAL_METHOD != 0 or not -LONGEST <= self.exponent <= LONGEST or self.large is not None:
            return PyFloat_FromString(self.printed())
        if mantissa > MOST_MANTISSA or mantissa < -MOST_MANTISSA:
            return PyFloat_FromString(self.printed())
        if self.exponent < 0:
            return mantissa / POWERS[-self.exponent]
        return mantissa * POWERS[self.exponent]

    def double(self):
        if self.large is not None or not -LONGEST <= self.exponent < 0 or FLT_EVAL_METHOD != 0:
            return None
        return self.small / POWERS[-self.exponent] if -BEYOND_DOUBLE < self.small < BEYOND_DOUBLE else None

    def __int__(self):
        from .number import whole_part

        return whole_part(self.printed())

    cpdef tuple reduced(self):
        mantissa, exponent = mantissa_of(self), self.exponent
        if not mantissa:
            return (0, 0)
        while mantissa % 10 == 0:
            mantissa //= 10
            exponent += 1
        return (mantissa, exponent)

    def __eq__(self, other):
        if isinstance(other, int):
            other = exact(other, 0)
        return isinstance(other, Number) and self.reduced() == (<Number>other).reduced()

    def __hash__(self):
        return hash(self.reduced())

    def is_integral(self):
        return self.reduced()[1] >= 0

    @classmethod
    def scaled(cls, value, int exponent):
        return Number(value, exponent) if exponent else value

    @classmethod
    def parse(cls, str text not None):
        from .number import parse

        return parse(text, cls)


cdef Number exact(object mantissa, int exponent):
    """Number(mantissa, exponent) where the power of ten is known to be in range."""
    cdef Number number = Number.__new__(Number)
    fill(number, mantissa, exponent)
    return number


cdef int fill(Number number, object mantissa, int exponent) except -1:
    cdef int overflow
    number.small = PyLong_AsLongLongAndOverflow(mantissa, &overflow)
    number.large = mantissa if overflow else None
    number.exponent = exponent
    return 0
