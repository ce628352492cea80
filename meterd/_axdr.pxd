from ._input cimport Input

# Made by `python -m tools.cosem_types` of protocols/dlms/enumerations.py.
cdef enum:
    NULL_DATA = 0
    ARRAY = 1
    STRUCTURE = 2
    BOOLEAN = 3
    BIT_STRING = 4
    DOUBLE_LONG = 5
    DOUBLE_LONG_UNSIGNED = 6
    OCTET_STRING = 9
    VISIBLE_STRING = 10
    UTF8_STRING = 12
    BCD = 13
    INTEGER = 15
    LONG = 16
    UNSIGNED8 = 17
    LONG_UNSIGNED = 18
    COMPACT_ARRAY = 19
    LONG64 = 20
    LONG64_UNSIGNED = 21
    ENUM = 22
    FLOAT32 = 23
    FLOAT64 = 24
    DATE_TIME = 25
    DATE = 26
    TIME_OF_DAY = 27
    DELTA_INTEGER = 28
    DELTA_LONG = 29
    DELTA_DOUBLE_LONG = 30
    DELTA_UNSIGNED = 31
    DELTA_LONG_UNSIGNED = 32
    DELTA_DOUBLE_LONG_UNSIGNED = 33
    DONT_CARE = 255

cdef enum:
    GET_RESPONSE = 0xC4
    GET_NORMAL = 1  # of a request and of its answer
    GET_WITH_LIST = 3

cdef enum:
    ANY_INVOKE = -1
    INVOKE_ID_MASK = 0x0F

cdef struct Source:
    Input rest
    Py_ssize_t elements_left
    bint typed


cdef bint begins(Source *source, bytes octets, Py_ssize_t start, int kind, int invoke) except -1
cdef object result(Source *source)
cdef int end(Source *source) except -1
cdef object response_normal(bytes octets, Py_ssize_t start, int invoke)
