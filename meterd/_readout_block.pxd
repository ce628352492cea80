cimport cython

cdef enum Context:
    LINE_START
    IDENTIFICATION  # '/' at line start: no data until the line ends
    ADDRESS         # before '(' or between ')' and the next '('
    GROUP           # behind '(' and before ')'


cdef enum:
    UNIT_LIMIT = 16        # units worth remembering
    USUAL_SETS = 32        # most lists have no more data sets
    SEEN_BYTES = 1024
    ADDRESSES = 512        # places for addresses
    ADDRESS_LIMIT = 32     # characters of one that is worth a place
    SET_LIMIT = 64         # characters of a group that is kept beside it


@cython.final
cdef class _Parser:
    cdef list sets
    cdef dict counts      # effective address: groups seen under it, as far as `counted`; None before any is asked for
    cdef Py_ssize_t counted
    cdef unsigned char maybe_seen[SEEN_BYTES]
    cdef dict wanted      # effective address: index still to come; None if all of the block is wanted
    cdef bint goes_on     # the group has no address of its own
    cdef object effective
    cdef unsigned int place  # of the last address, in KEPT_ADDRESSES
    cdef Py_ssize_t index  # of the next group under `effective`
    cdef object unit      # the last one, and its characters
    cdef char unit_text[UNIT_LIMIT]
    cdef Py_ssize_t unit_length
    cdef Context context
    cdef Py_ssize_t mark  # where the address or the group begins
    cdef Py_ssize_t star  # the first '*' of the group, or -1
    cdef bint ended       # '!' was seen
    cdef bint bare        # a list without STX: an identification behind data sets is of the next one
    cdef bint restarted   # and one stands there
    cdef bint damaged     # not all characters so far were of seven bits
    cdef bint satisfied   # whole lines have shown all that is wanted

    cdef Py_ssize_t run(self, const unsigned char *text, Py_ssize_t at, Py_ssize_t end) except -1
    cdef bint _shows_all(self) noexcept
    cdef Py_ssize_t _line_start(self, const unsigned char *text, Py_ssize_t at, Py_ssize_t end) except -1
    cdef Py_ssize_t _read_group(self, const unsigned char *text, Py_ssize_t at, Py_ssize_t end) except -1
    cdef Py_ssize_t _read_address(self, const unsigned char *text, Py_ssize_t at, Py_ssize_t end) except -1
    cdef int _set_address(self, const unsigned char *text, Py_ssize_t start, Py_ssize_t end) except -1
    cdef void _open_group(self, Py_ssize_t at) noexcept
    cdef int _take_address(self, object address, unsigned int bits) except -1
    cdef object _address_text(self, const unsigned char *text, Py_ssize_t length, unsigned int bits)
    cdef int _add(self, const unsigned char *text, Py_ssize_t end) except -1
    cdef tuple _data_set(self, const unsigned char *text, Py_ssize_t end)
    cdef bint _is_told_in(self, tuple kept, const unsigned char *text, Py_ssize_t end)
    cdef Py_ssize_t _groups_seen(self, unsigned int bits) except -1
    cdef object _unit(self, const unsigned char *text, Py_ssize_t length)


cdef _Parser new_parser(dict wanted, bint bare)
