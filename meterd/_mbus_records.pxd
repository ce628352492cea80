from ._input cimport Input
from ._mbus_values cimport Record

cdef struct Telegram:
    const unsigned char *start
    Input rest
