"""The way that nearly every register is read: GET of one attribute, one HDLC frame out, one HDLC frame in.

The problem: what is paid for every register. A request that fits one frame and an answer that is just what was asked
for need no segments, windows, repetitions or blocks.
Assumptions: frames come out of `HdlcDecoder`, whole and checked. One `Shortcut` belongs to one connection; it
alone holds N(S) and N(R), which `protocols.dlms.link` carries on with on the long way.
Standards: IEC 62056-46 clause 6 (I frames, counted modulo 8) and 5.3 (LLC), Green Book 9.5 (GET, normal).
Dirt it must survive: any other frame; it gets None for an answer, has changed nothing, and goes the long way.
"""

cdef enum:
    FINAL = 0x10
    LLC_SIZE = 3
    HEAD_SIZE = 6  # of a GET.request-normal with its LLC

cdef bytes LLC_REQUEST = b"\xe6\xe6\x00"
cdef bytes LLC_RESPONSE = b"\xe6\xe7\x00"
cdef bytes HEAD = b"\xe6\xe6\x00\xc0\x01"


@cython.final
cdef class Shortcut:
    cdef bytes _server
    cdef bytes _client
    cdef public unsigned char send_seq
    cdef public unsigned char recv_seq

    def __init__(self, bytes server not None, bytes client not None):
        self._server = server
        self._client = client
        self.send_seq = self.recv_seq = 0

    cdef object _frame(self, bytes message):
        return encode_frame(self._server, self._client, self.recv_seq << 5 | FINAL | self.send_seq << 1, message)

    cdef bytes _message(self, object frame):
        """The octets behind the LLC header of the frame that is due; None for any other."""
        cdef int control = frame.control
        if control != ((self.send_seq + 1) & 7) << 5 | FINAL | self.recv_seq << 1 or frame.segmented:
            return None
        if <bytes?> frame.source != self._server or <bytes?> frame.destination != self._client:
            return None
        cdef bytes message = frame.information
        cdef Py_ssize_t size = PyBytes_GET_SIZE(message)
        cdef const char *octets = PyBytes_AS_STRING(message)
        if size < LLC_SIZE or memcmp(octets, PyBytes_AS_STRING(LLC_RESPONSE), LLC_SIZE) != 0:
            return None
        return PyBytes_FromStringAndSize(octets + LLC_SIZE, size - LLC_SIZE)

    cdef void _count(self) noexcept:
        self.send_seq = (self.send_seq + 1) & 7
        self.recv_seq = (self.recv_seq + 1) & 7

    def carry(self, bytes apdu not None):
        return self._frame(LLC_REQUEST + apdu)

    def answer(self, frame not None):
        cdef bytes message = self._message(frame)
        if message is not None:
            self._count()
        return message

    def ask(self, unsigned char invoke, bytes descriptor not None):
        cdef Py_ssize_t size = PyBytes_GET_SIZE(descriptor)
        cdef bytes message = PyBytes_FromStringAndSize(NULL, HEAD_SIZE + size)
        cdef char *octets = PyBytes_AS_STRING(message)
        memcpy(octets, PyBytes_AS_STRING(HEAD), HEAD_SIZE - 1)
        octets[HEAD_SIZE - 1] = <char> invoke
        memcpy(octets + HEAD_SIZE, PyBytes_AS_STRING(descriptor), size)
        return self._frame(message)

    def hear(self, unsigned char invoke, frame not None):
        cdef bytes message = self._message(frame)
        if message is None:
            return None
        try:
            result = get_response_normal(message, invoke)
        except DecodeError:
            return None
        if result is not None:
            self._count()
        return result
