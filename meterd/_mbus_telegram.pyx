"""M-Bus application layer: a frame to a telegram, who sent it and its data records.

The problem: a meter sends the same records again and again, and all meters of a kind the same ones, with other values.
Assumptions: what blocks mean, how a telegram is decrypted and what else than a long header a frame may have is told by
the protocol (`meterd.protocols.mbus.telegram`). The records of a telegram in the clear are kept: the next one whose
octets are the same, but for those of values, is cut as it was, and if nobody holds one of the records any more they get
their new values where they lie. At most 128 kinds of up to 64 records; of a meter that sends twelve this is about 2 kB.
Standard: EN 13757-3 clause 5 (CI 72 and 76, the long header).
Dirt it must survive: a header cut short; records are those of `_mbus_records`, whichever way they are found.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.ref cimport Py_REFCNT
from libc.string cimport memcpy, memset

from ._input cimport HELD_HERE, spread
from ._mbus cimport MbusFrame
from ._mbus_records cimport new_record, records_of
from ._mbus_values cimport DAMAGED_RECORD, MORE_TELEGRAMS, Record, data_at, find_value

from .errors import DecodeError

cdef enum:
    KINDS = 128             # of telegrams, whose records are kept
    PROBES = 4              # places where one kind may be
    KEPT_RECORDS = 64       # of one telegram; of a longer one none
    IDENTITY = 8            # identification, manufacturer, version, medium
    MANUFACTURER = 4        # where in it version and medium follow
    LONG_HEADER = 12        # and access number, status, configuration
    LONG_ANSWER = 0x72
    LONG_ANSWER_MSB = 0x76  # the same, multi-byte values turned round

# Where each octet of the identity stands in mode 2 (CI 76).
cdef unsigned char *TURNED = [3, 2, 1, 0, 5, 4, 6, 7]

# Records of telegrams met before, in places that manufacturer, version, medium and size tell; and which octets of those
# are no values.
cdef list KEPT = [None] * KINDS
cdef list TELLING = [None] * KINDS

# Of the protocol, as it told `know`: what blocks mean, how a telegram is decrypted, what else a frame may hold.
cdef object known = None, plain_of = None, otherwise = None


@cython.final
@cython.no_gc
@cython.freelist(8)
cdef class Telegram:
    def __init__(
        self, records not None, bytes identity=None, access_number=None, status=None, int configuration=0,
        bint fixed=False,
    ):
        self.records = tuple(records)
        self._identity = identity
        self._access_number = -1 if access_number is None else access_number
        self._status = -1 if status is None else status
        self.configuration = configuration
        self.fixed = fixed

    @property
    def identity(self):
        if self._identity is None and self._header is not None:
            self._identity = identity_in(self._header, self._msb_first)
        return self._identity

    @property
    def access_number(self):
        return None if self._access_number < 0 else self._access_number

    @property
    def status(self):
        return None if self._status < 0 else self._status

    @property
    def more_follow(self):
        return last_function(self.records) == MORE_TELEGRAMS


cdef int last_function(tuple records) noexcept:
    """The function of the last record; that of damage where there is none."""
    if not records:
        return DAMAGED_RECORD
    return (<Record>records[len(records) - 1])._heading.function


cdef bytes identity_in(bytes header, bint msb_first):
    cdef const unsigned char *octets = <const unsigned char *>PyBytes_AS_STRING(header)
    cdef unsigned char[IDENTITY] identity
    cdef int at
    for at in range(IDENTITY):
        identity[at] = octets[TURNED[at] if msb_first else at]
    return PyBytes_FromStringAndSize(<const char *>identity, IDENTITY)


cdef bytes telling_octets(list records, Py_ssize_t size):
    """FF where an octet tells how a telegram of `size` octets is cut (DIF to LVAR, fillers), 0 in header and values."""
    cdef bytes telling = PyBytes_FromStringAndSize(NULL, size)
    cdef char *octets = PyBytes_AS_STRING(telling)
    cdef Record record
    memset(octets, 0, LONG_HEADER)
    memset(octets + LONG_HEADER, 0xFF, size - LONG_HEADER)
    for record in records:
        memset(octets + data_at(record), 0, record._end - data_at(record))
    return telling


cdef inline size_t word_at(bytes octets, Py_ssize_t place) noexcept:
    cdef size_t word
    memcpy(&word, PyBytes_AS_STRING(octets) + place, sizeof(word))
    return word


cdef bint alike(tuple records, bytes telling, bytes data, bint msb_first):
    """Whether all octets of `data` that tell how it is cut are as they were in the telegram of `records`.

    What stands ahead of a record's data tells where the data end, so both are cut alike.
    """
    cdef Record first = <Record>records[0]
    cdef bytes former = first._source
    cdef Py_ssize_t last = PyBytes_GET_SIZE(data) - <Py_ssize_t>sizeof(size_t), place = LONG_HEADER
    if PyBytes_GET_SIZE(former) != PyBytes_GET_SIZE(data) or first._msb_first != msb_first:
        return False
    while place < last:
        if (word_at(former, place) ^ word_at(data, place)) & word_at(telling, place):
            return False
        place += sizeof(size_t)
    return not (word_at(former, last) ^ word_at(data, last)) & word_at(telling, last)


cdef bint is_held(tuple records):
    """Whether somebody still has them, or one of them."""
    cdef Record record
    cdef Py_ssize_t place
    if Py_REFCNT(records) > HELD_HERE:
        return True
    for place in range(len(records)):
        record = <Record>records[place]
        if Py_REFCNT(record) > HELD_HERE:
            return True
    return False


cdef Record cut_like(Record former):
    cdef Record record = new_record(former._source, former._start, former._msb_first)
    record._end = former._end
    record._heading = former._heading
    record.meaning = former.meaning
    return record


cdef int fill_anew(tuple records, bytes data) except -1:
    """Give the records, which nobody holds, the values of `data`."""
    cdef const unsigned char *octets = <const unsigned char *>PyBytes_AS_STRING(data)
    cdef Record record
    cdef Py_ssize_t place
    for place in range(len(records)):
        record = <Record>records[place]
        record._source = data
        if record._refusal is not None:
            record._refusal = None
        find_value(record, octets + data_at(record))
        if record._refusal is not None:
            record.value = None  # what it was before
    return 0


cdef tuple records_of_kind(bytes data, bint msb_first):
    """Cut as an earlier telegram was where both are alike; otherwise octet by octet."""
    cdef const unsigned char *header = <const unsigned char *>PyBytes_AS_STRING(data)
    cdef unsigned int home = spread(header + MANUFACTURER, 4) + <unsigned int>PyBytes_GET_SIZE(data)
    cdef unsigned int place
    cdef int probe
    cdef tuple records
    cdef list found
    for probe in range(PROBES):
        place = (home + probe) % KINDS
        records = <tuple>KEPT[place]
        if records is None:
            break
        if alike(records, <bytes>TELLING[place], data, msb_first):
            if is_held(records):
                KEPT[place] = records = tuple([cut_like(<Record>record) for record in records])
            fill_anew(records, data)
            return records
    else:
        place = home % KINDS
    found = records_of(data, LONG_HEADER, known, msb_first)
    records = tuple(found)
    if len(found) <= KEPT_RECORDS and last_function(records) < DAMAGED_RECORD:
        TELLING[place] = telling_octets(found, PyBytes_GET_SIZE(data))
        KEPT[place] = records
    return records


def know(meanings, clear_text, other_layout):
    global known, plain_of, otherwise
    KEPT[:] = [None] * KINDS
    known = meanings
    plain_of = clear_text
    otherwise = other_layout


def decode_telegram(MbusFrame frame not None, key=None, identity=None):
    cdef Telegram telegram
    cdef bytes data = frame.data
    cdef const unsigned char *header = <const unsigned char *>PyBytes_AS_STRING(data)
    cdef bint msb_first = frame.ci == LONG_ANSWER_MSB
    if frame.ci != LONG_ANSWER and not msb_first:
        return otherwise(frame, key, identity)
    if PyBytes_GET_SIZE(data) < LONG_HEADER:
        raise DecodeError(f"the header has {len(data)} of its {LONG_HEADER} bytes")
    telegram = Telegram.__new__(Telegram)
    telegram._header = data
    telegram._msb_first = msb_first
    telegram._access_number = header[8]
    telegram._status = header[9]
    telegram.configuration = header[10] | header[11] << 8
    if msb_first:
        telegram.configuration = header[10] << 8 | header[11]
    if key is None and not telegram.configuration:
        telegram.records = records_of_kind(data, msb_first)
    else:
        plain = plain_of(data[LONG_HEADER:], telegram.configuration, header[8], identity_in(data, msb_first), key)
        telegram.records = tuple(records_of(plain, 0, known, msb_first))
    return telegram
