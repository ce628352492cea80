cimport cython

cdef enum:
    SIGNED_KIND = 0         # EN 13757-3 type B, or BCD, or a real
    UNSIGNED_KIND = 1       # types C and D: identifications and flags
    TIME_KIND = 2           # types F, G, I, J, M, told apart by their size
    OCTETS_KIND = 3         # bytes with an inner form of their own: containers, profiles

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


cdef struct Heading:         # what a record says of itself ahead of its data
    long long storage
    int tariff
    int subunit
    short size              # of data and value information block; 0 where it has none of its own
    short lvar              # -1 where there is none
    unsigned char dib       # bytes of the data information block alone
    unsigned char function
    unsigned char coding    # data field code of the DIF


@cython.final
cdef class Record:
    cdef bytes _source              # the user data that all records of a telegram share
    cdef readonly Meaning meaning
    cdef readonly object value
    cdef tuple _refusal             # (quality, reason, remark); None where the value is good
    cdef Py_ssize_t _start, _end
    cdef Heading _heading
    cdef bint _msb_first


cdef inline Py_ssize_t data_at(Record record) noexcept:
    """Where in the user data those of the record begin."""
    return record._start + record._heading.size + (record._heading.lvar >= 0)


cdef int find_value(Record record, const unsigned char *data) except -1
