"""One data block of a read-out, with or without STX (IEC 62056-21 clause 6.3.4)."""

cimport cython

from ._input cimport left
from ._readout cimport BLOCK_LIMIT, CR, DAMAGED, EOT, ETX, LF, LINE_LIMIT, STX, first_of, has_damage, is_printable
from ._readout_block cimport new_parser
from ._readout_message cimport (
    BLOCK, CHECK, HUNTING, LINES, NO_START, SKIPPING, Message, State, _Decoder, check_block, new_message,
)


@cython.final
@cython.no_gc
cdef class ReadoutDecoder(_Decoder):
    def __init__(self, bint seven_bit=False, dict wanted=None, bytes held not None=b"", bint bare=True):
        self._seven_bit = seven_bit
        self._wanted = wanted
        self._bare = bare
        self._begin(held)

    cdef void _restart(self) noexcept:
        self._scanned = 0
        self._state = HUNTING
        self._parser = None
        self._told = False

    cdef Py_ssize_t held_back(self) noexcept:
        return left(&self.held) if self._state >= LINES else 0

    @property
    def missing(self):
        if self._state == CHECK or self._state == LINES and self._parser.ended:
            return 1
        return 2 if self._state >= LINES else 3

    cdef object _step(self):
        if self._state <= SKIPPING:
            return self._hunt()
        if self._state == LINES:
            return self._read_lines()
        if self._state == BLOCK:
            return self._read_block()
        return self._read_check()

    def finish(self):
        cdef const unsigned char *text = self.held.at
        cdef Py_ssize_t size = left(&self.held)
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
        cdef const unsigned char *line = self.held.at
        cdef Py_ssize_t size = left(&self.held), at = self._scanned
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
        self._parser = new_parser(self._wanted, state == LINES)
        return None

    cdef Message _parse(self, Py_ssize_t end):
        """Parse as far as `end`; the early message when that showed the last thing wanted."""
        cdef const unsigned char *text = self.held.at
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
        cdef const unsigned char *text = self.held.at
        cdef Py_ssize_t size = left(&self.held)
        cdef Py_ssize_t stop = first_of(text, self._scanned, size, STX), end
        cdef Message message
        if not self._parser.ended:
            message = self._parse(stop)
            self._scanned = self._parsed
            if self._parser.restarted:  # its end was lost, and the next one's would pass for it
                self._begun_anew()
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
        cdef const unsigned char *text = self.held.at
        verdict = False if self._seven_bit and has_damage(text, length) else None
        cdef Message message = new_message(b"", text, length, verdict, self._parser.sets)
        self._use(length)
        self._restart()
        return message

    cdef Message _read_block(self):
        cdef const unsigned char *text = self.held.at
        cdef Py_ssize_t size = left(&self.held)
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
            b"", self.held.at, 1, self._scanned, self._seven_bit, self._parser.sets
        )
        self._use(self._scanned + 1)
        self._restart()
        return message
