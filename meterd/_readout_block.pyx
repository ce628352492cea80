"""The syntax of a data block (IEC 62056-21 clause 6.4): characters to data sets, a byte machine."""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.dict cimport PyDict_Size
from cpython.list cimport PyList_GET_SIZE, PyList_New, PyList_SET_ITEM
from cpython.ref cimport Py_INCREF, Py_REFCNT
from cpython.unicode cimport PyUnicode_1BYTE_DATA, PyUnicode_GET_LENGTH
from libc.string cimport memcmp, memcpy

from ._input cimport HELD_HERE, spread
from ._readout cimport BLANK, CR, LF, as_text, first_of, has_damage

cdef extern from "Python.h":
    void Py_SET_SIZE(list sets, Py_ssize_t size) noexcept

cdef extern from *:
    """
    #if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    #define FIRST_MARKED(marks) (__builtin_ctzll(marks) / 8)
    #else  /* a borrow may have marked bytes before the first one that is below */
    #define FIRST_MARKED(marks) 0
    #endif

    /* Give a data set that nobody holds another value, as CPython itself does with a text of which nobody else knows:
       one reference, no hash (so it is not interned either), no copy in wide characters. */
    static CYTHON_INLINE int is_put_anew(PyObject *data_set, const unsigned char *value, Py_ssize_t length) {
        PyObject *former = PyTuple_GET_ITEM(data_set, 3);
        if (Py_REFCNT(former) != 1 || !PyUnicode_IS_COMPACT_ASCII(former)) return 0;
        if (((PyASCIIObject *)former)->hash != -1 || PyUnicode_GET_LENGTH(former) != length) return 0;
    #if PY_VERSION_HEX < 0x030C0000
        if (((PyASCIIObject *)former)->wstr != NULL) return 0;
    #endif
        memcpy(PyUnicode_1BYTE_DATA(former), value, (size_t)length);
    #if PY_VERSION_HEX >= 0x030E0000
        ((PyTupleObject *)data_set)->ob_hash = -1;
    #endif
        return 1;
    }
    """
    Py_ssize_t FIRST_MARKED(size_t marks) noexcept  # bytes of a word, before which none is marked in its bit 7
    bint is_put_anew(tuple data_set, const unsigned char *value, Py_ssize_t length) noexcept

cdef enum:
    ORDINARY = 0x2B        # characters from here on stop nothing
    STOPS_ADDRESS = 1
    STOPS_GROUP = 2

cdef unsigned char STOPS[ORDINARY]  # what ends the run of ordinary characters in an address, in a group

STOPS[<unsigned char>c"("] = STOPS[<unsigned char>c"!"] = STOPS_ADDRESS

STOPS[<unsigned char>c")"] = STOPS[<unsigned char>c"*"] = STOPS_GROUP

STOPS[LF] = STOPS_ADDRESS | STOPS_GROUP

# Addresses met so far, in places that their characters tell, where a later one takes it: a meter sends the same ones
# each time, an attacker any number. Beside each, what `spread` makes of it, and the place of the one that came behind
# it last, which mostly comes behind it again: then it need not be looked for.
cdef list KEPT_ADDRESSES = [None] * ADDRESSES
cdef unsigned int KEPT_BITS[ADDRESSES]

# And a data set with that address, the first behind it: where nobody else holds it any more, nor its value, the next
# one is told in it. At most 512, of 64 characters: of a list of 22 data sets 4 kB, of all places 100.
cdef list KEPT_SETS = [None] * ADDRESSES
cdef unsigned short FOLLOWERS[ADDRESSES]


cdef object FIRST = 0  # the index of nearly all groups


cdef inline Py_ssize_t next_stop(
    const unsigned char *text, Py_ssize_t at, Py_ssize_t end, unsigned char stops
) noexcept:
    cdef size_t word, below
    while True:
        while end - at >= <Py_ssize_t>sizeof(word):
            memcpy(&word, text + at, sizeof(word))
            below = (word - <size_t>-1 // 0xFF * ORDINARY) & ~word & <size_t>-1 // 0xFF * 0x80
            if below:
                at += FIRST_MARKED(below)
                break
            at += sizeof(word)
        while at < end and text[at] >= ORDINARY:
            at += 1
        if at == end or STOPS[text[at]] & stops:
            return at
        at += 1


cdef inline bint reads(object kept, const unsigned char *text, Py_ssize_t length):
    """Whether `kept` is an address, and `text[:length]` its characters."""
    if kept is None or PyUnicode_GET_LENGTH(kept) != length:
        return False
    return memcmp(PyUnicode_1BYTE_DATA(kept), text, length) == 0


cdef _Parser new_parser(dict wanted, bint bare):
    cdef _Parser parser = _Parser.__new__(_Parser)
    parser.bare = bare
    parser.sets = PyList_New(USUAL_SETS)  # room for them, see `_add`
    Py_SET_SIZE(parser.sets, 0)
    parser.wanted = None if wanted is None else dict(wanted)
    parser.context = LINE_START
    parser.star = -1
    parser.unit_length = -1
    return parser


@cython.final
@cython.no_gc
@cython.freelist(2)
cdef class _Parser:
    """The syntax of a data block as a byte machine that may be stopped and resumed between any two bytes."""

    cdef Py_ssize_t run(self, const unsigned char *text, Py_ssize_t at, Py_ssize_t end) except -1:
        """Go on from `at`; stops at `end`, behind '!', behind the line that shows the last thing wanted, or where the
        next list begins.

        `text` is the whole block so far, each time from the same start.
        """
        self.damaged = self.damaged or has_damage(text + at, end - at)
        while at < end and not self.ended:
            if self.context == LINE_START:
                at = self._line_start(text, at, end)
                if self.restarted:
                    break
            elif self.context == GROUP:
                at = self._read_group(text, at, end)
            elif self.context == ADDRESS:
                at = self._read_address(text, at, end)
            else:
                at = first_of(text, at, end, LF)
                if at < end:
                    at += 1
                    self.context = LINE_START
            if self.context == LINE_START and self._shows_all():
                self.satisfied = True
                break
        return at

    cdef bint _shows_all(self) noexcept:
        """Whether nothing that is wanted is still to come, and that has not been told."""
        return self.wanted is not None and PyDict_Size(self.wanted) == 0 and not self.satisfied

    cdef Py_ssize_t _line_start(self, const unsigned char *text, Py_ssize_t at, Py_ssize_t end) except -1:
        """Read line after line for as long as each begins with the address that came next in an earlier list."""
        cdef Py_ssize_t group
        cdef unsigned int place
        cdef object kept
        while text[at] != c"/":
            place = FOLLOWERS[self.place]
            kept = KEPT_ADDRESSES[place]
            group = at + (PyUnicode_GET_LENGTH(kept) if kept is not None else end)
            if group >= end or text[group] != c"(" or memcmp(PyUnicode_1BYTE_DATA(kept), text + at, group - at) != 0:
                break
            self.place = place
            self._take_address(kept, KEPT_BITS[place])
            self._open_group(group + 1)
            at = self._read_group(text, group + 1, end)
            if at == end or self.context != LINE_START or self.ended or self.wanted is not None and self._shows_all():
                return at
        self.mark = at
        self.context = ADDRESS
        if text[at] == c"/":
            self.restarted = self.bare and PyList_GET_SIZE(self.sets) > 0
            self.context = LINE_START if self.restarted else IDENTIFICATION
        return at

    cdef Py_ssize_t _read_group(self, const unsigned char *text, Py_ssize_t at, Py_ssize_t end) except -1:
        cdef unsigned char byte
        while True:
            at = next_stop(text, at, end, STOPS_GROUP)
            if at == end:
                break
            byte = text[at]
            at += 1
            if byte == c")":
                self._add(text, at - 1)
                self.context = ADDRESS
                self.mark = at
                if at + 1 < end and text[at] == CR and text[at + 1] == LF:  # nearly always
                    self.context = LINE_START
                    at += 2
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
        at = next_stop(text, at, end, STOPS_ADDRESS)
        if at == end:
            return at
        byte = text[at]
        at += 1
        if byte == c"(":
            self._set_address(text, self.mark, at - 1)
            self._open_group(at)
        elif byte == c"!":
            self.ended = True
        else:
            self.context = LINE_START
        return at

    cdef inline void _open_group(self, Py_ssize_t at) noexcept:
        self.context = GROUP
        self.mark = at
        self.star = -1

    cdef int _set_address(self, const unsigned char *text, Py_ssize_t start, Py_ssize_t end) except -1:
        """Take `text[start:end]` without the blanks around it as the address of the group that opens."""
        cdef unsigned int bits
        while start < end and text[start] <= BLANK:
            start += 1
        while start < end and text[end - 1] <= BLANK:
            end -= 1
        self.goes_on = start == end
        if start < end:
            bits = spread(text + start, end - start)
            self._take_address(self._address_text(text + start, end - start, bits), bits)
        return 0

    cdef inline int _take_address(self, object address, unsigned int bits) except -1:
        self.goes_on = False
        self.effective = address
        self.index = self._groups_seen(bits)
        return 0

    cdef object _address_text(self, const unsigned char *text, Py_ssize_t length, unsigned int bits):
        """The address as a string: kept from an earlier list, or made."""
        cdef unsigned int place = bits % ADDRESSES
        cdef object kept = KEPT_ADDRESSES[place]
        if kept is not None and not reads(kept, text, length):  # another has it: the place beside it
            place ^= 1
            kept = KEPT_ADDRESSES[place]
        FOLLOWERS[self.place] = <unsigned short>place
        self.place = place
        if reads(kept, text, length):
            return kept
        kept = as_text(text, length, self.damaged)
        if length <= ADDRESS_LIMIT:
            KEPT_ADDRESSES[place] = kept
            KEPT_BITS[place] = bits
        return kept

    cdef int _add(self, const unsigned char *text, Py_ssize_t end) except -1:
        """The group from `mark` to `end` is whole: one more data set."""
        cdef Py_ssize_t count = PyList_GET_SIZE(self.sets)
        cdef bint is_first = self.index == 0 and not self.goes_on
        cdef tuple found = <tuple>KEPT_SETS[self.place] if is_first else None
        if found is None or Py_REFCNT(found) > HELD_HERE or not self._is_told_in(found, text, end):
            found = self._data_set(text, end)
            if is_first and end - self.mark <= SET_LIMIT and KEPT_ADDRESSES[self.place] is self.effective:
                KEPT_SETS[self.place] = found
        if count < USUAL_SETS:  # there is room: a list that grows would be moved for the first, fifth, ninth …
            Py_INCREF(found)
            PyList_SET_ITEM(self.sets, count, found)
            Py_SET_SIZE(self.sets, count + 1)
        else:
            self.sets.append(found)
        if self.wanted is not None:
            last = self.wanted.get(self.effective)
            if last is not None and self.index >= last:
                del self.wanted[self.effective]
        self.index += 1
        return 0

    cdef tuple _data_set(self, const unsigned char *text, Py_ssize_t end):
        cdef Py_ssize_t value_end = end if self.star < 0 else self.star
        return (
            None if self.goes_on else self.effective,
            self.effective,
            FIRST if self.index == 0 else self.index,
            as_text(text + self.mark, value_end - self.mark, self.damaged),
            None if self.star < 0 else self._unit(text + self.star + 1, end - self.star - 1),
        )

    cdef bint _is_told_in(self, tuple kept, const unsigned char *text, Py_ssize_t end):
        """Whether the group at hand differs from `kept`, which nobody holds, in its value alone; that it has now."""
        if kept[1] is not self.effective or self.damaged:
            return False
        if self.star < 0:
            return kept[4] is None and is_put_anew(kept, text + self.mark, end - self.mark)
        if not reads(kept[4], text + self.star + 1, end - self.star - 1):
            return False
        return is_put_anew(kept, text + self.mark, self.star - self.mark)

    cdef Py_ssize_t _groups_seen(self, unsigned int bits) except -1:
        """How many groups came under the address that has just been set, of which `spread` makes `bits`.

        Most addresses come once, and a bit in `maybe_seen` that is not set proves it; only when it is set are the
        data sets so far looked through, each once in the life of the parser.
        """
        cdef unsigned int bit = bits % (8 * SEEN_BYTES)
        cdef unsigned char mask = <unsigned char>(1 << (bit & 7))
        cdef Py_ssize_t index
        if not self.maybe_seen[bit >> 3] & mask:
            self.maybe_seen[bit >> 3] |= mask
            return 0
        if self.counts is None:
            self.counts = {}
        for index in range(self.counted, len(self.sets)):
            known = <tuple>self.sets[index]
            self.counts[known[1]] = known[2] + 1
        self.counted = len(self.sets)
        return self.counts.get(self.effective, 0)

    cdef object _unit(self, const unsigned char *text, Py_ssize_t length):
        """The unit as a string; most data sets of a list share a few, so the last one is used again."""
        if length != self.unit_length or memcmp(text, self.unit_text, length) != 0:
            self.unit = as_text(text, length, self.damaged)
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
    cdef _Parser parser = new_parser(None, False)
    parser.run(<const unsigned char *>PyBytes_AS_STRING(block), 0, PyBytes_GET_SIZE(block))
    return parser.sets
