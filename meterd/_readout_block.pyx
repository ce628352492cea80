"""The syntax of a data block (IEC 62056-21 clause 6.4): characters to data sets, a byte machine."""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.list cimport PyList_GET_SIZE
from libc.string cimport memcmp, memcpy

from ._input cimport spread
from ._readout cimport BLANK, CR, LF, as_text, first_of

cdef unsigned char STOPS[256]  # what ends the run of ordinary characters in an address, in a group

cdef enum:
    STOPS_ADDRESS = 1
    STOPS_GROUP = 2

STOPS[<unsigned char>c"("] = STOPS[<unsigned char>c"!"] = STOPS_ADDRESS

STOPS[<unsigned char>c")"] = STOPS[<unsigned char>c"*"] = STOPS_GROUP

STOPS[LF] = STOPS_ADDRESS | STOPS_GROUP


@cython.final
cdef class _Parser:
    """The syntax of a data block as a byte machine that may be stopped and resumed between any two bytes."""

    def __cinit__(self, dict wanted, bint bare):
        self.bare = bare
        self.sets = []
        self.counts = {}
        self.wanted = None if wanted is None else dict(wanted)
        self.context = LINE_START
        self.star = -1
        self.unit_length = -1

    cdef Py_ssize_t run(self, const unsigned char *text, Py_ssize_t at, Py_ssize_t end) except -1:
        """Go on from `at`; stops at `end`, behind '!', behind the line that shows the last thing wanted, or where the
        next list begins.

        `text` is the whole block so far, each time from the same start.
        """
        while at < end and not self.ended:
            if self.context == GROUP:
                at = self._read_group(text, at, end)
            elif self.context == ADDRESS:
                at = self._read_address(text, at, end)
            elif self.context == LINE_START:
                self.restarted = self.bare and text[at] == c"/" and PyList_GET_SIZE(self.sets) > 0
                if self.restarted:
                    break
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
            self.index = self._groups_seen(text + start, end - start)
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

    cdef Py_ssize_t _groups_seen(self, const unsigned char *text, Py_ssize_t length) except -1:
        """How many groups came under the address that has just been set, `text[:length]`.

        Most addresses come once, and a bit in `maybe_seen` that is not set proves it; only when it is set are the
        data sets so far looked through, each once in the life of the parser.
        """
        cdef unsigned int bit = spread(text, length) % (8 * SEEN_BYTES)
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
    cdef _Parser parser = _Parser(None, False)
    parser.run(<const unsigned char *>PyBytes_AS_STRING(block), 0, PyBytes_GET_SIZE(block))
    return parser.sets
