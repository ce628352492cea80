"""HDLC frame type 3: bytes to frames.

The problem: find whole, undamaged frames in whatever a serial line or a TCP converter delivers, in pieces of any size.
Assumptions: one feed brings what one read of a port gave; frames are collected as they become whole.
Standard: IEC 62056-46 / DLMS Green Book clause 8.4 (frame format type 3 of ISO/IEC 13239 annex H.4). Between two flags
stand a format field (0xA0 | segmentation bit | 11-bit length), destination and source address, control, and, if there
is information, a header check sequence and the information, then the frame check sequence. There is no byte stuffing.
Dirt it must survive: 0x7E inside a frame, one flag shared by two frames, runs of flags, noise between and instead of
frames, damaged lengths (the header check sequence tells before the wait for bytes that never come), frames cut short.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.string cimport memchr, memcmp, memcpy

from ._crc cimport fcs16_update
from ._decoder cimport FrameDecoder, as_shown, drop, hold, let_go
from ._input cimport Input, input_of, left, take

from .errors import DecodeError

cdef enum:
    FLAG = 0x7E
    FORMAT_TYPE = 0xF0
    TYPE_3 = 0xA0
    SEGMENTATION = 0x08
    LENGTH_HIGH = 0x07
    FORMAT_SIZE = 2
    CHECK_SIZE = 2
    ADDRESS_SIZE = 4      # the longest
    HDLC_LEAST_LENGTH = 7      # format, two addresses of one byte, control, FCS
    LENGTH_LIMIT = 2047   # 11 bits
    HDLC_HELD_LIMIT = 65536    # bytes kept for a reader who does not collect its frames
    REGISTER_START = 0xFFFF
    REGISTER_GOOD = 0xF0B8  # what the register holds behind any bytes and their own check sequence

cdef tuple REASONS = (
    "",
    "",
    "no type 3 format field behind a flag",
    "a length that the header does not fit",
    "an address of neither 1, 2 nor 4 bytes",
    "wrong header check sequence",
    "wrong frame check sequence",
    "no closing flag where the length puts it",
)
cdef unsigned char LONE_FLAG = FLAG
cdef str NO_FLAG = "no flag where a frame should begin"

HDLC_MAX_FRAME = LENGTH_LIMIT


cdef inline Outcome take_address(Input *reader, Py_ssize_t *size) noexcept:
    """Pass over one address: 1, 2 or 4 bytes, the last one marked by its lowest bit."""
    cdef const unsigned char *byte
    cdef Py_ssize_t count
    for count in range(1, ADDRESS_SIZE + 1):
        byte = take(reader, 1)
        if byte == NULL:
            return NEED_MORE
        if byte[0] & 1:
            size[0] = count
            return BAD_ADDRESS if count == 3 else WHOLE
    return BAD_ADDRESS


cdef Outcome take_header(Input *reader, Layout *layout, unsigned int *register) noexcept:
    """Format, addresses, control and, where information follows, HCS; leaves the CRC register behind them.

    The HCS is looked at as soon as it is there: it tells a damaged length before the wait for bytes that never come.
    """
    cdef const unsigned char *start = reader.at
    cdef Py_ssize_t header
    cdef Outcome outcome
    if take(reader, FORMAT_SIZE) == NULL:
        return NEED_MORE if left(reader) == 0 or start[0] & FORMAT_TYPE == TYPE_3 else BAD_FORMAT
    if start[0] & FORMAT_TYPE != TYPE_3:
        return BAD_FORMAT
    layout.length = (start[0] & LENGTH_HIGH) << 8 | start[1]
    if layout.length < HDLC_LEAST_LENGTH:
        return BAD_LENGTH
    outcome = take_address(reader, &layout.destination)
    if outcome == WHOLE:
        outcome = take_address(reader, &layout.source)
    if outcome != WHOLE:
        return outcome
    if take(reader, 1) == NULL:
        return NEED_MORE
    header = reader.at - start
    layout.information = layout.length - header - 2 * CHECK_SIZE
    if layout.information == -CHECK_SIZE:  # no information, and so no HCS
        layout.information = 0
        register[0] = fcs16_update(start, header, REGISTER_START)
        return WHOLE
    if layout.information < 0:
        return BAD_LENGTH
    if take(reader, CHECK_SIZE) == NULL:
        return NEED_MORE
    if fcs16_update(start, header + CHECK_SIZE, REGISTER_START) != REGISTER_GOOD:
        return BAD_HCS
    # A constant, not what was just computed: so the processor need not wait for it to go on with the information.
    register[0] = REGISTER_GOOD
    return WHOLE


cdef Outcome take_frame(Input *reader, Layout *layout) noexcept:
    """Everything behind the opening flag, in the order: length, HCS, FCS, closing flag."""
    cdef Py_ssize_t have = left(reader)
    cdef const unsigned char *rest
    cdef const unsigned char *flag
    cdef unsigned int register = 0
    cdef Outcome outcome
    layout.length = HDLC_LEAST_LENGTH
    outcome = take_header(reader, layout, &register)
    if outcome == NEED_MORE and have > layout.length:
        return BAD_LENGTH  # the header itself is longer than the length field says
    if outcome == WHOLE:
        rest = take(reader, layout.information + CHECK_SIZE)
        flag = take(reader, 1)
        if rest == NULL or flag == NULL:
            outcome = NEED_MORE
        elif fcs16_update(rest, layout.information + CHECK_SIZE, register) != REGISTER_GOOD:
            outcome = BAD_FCS
        elif flag[0] != FLAG:
            outcome = NO_END
        else:
            layout.information_at = rest
    if outcome == NEED_MORE:
        layout.missing = layout.length + 1 - have
    return outcome


@cython.final
@cython.freelist(8)
cdef class HdlcFrame:
    def __init__(self):
        raise TypeError("frames come out of a decoder")

    def __repr__(self):
        return as_shown(self)


cdef inline bytes known_address(bytes known, const unsigned char *at, Py_ssize_t size):
    """An address: the very object of the frame before where it says the same, as on a line it mostly does."""
    if size == PyBytes_GET_SIZE(known) and memcmp(PyBytes_AS_STRING(known), at, size) == 0:
        return known
    return PyBytes_FromStringAndSize(<const char *>at, size)


@cython.final
cdef class HdlcDecoder(FrameDecoder):
    def __cinit__(self):
        self.forget()

    cdef void forget(self) noexcept:
        FrameDecoder.forget(self)
        self._destination = self._source = b""
        self._damaged = False
        self.missing = HDLC_LEAST_LENGTH + 2

    cdef Py_ssize_t held_back(self) noexcept:
        # A flag alone may as well be the closing one of the last frame: the line is idle.
        return left(&self.held) if left(&self.held) > 1 else 0

    cdef object take_in(self, bytes data):
        cdef Input reader
        cdef Layout layout
        cdef Outcome outcome
        if not PyBytes_GET_SIZE(data) and left(&self.held) <= 1:
            return None  # whoever begins to wait asks whether a frame is here already, and mostly none is
        if left(&self.held) == 1 and PyBytes_GET_SIZE(data) and <unsigned char>PyBytes_AS_STRING(data)[0] == FLAG:
            self.held.at += 1  # of two flags one was idle line
        hold(self, data, HDLC_HELD_LIMIT)
        while self._hunt():
            reader.at = self.held.at + 1
            reader.end = self.held.end
            outcome = take_frame(&reader, &layout)
            if outcome == WHOLE:
                return self._frame(self.held.at + 1, &layout)
            if outcome == NEED_MORE:
                self.missing = layout.missing
                return None
            drop(self, 1, REASONS[outcome])
            self._damaged = True
        return None

    cdef HdlcFrame _frame(self, const unsigned char *data, Layout *layout):
        """A frame out of the whole and checked bytes at `data`, the opening flag left out."""
        cdef HdlcFrame frame = HdlcFrame.__new__(HdlcFrame)
        frame.segmented = data[0] & SEGMENTATION != 0
        data += FORMAT_SIZE
        frame.destination = self._destination = known_address(self._destination, data, layout.destination)
        data += layout.destination
        frame.source = self._source = known_address(self._source, data, layout.source)
        data += layout.source
        frame.control = data[0]
        frame.information = PyBytes_FromStringAndSize(<const char *>layout.information_at, layout.information)
        self._damaged = False
        self.missing = HDLC_LEAST_LENGTH + 1
        self.held.at += 1 + layout.length  # the closing flag stays: it may open the next frame
        self._leave_flag()
        return frame

    cdef inline void _leave_flag(self) noexcept:
        """Where nothing but a flag may be left, what it came with is not kept for it."""
        cdef Py_ssize_t rest = left(&self.held)
        if rest <= 1:
            let_go(self)
            if rest:
                self.held.at = &LONE_FLAG
                self.held.end = self.held.at + 1

    cdef bint _hunt(self) noexcept:
        """Go to the next flag that something else follows; False if there is none yet."""
        cdef const unsigned char *at = self.held.at
        cdef const unsigned char *end = self.held.end
        cdef const unsigned char *flag = <const unsigned char *>memchr(at, FLAG, end - at) if at < end else NULL
        if flag == NULL:
            flag = end
        if flag > at:
            drop(self, flag - at, self.reason if self._damaged else NO_FLAG)
        while flag + 1 < end and flag[1] == FLAG:
            flag += 1
        self.held.at = flag
        self.missing = HDLC_LEAST_LENGTH + 2 - (end - flag)
        if end - flag > 1:
            return True
        self._leave_flag()
        return False


cdef bint is_address(bytes address):
    cdef Input reader = input_of(address)
    cdef Py_ssize_t size = 0
    return take_address(&reader, &size) == WHOLE and left(&reader) == 0


cdef inline unsigned char *put_check(unsigned char *start, unsigned char *end, unsigned int register) noexcept:
    """Behind what begins at `start`; `register` is what a CRC over all before that has left."""
    cdef unsigned int check = fcs16_update(start, end - start, register) ^ 0xFFFF
    end[0] = check & 0xFF
    end[1] = check >> 8
    return end + CHECK_SIZE


cdef inline unsigned char *put_bytes(unsigned char *at, bytes data) noexcept:
    memcpy(at, PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))
    return at + PyBytes_GET_SIZE(data)


def encode_frame(
    bytes destination not None, bytes source not None, int control, bytes information not None=b"", bint segmented=False
):
    return frame_octets(destination, source, control, information, segmented)


cdef bytes frame_octets(bytes destination, bytes source, int control, bytes information, bint segmented):
    cdef Py_ssize_t addresses = PyBytes_GET_SIZE(destination) + PyBytes_GET_SIZE(source)
    cdef Py_ssize_t length = FORMAT_SIZE + addresses + 1 + CHECK_SIZE
    cdef bytes frame
    cdef unsigned char *start
    cdef unsigned char *at
    if information:
        length += PyBytes_GET_SIZE(information) + CHECK_SIZE
    if not is_address(destination) or not is_address(source):
        raise DecodeError("an HDLC address is 1, 2 or 4 bytes, and only the last has its lowest bit set")
    if not 0 <= control <= 0xFF:
        raise DecodeError(f"an HDLC control field is one byte, not {control}")
    if length > LENGTH_LIMIT:
        raise DecodeError(f"an HDLC frame of {length} bytes; its length field ends at {LENGTH_LIMIT}")
    frame = PyBytes_FromStringAndSize(NULL, length + 2)
    start = <unsigned char *>PyBytes_AS_STRING(frame)
    start[0] = FLAG
    start += 1
    start[0] = TYPE_3 | (SEGMENTATION if segmented else 0) | length >> 8
    start[1] = length & 0xFF
    at = put_bytes(put_bytes(start + FORMAT_SIZE, destination), source)
    at[0] = <unsigned char>control
    at = put_check(start, at + 1, REGISTER_START)
    if information:
        at = put_check(at, put_bytes(at, information), REGISTER_GOOD)
    at[0] = FLAG
    return frame
