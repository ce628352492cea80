"""The way that nearly every register is read: GET of one attribute, one frame out, one frame in.

The problem: what is paid for every register. A request that fits one frame and an answer that is just what was asked
for need no segments, windows, repetitions or blocks.
Assumptions: frames come out of `HdlcDecoder` or `WrapperDecoder`, whole and checked. One `Shortcut` belongs to one
connection; over HDLC it alone holds N(S) and N(R), which `protocols.dlms.link` carries on with on the long way.
Standards: IEC 62056-46 clause 6 (I frames, counted modulo 8) and 5.3 (LLC), IEC 62056-47 clause 5.3 (wrapper), Green
Book 9.5 (GET, normal).
Dirt it must survive: any other frame; it gets None for an answer, has changed nothing, and goes the long way. Meters
that answer under their address in another length, with the LLC header of a request, or with one invoke id for all.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.string cimport memcpy

from ..._axdr cimport ANY_INVOKE, response_normal
from ..._hdlc cimport HdlcFrame, frame_octets
from ..._input cimport starts_with
from ..._wrapper cimport WrapperDecoder, WrapperFrame, wrapped

from ...errors import DecodeError

cdef enum:
    FINAL = 0x10
    LLC_SIZE = 3

cdef bytes LLC_REQUEST = b"\xe6\xe6\x00"
cdef bytes LLC_RESPONSE = b"\xe6\xe7\x00"
cdef bytes HDLC_GET_HEAD = b"\xe6\xe6\x00\xc0\x01"
cdef bytes GET_HEAD = b"\xc0\x01"


cdef bytes get_request(bytes head, unsigned char invoke, bytes descriptor):
    """A GET.request-normal behind what `head` holds: the first octets of the APDU, over HDLC the LLC before them."""
    cdef Py_ssize_t size = PyBytes_GET_SIZE(head), rest = len(descriptor)
    cdef bytes message = PyBytes_FromStringAndSize(NULL, size + 1 + rest)
    cdef char *octets = PyBytes_AS_STRING(message)
    memcpy(octets, PyBytes_AS_STRING(head), size)
    octets[size] = <char> invoke
    memcpy(octets + size + 1, PyBytes_AS_STRING(descriptor), rest)
    return message


cdef class Shortcut:
    """Either link says only how a message becomes a frame, which frame is the one due, and what is counted then."""

    def __cinit__(self, *_):
        self._llc = b""
        self._get = GET_HEAD

    cdef bytes _frame(self, bytes message):
        return message

    cdef bytes _message(self, frame):
        """The APDU in the frame, `_head` octets before it, if that is the one due; None for any other."""
        return None

    cdef void _count(self) noexcept:
        """The frame at hand was the one due."""

    cpdef bytes ask(self, unsigned char invoke, bytes descriptor):
        return self._frame(get_request(self._get, invoke, descriptor))

    cpdef bytes carry(self, bytes apdu):
        return self._frame(self._llc + apdu)

    cpdef bytes answer(self, frame):
        cdef bytes message = self._message(frame)
        if message is None:
            return None
        self._count()
        return message[self._head:]

    cpdef tuple hear(self, unsigned char invoke, frame):
        cdef bytes message = self._message(frame)
        cdef tuple result
        cdef int due = invoke
        if message is None:
            return None
        if self.pairs:
            due = ANY_INVOKE
        try:
            result = response_normal(message, self._head, due)
        except DecodeError:
            return None
        if result is not None:
            self._count()
        return result


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
        self._get = HDLC_GET_HEAD

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
