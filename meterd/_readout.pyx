"""IEC 62056-21 messages: bytes to identification lines, blocks, data sets and commands.

The problem: cut what an optical head or a gateway delivers into messages, verify them, and take a read-out of some
hundred lines apart in one pass, while it arrives: at 300 baud a list takes minutes and may be stopped half-way.
Assumptions: characters are 7-bit (parity checked by the port or by `meterd._crc.strip_parity`) or plain bytes.
Standard: IEC 62056-21 clauses 5.9 (block check), 6.3 (messages) and 6.4 (syntax of the data block).
Dirt it must survive: noise, NULs, echoes of requests and acknowledgements before a message; a block check that is any
byte, also LF or ETX; blocks without STX; '!' behind the last data set of a line; '/' within values; several groups on
an address, and on none; bare LF as line end; NUL and 0xFF within values; parentheses that never close; lines and
blocks without end.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.mem cimport PyMem_Free, PyMem_Realloc
from cpython.object cimport PyObject_Hash
from cpython.unicode cimport PyUnicode_1BYTE_DATA, PyUnicode_DecodeLatin1, PyUnicode_New
from libc.string cimport memchr, memcmp, memcpy, memmove

from meterd._crc cimport xor_of

from .errors import DecodeError

cdef enum:
    NUL = 0x00
    SOH = 0x01
    STX = 0x02
    ETX = 0x03
    EOT = 0x04
    ACK = 0x06
    LF = 0x0A
    CR = 0x0D
    NAK = 0x15
    BLANK = 0x20
    DAMAGED = 0x80         # set in a 7-bit character whose parity was wrong
    BLOCK_LIMIT = 262144
    LINE_LIMIT = 256
    HELD_LIMIT = 524288    # bytes kept for a reader who does not collect its messages
    UNIT_LIMIT = 16        # units worth remembering
    SEEN_BYTES = 2048
    OPTION_SELECT = 6      # ACK V Z Y CR LF
    LEAST_LINE = 7         # '/XXXZ' CR LF

MAX_BLOCK = BLOCK_LIMIT
MAX_LINE = LINE_LIMIT

cdef size_t EVERY_BIT_7 = <size_t>-1 // 0xFF * DAMAGED
cdef str OVERRUN = "more bytes held than anybody collects"
cdef str TOO_LONG = "a block without end"
cdef str NO_START = "no start of a message"
cdef str NO_IDENTIFICATION = "no identification line"
cdef str DAMAGED_LINE = "an identification line with damaged characters"
cdef str ECHO = "an acknowledgement with option select"


cdef inline bint is_letter(unsigned char byte) noexcept:
    return 0x41 <= byte & 0xDF <= 0x5A and byte < DAMAGED


cdef inline bint is_printable(unsigned char byte) noexcept:
    return BLANK <= byte < 0x7F


cdef inline bint has_damage(const unsigned char *data, Py_ssize_t length) noexcept:
    """Whether any byte has bit 7 set: looked at a word at a time."""
    cdef size_t words = 0, word
    cdef unsigned char rest = 0
    while length >= <Py_ssize_t>sizeof(word):
        memcpy(&word, data, sizeof(word))
        words |= word
        data += sizeof(word)
        length -= sizeof(word)
    while length > 0:
        length -= 1
        rest |= data[length]
    return words & EVERY_BIT_7 != 0 or rest & DAMAGED != 0


cdef inline object as_text(const unsigned char *data, Py_ssize_t length):
    """Latin-1 to a string; the characters of nearly all meters are ASCII, and copying those is all there is to do."""
    cdef object text
    if length < 2 or has_damage(data, length):
        return PyUnicode_DecodeLatin1(<const char *>data, length, NULL)
    text = PyUnicode_New(length, 0x7F)
    memcpy(PyUnicode_1BYTE_DATA(text), data, length)
    return text


cdef inline Py_ssize_t first_of(const unsigned char *data, Py_ssize_t at, Py_ssize_t end, unsigned char byte) noexcept:
    """Where `byte` stands first between `at` and `end`; `end` if nowhere."""
    cdef const unsigned char *found
    if at >= end:
        return end
    found = <const unsigned char *>memchr(data + at, byte, end - at)
    return end if found == NULL else found - data


cdef unsigned char STOPS[256]  # what ends the run of ordinary characters in an address, in a group

cdef enum:
    STOPS_ADDRESS = 1
    STOPS_GROUP = 2

STOPS[<unsigned char>c"("] = STOPS[<unsigned char>c"!"] = STOPS_ADDRESS
STOPS[<unsigned char>c")"] = STOPS[<unsigned char>c"*"] = STOPS_GROUP
STOPS[LF] = STOPS_ADDRESS | STOPS_GROUP


cdef enum Context:
    LINE_START
    IDENTIFICATION  # '/' at line start: no data until the line ends
    ADDRESS         # before '(' or between ')' and the next '('
    GROUP           # behind '(' and before ')'


@cython.final
cdef class Parser:
    """The syntax of a data block as a byte machine that may be stopped and resumed between any two bytes."""

    cdef list sets
    cdef dict counts      # effective address: groups seen under it, as far as `counted`
    cdef Py_ssize_t counted
    cdef unsigned char maybe_seen[SEEN_BYTES]
    cdef dict wanted      # effective address: index still to come; None if all of the block is wanted
    cdef object address
    cdef object effective
    cdef Py_ssize_t index  # of the next group under `effective`
    cdef object unit      # the last one, and its characters
    cdef char unit_text[UNIT_LIMIT]
    cdef Py_ssize_t unit_length
    cdef Context context
    cdef Py_ssize_t mark  # where the address or the group begins
    cdef Py_ssize_t star  # the first '*' of the group, or -1
    cdef bint ended       # '!' was seen
    cdef bint satisfied   # whole lines have shown all that is wanted

    def __cinit__(self, dict wanted):
        self.sets = []
        self.counts = {}
        self.wanted = None if wanted is None else dict(wanted)
        self.context = LINE_START
        self.star = -1
        self.unit_length = -1

    cdef Py_ssize_t run(self, const unsigned char *text, Py_ssize_t at, Py_ssize_t end) except -1:
        """Go on from `at`; stops at `end`, behind '!', or behind the line that shows the last thing wanted.

        `text` is the whole block so far, each time from the same start.
        """
        while at < end and not self.ended:
            if self.context == GROUP:
                at = self._read_group(text, at, end)
            elif self.context == ADDRESS:
                at = self._read_address(text, at, end)
            elif self.context == LINE_START:
                self.mark = at
                self.context = IDENTIFICATION if text[at] == c"/" else ADDRESS
                continue
            else:
                at = first_of(text, at, end, LF)
                if at < end:
                    at += 1
                    self.context = LINE_START
            if self.context == LINE_START and self.wanted is not None and not self.wanted and not self.satisfied:
                self.satisfied = True
                break
        return at

    cdef Py_ssize_t _read_group(self, const unsigned char *text, Py_ssize_t at, Py_ssize_t end) except -1:
        cdef unsigned char byte
        while at < end:
            byte = text[at]
            at += 1
            if not STOPS[byte] & STOPS_GROUP:
                continue
            if byte == c")":
                self._add(text, at - 1)
                self.context = ADDRESS
                self.mark = at
                break
            if byte == c"*":
                if self.star < 0:
                    self.star = at - 1
            elif byte == LF:  # never closed: it costs itself, but a '!' that ends the line still ends the block
                self.ended = ends_with_mark(text + self.mark, at - 1 - self.mark)
                self.context = LINE_START
                break
        return at

    cdef Py_ssize_t _read_address(self, const unsigned char *text, Py_ssize_t at, Py_ssize_t end) except -1:
        cdef unsigned char byte
        while at < end:
            byte = text[at]
            at += 1
            if not STOPS[byte] & STOPS_ADDRESS:
                continue
            if byte == c"(":
                self._set_address(text, self.mark, at - 1)
                self.context = GROUP
                self.mark = at
                self.star = -1
                break
            if byte == c"!":
                self.ended = True
                break
            if byte == LF:
                self.context = LINE_START
                break
        return at

    cdef int _set_address(self, const unsigned char *text, Py_ssize_t start, Py_ssize_t end) except -1:
        """Take `text[start:end]` without the blanks around it as the address of the group that opens."""
        while start < end and text[start] <= BLANK:
            start += 1
        while start < end and text[end - 1] <= BLANK:
            end -= 1
        self.address = None
        if start < end:
            self.address = as_text(text + start, end - start)
            self.effective = self.address
            self.index = self._groups_seen()
        return 0

    cdef int _add(self, const unsigned char *text, Py_ssize_t end) except -1:
        """The group from `mark` to `end` is whole: one more data set."""
        cdef Py_ssize_t value_end = end if self.star < 0 else self.star
        cdef object value = as_text(text + self.mark, value_end - self.mark)
        cdef object unit = None
        if self.star >= 0:
            unit = self._unit(text + self.star + 1, end - self.star - 1)
        self.sets.append((self.address, self.effective, self.index, value, unit))
        if self.wanted is not None:
            last = self.wanted.get(self.effective)
            if last is not None and self.index >= last:
                del self.wanted[self.effective]
        self.index += 1
        return 0

    cdef Py_ssize_t _groups_seen(self) except -1:
        """How many groups came under the address that has just been set.

        Most addresses come once, and a bit in `maybe_seen` that is not set proves it; only when it is set are the
        data sets so far looked through, each once in the life of the parser.
        """
        cdef size_t bit = <size_t>PyObject_Hash(self.effective) % (8 * SEEN_BYTES)
        cdef unsigned char mask = <unsigned char>(1 << (bit & 7))
        cdef Py_ssize_t index
        if not self.maybe_seen[bit >> 3] & mask:
            self.maybe_seen[bit >> 3] |= mask
            return 0
        for index in range(self.counted, len(self.sets)):
            known = <tuple>self.sets[index]
            self.counts[known[1]] = known[2] + 1
        self.counted = len(self.sets)
        return self.counts.get(self.effective, 0)

    cdef object _unit(self, const unsigned char *text, Py_ssize_t length):
        """The unit as a string; most data sets of a list share a few, so the last one is used again."""
        if length != self.unit_length or memcmp(text, self.unit_text, length) != 0:
            self.unit = as_text(text, length)
            self.unit_length = -1
            if length <= UNIT_LIMIT:
                memcpy(self.unit_text, text, length)
                self.unit_length = length
        return self.unit


cdef inline bint ends_with_mark(const unsigned char *data, Py_ssize_t length) noexcept:
    """Whether a line, its LF left out, ends with '!'."""
    if length > 0 and data[length - 1] == CR:
        length -= 1
    return length > 0 and data[length - 1] == c"!"


def parse_readout(bytes block not None):
    cdef Parser parser = Parser(None)
    parser.run(<const unsigned char *>PyBytes_AS_STRING(block), 0, PyBytes_GET_SIZE(block))
    return parser.sets


@cython.final
cdef class Message:
    cdef readonly bytes command
    cdef readonly bytes text
    cdef readonly object bcc
    cdef readonly bint partial
    cdef readonly bint complete
    cdef list _sets

    def __init__(self):
        raise TypeError("messages come out of a decoder")

    @property
    def data_sets(self):
        if self._sets is None:
            self._sets = parse_readout(self.text)
        return self._sets

    def __repr__(self):
        return f"Message({self.command!r}, {self.text!r}, bcc {self.bcc}, partial {self.partial}, {self.complete})"


cdef Message new_message(bytes command, const unsigned char *text, Py_ssize_t length, object verdict, list sets):
    cdef Message message = Message.__new__(Message)
    message.command = command
    message.text = PyBytes_FromStringAndSize(<const char *>text, length)
    message.bcc = verdict
    message.complete = True
    message._sets = sets
    return message


cdef class _Decoder:
    """A buffer whose beginning is the beginning of the message at hand; `_scanned` bytes of it have been looked at."""

    cdef unsigned char *_buffer
    cdef Py_ssize_t _capacity
    cdef Py_ssize_t _start    # bytes before it are used up
    cdef Py_ssize_t _end
    cdef Py_ssize_t _scanned  # from `_start`
    cdef readonly Py_ssize_t discarded
    cdef readonly str reason

    def __dealloc__(self):
        PyMem_Free(self._buffer)

    cdef int _begin(self, bytes held) except -1:
        self.reason = ""
        self._restart()
        return self._hold(held)

    def reset(self):
        self._start = self._end = 0
        self.discarded = 0
        self.reason = ""
        self._restart()

    def take_rest(self):
        cdef bytes rest = PyBytes_FromStringAndSize(<const char *>self._buffer + self._start, self._end - self._start)
        self._start = self._end = 0
        self._restart()
        return rest

    @property
    def missing(self):
        return 1

    cdef int _restart(self) except -1:
        """Forget the message at hand; the next one is sought from `_start`."""
        self._scanned = 0
        return 0

    cdef int _hold(self, bytes data) except -1:
        cdef Py_ssize_t size = PyBytes_GET_SIZE(data)
        cdef Py_ssize_t left = self._end - self._start
        cdef unsigned char *larger
        if size == 0:
            return 0
        if self._start:
            memmove(self._buffer, self._buffer + self._start, left)
            self._start = 0
            self._end = left
        if left + size > self._capacity:
            larger = <unsigned char *>PyMem_Realloc(self._buffer, 2 * (left + size))
            if larger == NULL:
                raise MemoryError
            self._buffer = larger
            self._capacity = 2 * (left + size)
        memcpy(self._buffer + left, PyBytes_AS_STRING(data), size)
        self._end += size
        if self._end > HELD_LIMIT:
            self._restart()
            self._drop(self._end - HELD_LIMIT, OVERRUN)
        return 0

    cdef int _drop(self, Py_ssize_t count, str reason) except -1:
        """Throw away the first `count` bytes held."""
        self.discarded += count
        self.reason = reason
        return self._use(count)

    cdef int _use(self, Py_ssize_t count) except -1:
        """The first `count` bytes held are done with; what follows is looked at afresh."""
        self._start += count
        self._scanned = 0
        return 0

    cdef int _too_long(self) except -1:
        self._drop(self._scanned, TOO_LONG)
        self._restart()
        raise DecodeError(f"a block of more than {BLOCK_LIMIT} bytes")


@cython.final
cdef class IdentificationDecoder(_Decoder):

    def __init__(self, bytes held not None=b""):
        self._begin(held)

    @property
    def pending(self):
        cdef Py_ssize_t size = self._end - self._start
        return size - find_identification(self._buffer + self._start, size)

    def feed(self, bytes data not None):
        cdef const unsigned char *line
        cdef Py_ssize_t size, end, begin
        self._hold(data)
        while True:
            line = self._buffer + self._start
            size = self._end - self._start
            end = first_of(line, self._scanned, size, LF)
            if end == size:
                self._scanned = size
                if size > LINE_LIMIT:
                    self._drop(size, NO_IDENTIFICATION)
                return None
            begin = find_identification(line, end)
            if begin < end:
                frame = self._identification(line, begin, end)
                if frame is not None:
                    return frame
            else:
                self._drop(end + 1, NO_IDENTIFICATION)

    cdef bytes _identification(self, const unsigned char *line, Py_ssize_t begin, Py_ssize_t end):
        """The identification `line[begin:end]`, if it is undamaged and whole; otherwise the line is dropped."""
        cdef Py_ssize_t stop = end, index
        cdef bytes frame
        if line[stop - 1] == CR:
            stop -= 1
        for index in range(begin, stop):
            if not is_printable(line[index]):
                self._drop(end + 1, DAMAGED_LINE)
                return None
        if stop - begin < LEAST_LINE - 2 or stop - begin > LINE_LIMIT:
            self._drop(end + 1, NO_IDENTIFICATION)
            return None
        frame = PyBytes_FromStringAndSize(<const char *>line + begin, stop - begin)
        if begin:
            self._drop(begin, NO_IDENTIFICATION)
        self._use(end + 1 - begin)
        return frame


cdef Py_ssize_t find_identification(const unsigned char *line, Py_ssize_t end) noexcept:
    """Where '/' and the letters of a manufacturer stand, as far as there are bytes; `end` if nowhere. Not '/?'."""
    cdef Py_ssize_t at = first_of(line, 0, end, c"/"), index
    while at < end:
        if at + 1 < end and line[at + 1] == c"?":  # a request's echo, with whatever stands in its address
            at = first_of(line, first_of(line, at, end, c"!"), end, c"/")
            continue
        index = at + 1
        while index < end and index <= at + 3 and is_letter(line[index]):
            index += 1
        if index == end or index > at + 3:
            return at
        at = first_of(line, at + 1, end, c"/")
    return end


cdef enum State:
    HUNTING
    SKIPPING  # the rest of a line that begins with noise
    LINES     # data lines without STX
    COMMAND   # behind SOH
    BLOCK     # behind STX
    CHECK     # ETX or EOT is there, its BCC is not


@cython.final
cdef class ReadoutDecoder(_Decoder):
    cdef State _state
    cdef Parser _parser
    cdef dict _wanted
    cdef bint _seven_bit
    cdef bint _bare
    cdef bint _told          # the early message has been given
    cdef Py_ssize_t _parsed  # from `_start`; behind '!' when the parser has ended

    def __init__(self, bint seven_bit=False, dict wanted=None, bytes held not None=b"", bint bare=True):
        self._seven_bit = seven_bit
        self._wanted = wanted
        self._bare = bare
        self._begin(held)

    cdef int _restart(self) except -1:
        self._scanned = 0
        self._state = HUNTING
        self._parser = None
        self._told = False
        return 0

    @property
    def pending(self):
        return self._end - self._start if self._state >= LINES else 0

    @property
    def missing(self):
        if self._state == CHECK or self._state == LINES and self._parser.ended:
            return 1
        return 2 if self._state >= LINES else 3

    def feed(self, bytes data not None):
        self._hold(data)
        while self._scanned < self._end - self._start:
            if self._state <= SKIPPING:
                message = self._hunt()
            elif self._state == LINES:
                message = self._read_lines()
            elif self._state == BLOCK:
                message = self._read_block()
            else:
                message = self._read_check()
            if message is not None:
                return message
        return None

    def finish(self):
        cdef const unsigned char *text = self._buffer + self._start
        cdef Py_ssize_t size = self._end - self._start
        cdef Py_ssize_t begin = 1 if self._state >= BLOCK else 0
        cdef Message message
        if self._state < LINES:
            return None
        verdict = False if self._seven_bit and has_damage(text, size) else None
        message = new_message(b"", text + begin, size - begin - (self._state == CHECK), verdict, self._parser.sets)
        message.complete = self._state == CHECK or self._state == LINES and self._parser.ended
        message.partial = self._state == CHECK and text[size - 1] == EOT
        self._use(size)
        self._restart()
        return message

    cdef Message _hunt(self):
        """Look for STX, or for the first line that can only be a data line: printable characters and '('."""
        cdef const unsigned char *line = self._buffer + self._start
        cdef Py_ssize_t size = self._end - self._start, at = self._scanned
        cdef unsigned char byte
        while at < size:
            byte = line[at]
            at += 1
            if byte == STX:
                if at > 1:
                    self._drop(at - 1, NO_START)
                return self._open(BLOCK, 1)
            if byte == LF:
                if self._bare and self._state == HUNTING and line[0] == c"!":
                    return self._open(LINES, 0)
                self._drop(at, NO_START)
                self._state = HUNTING
                return None
            if self._state == SKIPPING:
                continue
            if byte == c"(" and self._bare and line[0] != c"/":
                return self._open(LINES, 0)
            if not is_printable(byte) and byte != CR:
                # Before a line it is noise; within one it may have damaged an address, so the line cannot be used.
                if at > 1 or self._seven_bit and byte & DAMAGED:
                    self._state = SKIPPING
                else:
                    self._drop(1, NO_START)
                    return None
            elif at > LINE_LIMIT:
                self._state = SKIPPING
        self._scanned = at
        if self._state == SKIPPING:
            self._drop(at, NO_START)
        return None

    cdef Message _open(self, State state, Py_ssize_t text_start):
        self._state = state
        self._scanned = self._parsed = text_start
        self._parser = Parser(self._wanted)
        return None

    cdef Message _parse(self, Py_ssize_t end):
        """Parse as far as `end`; the early message when that showed the last thing wanted."""
        cdef const unsigned char *text = self._buffer + self._start
        cdef Py_ssize_t begin = 1 if self._state == BLOCK else 0
        cdef Message message
        self._parsed = begin + self._parser.run(text + begin, self._parsed - begin, end - begin)
        if not self._parser.satisfied or self._told:
            return None
        self._told = True
        message = None
        if not self._seven_bit or not has_damage(text, self._parsed):
            message = new_message(b"", text + begin, self._parsed - begin, None, list(self._parser.sets))
            message.complete = False
        if message is None and self._parsed < end and not self._parser.ended:
            return self._parse(end)
        return message

    cdef Message _read_lines(self):
        """Data lines without STX, up to the end of the line with '!'."""
        cdef const unsigned char *text = self._buffer + self._start
        cdef Py_ssize_t size = self._end - self._start
        cdef Py_ssize_t stop = first_of(text, self._scanned, size, STX), end
        cdef Message message
        if not self._parser.ended:
            message = self._parse(stop)
            self._scanned = self._parsed
            if self._parser.ended and text[self._parsed - 1] == LF:
                self._scanned -= 1
            if message is not None:
                return message
        if self._parser.ended:
            end = first_of(text, self._scanned, stop, LF)
            self._scanned = end
            if end < stop:
                return self._close_lines(end + 1)
        if self._scanned > BLOCK_LIMIT:
            self._too_long()
        if stop < size:  # STX always begins a block: what came before was none
            self._drop(stop, NO_START)
            self._restart()
        return None

    cdef Message _close_lines(self, Py_ssize_t length):
        cdef const unsigned char *text = self._buffer + self._start
        verdict = False if self._seven_bit and has_damage(text, length) else None
        cdef Message message = new_message(b"", text, length, verdict, self._parser.sets)
        self._use(length)
        self._restart()
        return message

    cdef Message _read_block(self):
        cdef const unsigned char *text = self._buffer + self._start
        cdef Py_ssize_t size = self._end - self._start
        cdef Py_ssize_t stop = first_of(text, self._scanned, size, ETX)
        cdef Message message
        stop = first_of(text, self._scanned, stop, EOT)
        if not self._parser.ended:
            message = self._parse(stop)
            if message is not None:
                self._scanned = self._parsed
                return message
        self._scanned = stop
        if stop > BLOCK_LIMIT:
            self._too_long()
        if stop < size:
            self._state = CHECK
            self._scanned = stop + 1
        return None

    cdef Message _read_check(self):
        cdef Message message = check_block(
            b"", self._buffer + self._start, 1, self._scanned, self._seven_bit, self._parser.sets
        )
        self._use(self._scanned + 1)
        self._restart()
        return message


cdef Message check_block(
    bytes command, const unsigned char *data, Py_ssize_t text_at, Py_ssize_t check_at, bint seven_bit, list sets
):
    """The message whose BCC stands at `check_at`, behind ETX or EOT; `data` begins with its STX or SOH."""
    cdef Message message
    cdef object verdict = xor_of(data + 1, check_at - 1) == data[check_at]
    if seven_bit and has_damage(data + 1, check_at):
        verdict = False
    message = new_message(command, data + text_at, max(check_at - 1 - text_at, 0), verdict, sets)
    message.partial = data[check_at - 1] == EOT
    return message


@cython.final
cdef class ProgrammingDecoder(_Decoder):
    cdef State _state
    cdef bint _seven_bit
    cdef Py_ssize_t _text_at  # behind STX, from `_start`; 0 as long as there was none

    def __init__(self, bint seven_bit=False, bytes held not None=b""):
        self._seven_bit = seven_bit
        self._begin(held)

    cdef int _restart(self) except -1:
        self._scanned = 0
        self._state = HUNTING
        self._text_at = 0
        return 0

    @property
    def pending(self):
        return self._end - self._start

    @property
    def missing(self):
        return 2 if self._state == COMMAND or self._state == BLOCK else 1

    def feed(self, bytes data not None):
        self._hold(data)
        while self._scanned < self._end - self._start:
            if self._state == HUNTING:
                message = self._hunt()
            elif self._state == CHECK:
                message = self._read_check()
            else:
                message = self._read_block()
            if message is not None:
                return message
        return None

    cdef Message _hunt(self):
        cdef const unsigned char *data = self._buffer + self._start
        cdef Py_ssize_t size = self._end - self._start, at = 0, matched
        cdef Message message
        while at < size and not SOH <= data[at] <= STX and data[at] != ACK and data[at] != NAK:
            at += 1
        if at:
            self._drop(at, NO_START)
            return None
        if data[0] == SOH or data[0] == STX:
            self._state = COMMAND if data[0] == SOH else BLOCK
            self._text_at = 0 if data[0] == SOH else 1
            self._scanned = 1
            return None
        matched = match_option_select(data, size)
        if matched == OPTION_SELECT:
            self._drop(OPTION_SELECT, ECHO)
            return None
        if 1 < matched == size:
            self._scanned = size
            return None
        message = new_message(bytes(data[:1]), data, 0, None, None)
        self._use(1)
        return message

    cdef Message _read_block(self):
        """Behind SOH or STX: the end of the text, noting where it began."""
        cdef const unsigned char *data = self._buffer + self._start
        cdef Py_ssize_t size = self._end - self._start
        cdef Py_ssize_t stop = first_of(data, self._scanned, size, ETX)
        stop = first_of(data, self._scanned, stop, EOT)
        if self._state == COMMAND:
            self._text_at = first_of(data, self._scanned, stop, STX) + 1
            if self._text_at <= stop:
                self._state = BLOCK
            else:
                self._text_at = 0
        self._scanned = stop
        if stop > BLOCK_LIMIT:
            self._too_long()
        if stop < size:
            self._state = CHECK
            self._scanned = stop + 1
        return None

    cdef Message _read_check(self):
        cdef const unsigned char *data = self._buffer + self._start
        cdef Py_ssize_t text_at = self._text_at or self._scanned
        cdef bytes command = b""
        cdef Message message
        if data[0] == SOH:
            command = bytes(data[1:text_at - 1])
        message = check_block(command, data, text_at, self._scanned, self._seven_bit, None)
        self._use(self._scanned + 1)
        self._restart()
        return message


cdef Py_ssize_t match_option_select(const unsigned char *data, Py_ssize_t size) noexcept:
    """How many bytes look like ACK V Z Y CR LF; 0 if they cannot be the beginning of it."""
    cdef Py_ssize_t at
    if data[0] != ACK:
        return 0
    for at in range(1, min(size, OPTION_SELECT)):
        if at == 4 and data[at] != CR or at == 5 and data[at] != LF:
            return 0
        if at < 4 and not (c"0" <= data[at] <= c"9" or is_letter(data[at])):
            return 0
    return min(size, OPTION_SELECT)
