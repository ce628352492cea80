cimport cython

cdef enum:
    SIGNED_KIND = 0         # EN 13757-3 type B, or BCD, or a real
    UNSIGNED_KIND = 1       # types C and D: identifications and flags
    TIME_KIND = 2           # types F, G, I, J, M, told apart by their size
    OCTETS_KIND = 3         # bytes with an inner form of their own: containers, profiles
    DAYS_TO_2013 = 15706    # from 1970-01-01

cdef enum Coding:           # data field code, the low half of a DIF
    NO_DATA = 0x00
    REAL = 0x05
    SELECTION = 0x08
    VARIABLE = 0x0D
    SPECIAL = 0x0F          # a DIF that tells no data length


@cython.final
cdef class Meaning:
    cdef readonly str quantity
    cdef readonly object unit
    cdef readonly int exponent
    cdef readonly int factor
    cdef readonly object offset
    cdef readonly int kind
    cdef readonly tuple qualifiers
    cdef readonly object error


cdef enum RecordFunction:   # the first four as the DIF codes them
    INSTANTANEOUS
    MAXIMUM
    MINIMUM
    IN_ERROR
    MANUFACTURER_OWN
    MORE_TELEGRAMS
    RESERVED_FUNCTION
    DAMAGED_RECORD


@cython.final
cdef class Record:
    cdef bytes _source              # the user data that all records of a telegram share
    cdef Py_ssize_t _start, _vib, _data, _end
    cdef readonly Meaning meaning
    cdef readonly object value
    cdef tuple _refusal             # (quality, reason, remark); None where the value is good
    cdef readonly long long storage
    cdef readonly int tariff
    cdef readonly int subunit
    cdef int _function
    cdef int _coding                # data field code of the DIF
    cdef int _lvar
    cdef bint _msb_first

    cdef int _find(self, const unsigned char *data) except -1
    cdef int _find_integer(self, const unsigned char *data, Py_ssize_t size) except -1
    cdef int _find_bcd(self, const unsigned char *data, Py_ssize_t size, bint negative) except -1
    cdef int _find_real(self, double number) except -1
    cdef int _find_variable(self, const unsigned char *data, Py_ssize_t size) except -1
    cdef int _find_text(self, const unsigned char *data, Py_ssize_t size) except -1
    cdef int _find_bcd_time(self, const unsigned char *data, Py_ssize_t size) except -1
    cdef int _find_time(self, const unsigned char *data, Py_ssize_t size) except -1
    cdef int _find_type_m(self, const unsigned char *data, Py_ssize_t size) except -1
