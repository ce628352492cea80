"""Everything that is compiled, as one module in readable parts: what runs for every byte and every value.

Each part stands alone and says at its head what it is for; parts further down use those above. They are one module
because a module of its own costs a gateway some ten kilobytes of flash and a million instructions at each start, and
because parts call one another without a detour through Python.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.dict cimport PyDict_GetItem
from cpython.exc cimport PyErr_CheckSignals, PyErr_SetFromErrno
from cpython.list cimport PyList_GET_SIZE, PyList_New, PyList_SET_ITEM
from cpython.mem cimport PyMem_Free, PyMem_Realloc
from cpython.object cimport PyObject, PyTypeObject, descrgetfunc, descrsetfunc
from cpython.ref cimport Py_DECREF, Py_INCREF
from cpython.tuple cimport PyTuple_GET_SIZE, PyTuple_New, PyTuple_SET_ITEM
from cpython.unicode cimport PyUnicode_1BYTE_DATA, PyUnicode_DecodeLatin1, PyUnicode_New
from libc.errno cimport EAGAIN, EINTR, errno
from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint32_t, uint64_t
from libc.string cimport memchr, memcmp, memcpy, memmove

from posix import O_CLOEXEC, O_NONBLOCK, close, pipe2, read, strerror, write

from ._cosem import BitString, Date, DateTime, Time
from .errors import DecodeError, Garbled, PortGone, Silence
from .gateway.json_text import dumps
from .number import Number

# ---- bytes to values

include "_crc.pxi"
include "_decoder.pxi"

include "_axdr_tags.pxi"
include "_axdr.pxi"

include "_hdlc.pxi"
include "_wrapper.pxi"

include "_readout.pxi"
include "_readout_data_block.pxi"
include "_readout_message.pxi"
include "_readout_list.pxi"
include "_readout_dialogue.pxi"

include "_mbus.pxi"
include "_mbus_times.pxi"
include "_mbus_values.pxi"
include "_mbus_records.pxi"

# ---- the way of a value: loop, port, steps, sinks

include "_reading.pxi"
include "_timers.pxi"
include "_loop.pxi"
include "_port.pxi"
include "_steps.pxi"
include "_player.pxi"
include "_shortcut.pxi"
include "_registers.pxi"
include "_json.pxi"
include "_outlet.pxi"
