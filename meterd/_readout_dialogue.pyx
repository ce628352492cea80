"""The lines and messages around a read-out: identification, programming mode (IEC 62056-21 clause 6.3)."""

cimport cython
from cpython.bytes cimport PyBytes_FromStringAndSize

from ._input cimport left
from ._readout cimport (
    ACK, BLOCK_LIMIT, CR, EOT, ETX, LF, LINE_LIMIT, NAK, SOH, STX, first_of, is_letter,
    is_printable,
)
from ._readout_message cimport (
    BLOCK, CHECK, COMMAND, HUNTING, NO_START, Message, _Decoder, check_block, new_message,
)

cdef enum:
    OPTION_SELECT = 6      # ACK V Z Y CR LF
    LEAST_LINE = 7         # '/XXXZ' CR LF

cdef str NO_IDENTIFICATION = "no identification line"
cdef str DAMAGED_LINE = "an identification line with damaged characters"
cdef str ECHO = "an acknowledgement with option select"


@cython.final
cdef class IdentificationDecoder(_Decoder):
    def __init__(self, bytes held not None=b""):
        self._begin(held)

    cdef Py_ssize_t held_back(self) noexcept:
        return left(&self.held) - find_identification(self.held.at, left(&self.held))

    cdef object _step(self):
        cdef const unsigned char *line = self.held.at
        cdef Py_ssize_t size = left(&self.held), begin
        cdef Py_ssize_t end = first_of(line, self._scanned, size, LF)
        if end == size:
            self._scanned = size
            if size > LINE_LIMIT:
                self._drop(size, NO_IDENTIFICATION)
            return None
        begin = find_identification(line, end)
        if begin < end:
            return self._identification(line, begin, end)
        self._drop(end + 1, NO_IDENTIFICATION)
        return None

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


@cython.final
cdef class ProgrammingDecoder(_Decoder):
    def __init__(self, bint seven_bit=False, bytes held not None=b""):
        self._seven_bit = seven_bit
        self._begin(held)

    cdef void _restart(self) noexcept:
        self._scanned = 0
        self._state = HUNTING
        self._text_at = 0

    @property
    def missing(self):
        return 2 if self._state == COMMAND or self._state == BLOCK else 1

    cdef object _step(self):
        if self._state == HUNTING:
            return self._hunt()
        if self._state == CHECK:
            return self._read_check()
        return self._read_block()

    cdef Message _hunt(self):
        cdef const unsigned char *data = self.held.at
        cdef Py_ssize_t size = left(&self.held), at = 0, matched
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
        cdef const unsigned char *data = self.held.at
        cdef Py_ssize_t size = left(&self.held)
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
        cdef const unsigned char *data = self.held.at
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
