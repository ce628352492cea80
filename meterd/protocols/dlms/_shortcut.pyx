"""The way that nearly every register is read: GET of one attribute or of a list, one frame out, one frame in.

The problem: what is paid for every register. A request that fits one frame and an answer that is just what was asked
for need no segments, windows, repetitions or blocks.
Assumptions: frames come out of `HdlcDecoder` or `WrapperDecoder`, whole and checked. One `Shortcut` belongs to one
connection; over HDLC it alone holds N(S) and N(R), which `protocols.dlms.link` carries on with on the long way.
Standards: IEC 62056-46 clause 6 (I frames, counted modulo 8) and 5.3 (LLC), IEC 62056-47 clause 5.3 (wrapper), Green
Book 9.5 (GET, normal and with list).
Dirt it must survive: any other frame; it gets None for an answer, has changed nothing, and goes the long way. Meters
that answer under their address in another length, with the LLC header of a request, or with one invoke id for all.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.string cimport memcpy

from ..._axdr cimport ANY_INVOKE, GET_NORMAL, GET_WITH_LIST, Source, begins, end, response_normal, result
from ..._hdlc cimport HdlcFrame, frame_octets
from ..._input cimport starts_with, take
from ..._wrapper cimport WrapperDecoder, WrapperFrame, wrapped

from ...errors import DecodeError

cdef enum:
    FINAL = 0x10
    LLC_SIZE = 3
    GET_REQUEST = 0xC0

cdef bytes LLC_REQUEST = b"\xe6\xe6\x00"
cdef bytes LLC_RESPONSE = b"\xe6\xe7\x00"


cdef bytes get_request(bytes head, unsigned char kind, unsigned char invoke, bytes rest):
    """A GET.request behind `head`, which over HDLC is the LLC header; `rest` is one descriptor, or many, counted."""
    cdef Py_ssize_t size = PyBytes_GET_SIZE(head), more = len(rest)  # which sees to None
    cdef bytes message = PyBytes_FromStringAndSize(NULL, size + 3 + more)
    cdef unsigned char *octets = <unsigned char *>PyBytes_AS_STRING(message)
    memcpy(octets, PyBytes_AS_STRING(head), size)
    octets[size] = GET_REQUEST
    octets[size + 1] = kind
    octets[size + 2] = invoke
    memcpy(octets + size + 3, PyBytes_AS_STRING(rest), more)
    return message


cdef list response_with_list(bytes octets, Py_ssize_t start, int invoke, Py_ssize_t count):
    """The `result` of each attribute, of a GET.response-with-list from `start` on.

    None if the APDU is another or answers another, or has not just so many. Raises: DecodeError.
    """
    cdef Source source
    cdef const unsigned char *counted
    cdef list results
    if not begins(&source, octets, start, GET_WITH_LIST, invoke):
        return None
    counted = take(&source.rest, 1)
    if counted == NULL or counted[0] != count:
        return None
    results = [result(&source) for _ in range(count)]
    end(&source)
    return results


cdef class Shortcut:
    """Either link says only how a message becomes a frame, which frame is the one due, and what is counted then."""

    def __cinit__(self, *_):
        self._llc = b""

    cdef bytes _frame(self, bytes message):
        return message

    cdef bytes _message(self, frame):
        """The APDU in the frame, `_head` octets before it, if that is the one due; None for any other."""
        return None

    cdef void _count(self) noexcept:
        """The frame at hand was the one due."""

    cdef int _due(self, unsigned char invoke) noexcept:
        """The invoke id that the answer must have."""
        if self.pairs:
            return ANY_INVOKE
        return invoke

    cpdef bytes ask(self, unsigned char invoke, bytes descriptor):
        return self._frame(get_request(self._llc, GET_NORMAL, invoke, descriptor))

    cpdef bytes ask_list(self, unsigned char invoke, bytes descriptors):
        return self._frame(get_request(self._llc, GET_WITH_LIST, invoke, descriptors))

    cpdef bytes carry(self, bytes apdu):
        return self._frame(self._llc + apdu)

    cpdef bytes answer(self, frame):
        cdef bytes message = self._message(frame)
        if message is None:
            return None
        self._count()
        return message[self._head:]

    cpdef object hear(self, unsigned char invoke, frame):
        cdef bytes message = self._message(frame)
        if message is None:
            return None
        try:
            found = response_normal(message, self._head, self._due(invoke))
        except DecodeError:
            return None
        if found is not None:
            self._count()
        return found

    cpdef list hear_list(self, unsigned char invoke, Py_ssize_t count, frame):
        cdef bytes message = self._message(frame)
        cdef list results
        if message is None:
            return None
        try:
            results = response_with_list(message, self._head, self._due(invoke), count)
        except DecodeError:
            return None
        if results is not None:
            self._count()
        return results


@cython.final
cdef class HdlcShortcut(Shortcut):
    def __cinit__(self, bytes server not None, bytes client not None, bytes source=None, bytes sink=None):
        self._server = server
        self._client = client
        self._source = source or server
        self._sink = sink or client
        self.pairs = True
        self.send_seq = self.recv_seq = 0
        self._head = LLC_SIZE
        self._llc = LLC_REQUEST

    cdef bytes _frame(self, bytes message):
        cdef int control = self.recv_seq << 5 | FINAL | self.send_seq << 1
        return frame_octets(self._server, self._client, control, message, False)

    cdef bytes _message(self, frame):
        cdef HdlcFrame found = <HdlcFrame?>frame
        if found.control != (((self.send_seq + 1) & 7) << 5 | FINAL | self.recv_seq << 1) or found.segmented:
            return None
        if found.source != self._source or found.destination != self._sink:
            return None
        if not (starts_with(found.information, LLC_RESPONSE) or starts_with(found.information, LLC_REQUEST)):
            return None
        return found.information

    cdef void _count(self) noexcept:
        self.send_seq = (self.send_seq + 1) & 7
        self.recv_seq = (self.recv_seq + 1) & 7


@cython.final
cdef class WrapperShortcut(Shortcut):
    def __cinit__(self, unsigned int server, unsigned int client, WrapperDecoder decoder not None):
        self._server = server
        self._client = client
        self._decoder = decoder

    cdef bytes _frame(self, bytes message):
        self._decoder.reset()  # without sequence numbers a late answer looks like the next one
        return wrapped(self._client, self._server, message)

    cdef bytes _message(self, frame):
        cdef WrapperFrame found = <WrapperFrame?>frame
        if found.source != self._server or found.destination != self._client:
            return None
        return found.apdu
